"""How many more seeds or examples would decide whether a difference lies beyond a margin.

The variances of a `MeanDifference` are split into what examples, seeds and their interaction have, each is scaled to
other numbers of them, and the chance that the interval then lies wholly on one side of the margin is that of a
noncentral t. It takes the difference found for the true one: a forecast, not a promise.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from bench.core.errors import InputError
from bench.statistics.decisions import least_variance
from bench.statistics.differences import MeanDifference, combined

# More than anyone will run: beyond it the answer is none.
MOST_SEEDS = 10_000
MOST_EXAMPLES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What more would decide, seeds or examples, each on its own."""

    n_seeds: int | None
    """More seeds on either side; none where no number of them would decide."""
    n_examples: int | None
    """More examples; none where no number of them would decide."""
    why: str
    """One sentence for people: the dearer half of the noise is named first."""


def needed(
    difference: MeanDifference, *, margin: float, alpha: float, power: float = 0.8, counts: str = "example"
) -> Needed:
    """Return how many more seeds, or else examples, would put the interval wholly on one side of a margin.

    Args:
        difference: as found; the true difference is taken to equal its value.
        margin: the difference that matters, in the metric's unit and with the sign of A minus B: -0.01 where A may
            fall short of B by 0.01.
        alpha: chance of a wrong decision to either side, in (0, 0.5), as in a policy. The interval that will decide has
            two ends, so its confidence is 1 - 2 * alpha: 0.025 stands for an interval of 95 %.
        power: the wanted chance of a decision for the side that the value is on, in (0, 1).
        counts: what one of `difference.n_examples` is called: `group`, where rows belong together.

    Returns:
        Both 0 where the interval at this alpha has decided already.

    Raises:
        InputError: alpha is outside (0, 0.5), power is outside (0, 1), or the margin is not finite.

    Source:
        `scipy.stats.nct` for the noncentral t; variances by numbers of readers and cases as in Hillis, Obuchowski and
        Berbaum 2011, "Power estimation for multireader ROC methods".
    """
    if not (0 < alpha < 0.5 and 0 < power < 1):
        raise InputError(f"alpha is {alpha} and power {power}; give an alpha below 0.5 and a power below 1")
    if not math.isfinite(margin):
        raise InputError(f"the margin is {margin}; give a finite difference in the metric's unit")
    if math.isinf(difference.high):
        return Needed(
            n_seeds=None, n_examples=None, why="nothing is known of the noise yet; score more than one example"
        )
    gap = abs(difference.value - margin)
    error = math.sqrt(difference.variance_at(margin))
    if gap > _quantile(difference.degrees_of_freedom, alpha) * error:
        return Needed(n_seeds=0, n_examples=0, why="the interval lies wholly on one side of the margin already")
    design = Design.of(difference, margin=margin)
    n_seeds = n_examples = None
    if gap > 0:
        if design.seed_variance is not None:
            n_seeds = _least(lambda more: design.power(gap, alpha, more_seeds=more) >= power, MOST_SEEDS)
        if design.n_examples:
            n_examples = _least(lambda more: design.power(gap, alpha, more_examples=more) >= power, MOST_EXAMPLES)
    return Needed(n_seeds=n_seeds, n_examples=n_examples, why=_why(design, gap, n_seeds, n_examples, counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Variances of one seed and one example, and how many there are of each."""

    example_variance: float
    """Of one example, without interaction."""
    seed_variance: float | None
    """Of one seed of one side (of one pair where seeds are paired), interaction left out; none where not known."""
    interaction_variance: float
    """Of one example under one seed."""
    n_examples: int
    n_seeds_a: int
    n_seeds_b: int
    paired: bool
    decided_at: float = 0.0
    """The margin where answers are right or wrong, which bounds the variance there (`bench.statistics.decisions`)."""

    @classmethod
    def of(cls, difference: MeanDifference, *, margin: float = 0.0) -> Design:
        """Return the design that a difference was measured with, to be set against a margin."""
        n, a, b = max(difference.n_examples, 1), difference.n_seeds_a, difference.n_seeds_b
        share = _share(a, b, paired=difference.paired_seeds)
        interaction = difference.variance_interaction
        known = difference.over != "examples"
        return cls(
            example_variance=n * max(difference.variance_examples - interaction, 0.0),
            seed_variance=max(difference.variance_seeds - interaction, 0.0) / share if known else None,
            interaction_variance=n * interaction / share,
            n_examples=difference.n_examples,
            n_seeds_a=a,
            n_seeds_b=b,
            paired=difference.paired_seeds,
            decided_at=margin if difference.of_decisions else 0.0,
        )

    def parts(self, more_seeds: int = 0, more_examples: int = 0) -> tuple[float, float, float]:
        """Return what (examples, seeds, interaction) would be of a `MeanDifference` of this size."""
        n = max(self.n_examples, 1) + more_examples
        share = _share(self.n_seeds_a + more_seeds, self.n_seeds_b + more_seeds, paired=self.paired)
        interaction = share * self.interaction_variance / n
        if self.seed_variance is None:
            return self.example_variance / n, 0.0, 0.0
        return self.example_variance / n + interaction, share * self.seed_variance + interaction, interaction

    def power(self, gap: float, alpha: float, *, more_seeds: int = 0, more_examples: int = 0) -> float:
        """Return the chance that the interval lies wholly on the value's side of a margin.

        Args:
            gap: distance of the true difference from the margin, above 0, in the metric's unit.
            alpha: as in `needed`.
            more_seeds: added to either side.
            more_examples: added to the test rows.
        """
        from scipy.stats import nct

        n_examples = self.n_examples + more_examples if self.n_examples else 0
        freedom = self._seed_freedom(more_seeds) if self.seed_variance is not None else 0.0
        examples, seeds, interaction = self.parts(more_seeds, more_examples)
        variance, freedom = combined(examples, seeds, interaction, n_examples=n_examples, seed_freedom=freedom)
        variance = max(variance, least_variance(self.decided_at, max(n_examples, 1)))
        return float(nct.sf(_quantile(freedom, alpha), freedom, gap / math.sqrt(variance)))

    def _seed_freedom(self, more_seeds: int) -> float:
        """Return the degrees of freedom of the variance by seeds, were both sides to spread alike."""
        a, b = self.n_seeds_a + more_seeds, self.n_seeds_b + more_seeds
        if self.paired or min(a, b) == 1:
            return max(a, b) - 1
        return (1 / a + 1 / b) ** 2 / (1 / (a**2 * (a - 1)) + 1 / (b**2 * (b - 1)))


def _share(n_a: int, n_b: int, *, paired: bool) -> float:
    """Return how much of one seed's variance is left in a difference of means."""
    return 1 / n_a if paired else 1 / n_a + 1 / n_b


def _quantile(freedom: float, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha)) if freedom else 0.0


def _least(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the least number in 1..most that is enough; none where `most` is not."""
    if not enough(most):
        return None
    high = 1  # doubled first: a noncentral t far beyond the answer is slow and inexact
    while not enough(high):
        high = min(2 * high, most)
    return bisect_left(range(high), True, lo=high // 2 + 1, key=enough)


def _why(design: Design, gap: float, n_seeds: int | None, n_examples: int | None, counts: str) -> str:
    if gap == 0:
        return f"the difference found stands on the margin; neither seeds nor {counts}s would move it off"
    if design.seed_variance is None:
        more = _count(n_examples, counts, "")
        return f"{more} would decide about these trained models; two seeds a side are needed to count seeds"
    examples, seeds, _ = design.parts()
    offers = [(seeds, _count(n_seeds, "seed", " a side"), n_seeds)]
    if design.n_examples:
        offers.append((examples, _count(n_examples, counts, ""), n_examples))
    offers.sort(key=lambda offer: (offer[2] is None, -offer[0]))
    return ", ".join(f"{offer} would decide" for _, offer, _ in offers)


def _count(n: int | None, noun: str, where: str) -> str:
    return f"no number of {noun}s" if n is None else f"{n} more {noun}{'' if n == 1 else 's'}{where}"
