"""The pairs of a leaderboard that are tested, and what follows from them: letters and ranks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from bench.comparing.compare import MetricComparison, compare
from bench.comparing.family import seed_spreads
from bench.comparing.side import Side
from bench.statistics.letters import letters
from bench.statistics.tests import adjusted_pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPair:
    """Two methods; the difference is a minus b, and a stands above b."""

    a: str
    b: str
    comparison: MetricComparison
    """With the p-value corrected over all pairs that were tested."""
    is_told_apart: bool

    @property
    def is_tested(self) -> bool:
        """Return whether there was evidence to test; without, nothing is known of the pair."""
        return self.comparison.difference is not None

    @property
    def better(self) -> str | None:
        """Return the method that is significantly better; none where the two are not told apart."""
        if not self.is_told_apart:
            return None
        return self.a if (self.comparison.a > self.comparison.b) == self.comparison.higher_is_better else self.b

    def has(self, name: str) -> bool:
        """Return whether a method is one of the two."""
        return name in (self.a, self.b)

    def other(self, name: str) -> str:
        """Return the method beside this one."""
        return self.b if name == self.a else self.a


def asked_names(names: Sequence[str], reference: str | None, methods: Sequence[str]) -> tuple[str, ...]:
    """Return the methods that are set against each other: all, or those asked for and the reference.

    Args:
        names: of the board's methods, in its order.
        reference: name of the reference; none where there is none.
        methods: names that were asked for; empty for all. Those that are not on the board are passed over.
    """
    return tuple(name for name in names if not methods or name in methods or name == reference)


def compare_pairs(
    sides: Sequence[Side], names: Sequence[str], metric: str, confidence: float
) -> tuple[MethodPair, ...]:
    """Return all pairs of the methods asked for, corrected together: the fewer they are, the more is found.

    Args:
        sides: all methods of the board, which together show how far seeds move a score.
        names: of those to set against each other, the better mean first.
        metric: whose scores are compared.
        confidence: a pair is told apart where its corrected p is below 1 minus it.
    """
    spreads, by_name = seed_spreads(sides, [metric]), {side.name: side for side in sides}
    rows = [
        (
            a,
            b,
            compare(
                by_name[a], by_name[b], metrics=[metric], confidence=confidence, n_resamples=0, spreads=spreads
            ).rows[0],
        )
        for a, b in combinations(names, 2)
    ]
    tested = [row.difference.p_value for _, _, row in rows if row.difference is not None]
    corrected = iter(adjusted_pairs(tested, len(names)))
    pairs = []
    for a, b, row in rows:
        p_adjusted = None if row.difference is None else next(corrected)
        told_apart = p_adjusted is not None and p_adjusted < 1 - confidence
        pairs.append(MethodPair(a=a, b=b, comparison=replace(row, p_adjusted=p_adjusted), is_told_apart=told_apart))
    return tuple(pairs)


def letters_of(names: Sequence[str], pairs: Sequence[MethodPair]) -> Mapping[str, str]:
    """Return the letters of each method: two share one exactly where they were tested and not told apart.

    Args:
        names: of the board's methods, in its order.
        pairs: those that were asked for.

    Returns:
        Name -> letters; empty where a method was tested with no other, so that nothing is known of it.
    """
    tested = [name for name in names if any(pair.is_tested and pair.has(name) for pair in pairs)]
    alike = {frozenset((pair.a, pair.b)) for pair in pairs if pair.is_tested and not pair.is_told_apart}
    apart = [(i, j) for i, j in combinations(range(len(tested)), 2) if frozenset((tested[i], tested[j])) not in alike]
    found = dict(zip(tested, letters(len(tested), apart), strict=True))
    return {name: found.get(name, "") for name in names}


def rank_range(name: str, n_methods: int, pairs: Sequence[MethodPair]) -> tuple[int, int]:
    """Return the best and the worst rank that a method can have by what is known.

    The best is 1 + the number of methods that are significantly better, the worst is the number of methods less those
    that are significantly worse. All ranges of a board hold together with the confidence of its pairs.

    Source:
        Al Mohamad, Goeman and van Zwet 2022, "Simultaneous confidence intervals for ranks with application to ranking
        institutions", Biometrics 78.
    """
    decided = [pair.better for pair in pairs if pair.has(name) and pair.is_told_apart]
    n_worse = decided.count(name)
    return 1 + len(decided) - n_worse, n_methods - n_worse
