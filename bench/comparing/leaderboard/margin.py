"""Which methods are good enough: shown to be within a margin of the best. Pure.

Two methods that are not told apart need not be alike: the rows and seeds may only be too few. Good enough takes
evidence of its own, and a margin that someone states: how much worse is still as good for the purpose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.comparing.leaderboard.pairs import MethodPair
from bench.core.errors import InputError


def check_margin(margin: float) -> None:
    """Refuse what is no margin.

    Raises:
        InputError: it is not finite, or not above 0.
    """
    if not (math.isfinite(margin) and margin > 0):
        raise InputError(
            f"the margin is {margin:g}; give how far below the best is still good enough, a number above 0 in the "
            "metric's unit, such as --margin 0.01"
        )


def shortfalls(
    names: Sequence[str], pairs: Sequence[MethodPair], margin: float, confidence: float
) -> Mapping[str, float | None]:
    """Return how far each method may fall short of the best, whichever of them is the best.

    For every other method it is the upper end of a one-sided interval of how much better that one is, and of these ends
    the largest. A method is shown to be within the margin where its end is below it: it is then not worse than any
    other by the margin or more. Only comparisons with the true best can go wrong, so the intervals are corrected over
    the other methods (Bonferroni), and some method is wrongly named with a chance of at most 1 - confidence.

    Args:
        names: the methods that are set against each other.
        pairs: of them.
        margin: in the metric's unit. Of a share of right answers the variance is taken to be at least what it is where
            the true difference is the margin: rows that all agree by chance prove little
            (`bench.statistics.decisions`).
        confidence: in (0, 1).

    Returns:
        Name -> 0 or more, in the metric's unit; none where that is not known: a pair has no interval, one over
        examples alone (another seed may give anything), or no spread at all.

    Source:
        Hsu 1981, "Simultaneous confidence intervals for all distances from the 'best'", Annals of Statistics 9;
        Berger 1982 for the largest of the ends; Tango 1998 for the least variance.
    """
    level = (1 - confidence) / max(len(names) - 1, 1)
    found: dict[str, float | None] = {}
    for name in names:
        own = [pair for pair in pairs if pair.has(name)]
        ends = [_upper_end(pair, name, margin, level) for pair in own]
        known = [end for end in ends if end is not None]
        found[name] = max(0.0, *known) if known and len(known) == len(names) - 1 else None
    return found


def _upper_end(pair: MethodPair, name: str, margin: float, level: float) -> float | None:
    """Return the upper end of the one-sided interval of how much better the other method is."""
    difference = pair.comparison.difference
    if difference is None or difference.over == "examples" or not math.isfinite(difference.standard_error):
        return None
    varies = difference.low != difference.high and math.isfinite(difference.low)
    if not (varies or difference.of_decisions):
        return None
    variance = difference.variance_at(margin)
    if not variance or not difference.degrees_of_freedom:
        return None
    from scipy.special import stdtrit

    sign = (1 if pair.comparison.higher_is_better else -1) * (-1 if name == pair.a else 1)
    reach = float(stdtrit(difference.degrees_of_freedom, 1 - level)) * math.sqrt(variance)
    return sign * difference.value + reach
