"""Trends and differences over seeds: which way they go, or that it is not decided.

The luck of a seed moves a curve as it moves a score, and neighbouring points of one curve are no independent draws. So
each seed gives one number (a step from one epoch to the next, the slope of its evaluations, a difference), and the
interval over seeds by Student's t says whether these lie on one side of zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.comparing.claims.address import parse
from bench.comparing.claims.documented import TrendClaim
from bench.records.record import RunRecord
from bench.statistics.differences import seed_difference

CONFIDENCE: Final = 0.95
"""Of the intervals that decide a trend or an ordering."""
FEWEST_VALUES: Final = {"epoch": 2, "evaluation": 3}
"""Of a series that may have a trend. An epoch's value is a mean over many batches; of evaluations, two are a difference
and no trend."""

Direction = Literal["as claimed", "opposite", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Which way a claim's number goes."""

    direction: Direction
    sure: str
    """What the interval says, in words."""


def trend_of(claim: TrendClaim, records: Sequence[RunRecord], values: Sequence[tuple[float, ...]]) -> Trend:
    """Return which way a series or a difference goes, by its interval over seeds.

    A series over epochs goes as claimed where every step does, and the opposite way where any step does, corrected for
    their number (Bonferroni). Evaluations along the way are many and noisy: the slope of each seed's curve decides. One
    run has no interval over seeds, nor have seeds that all give one number; the difference that fine-tuning makes to
    their score has one over test rows.

    Args:
        claim: the claim.
        records: one a seed.
        values: what was measured, one a record.

    Source:
        Matthews, Altman, Campbell and Royston 1990, "Analysis of serial measurements in medical research" (one summary
        a curve); Theil 1950 and Sen 1968 for the slope, by `scipy.stats.theilslopes`.
    """
    sign = -1.0 if claim.direction == "falls" else 1.0
    series = parse(claim.quantity).series_of
    if len(set(values)) == 1:
        return _over_rows(claim, records, values[0], sign)
    if series == "epoch":
        steps = [tuple(b - a for a, b in itertools.pairwise(value)) for value in values]
        return _of_columns(list(zip(*steps, strict=True)), sign, "the step")
    if series == "evaluation":
        return _of_columns([tuple(slope(value) for value in values)], sign, "the slope")
    return _of_columns([tuple(value[0] for value in values)], sign, "the difference")


def slope(values: Sequence[float]) -> float:
    """Return the median of the slopes between all pairs of a series, a step apart each."""
    from scipy.stats import theilslopes

    return float(theilslopes(values)[0])


def side_of_zero(values: Sequence[float], *, confidence: float = CONFIDENCE) -> int:
    """Return 1 or -1 where Student's interval of the mean lies above or below zero, and 0 where it holds zero.

    Args:
        values: one a seed, two or more.
        confidence: coverage the interval aims at.
    """
    by_seed = dict(enumerate(values))
    interval = seed_difference(by_seed, dict.fromkeys(by_seed, 0.0), pair_seeds=True, confidence=confidence)
    return int(interval.low > 0) - int(interval.high < 0)


def _of_columns(columns: Sequence[tuple[float, ...]], sign: float, what: str) -> Trend:
    """Return the trend of numbers that each have to go as claimed, (n_seeds,) each."""
    sides = [sign * side_of_zero(column) for column in columns]
    if all(side > 0 for side in sides):
        return Trend(direction="as claimed", sure=_sure(what, len(columns), "away from zero"))
    confidence = 1 - (1 - CONFIDENCE) / len(columns)
    if any(sign * side_of_zero(column, confidence=confidence) < 0 for column in columns):
        return Trend(direction="opposite", sure=_sure(what, len(columns), "beyond zero", every=False))
    return Trend(direction="undecided", sure=_sure(what, len(columns), "holds zero", every=False))


def _sure(what: str, n: int, ending: str, *, every: bool = True) -> str:
    number = "" if n == 1 else "every " if every else "some "
    noun = what if n == 1 else f"{number}{what.removeprefix('the ')}"
    return f"the interval of {noun} over seeds {'is ' if ending != 'holds zero' else ''}{ending}"


def _over_rows(claim: TrendClaim, records: Sequence[RunRecord], value: tuple[float, ...], sign: float) -> Trend:
    metric = claim.quantity.removeprefix("scores.")
    change = records[0].changes.get(metric)
    alike = "one run" if len(records) == 1 else "seeds that all give one number"
    if change is None or claim.minus != f"scores_before.{metric}":
        return Trend(direction="undecided", sure=f"no interval over {alike}")
    if change.low <= 0 <= change.high:
        return Trend(direction="undecided", sure=f"the interval over test rows holds zero, of {alike}")
    return Trend(
        direction="as claimed" if sign * value[0] > 0 else "opposite",
        sure=f"the interval over test rows is away from zero, of {alike}",
    )
