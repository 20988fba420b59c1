"""Claims x records -> verdicts: values, ranges and trends; `bench.comparing.claims.ordering` judges orderings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from bench.comparing.claims.address import Missing, parse
from bench.comparing.claims.documented import Documented, OrderingClaim, RangeClaim, TrendClaim, ValueClaim, departures
from bench.comparing.claims.ordering import judge_ordering
from bench.comparing.claims.trends import FEWEST_VALUES, trend_of
from bench.comparing.claims.verdict import (
    ClaimVerdict,
    device_departure,
    first_of,
    measure,
    on_stand_in,
    outcome_of,
    outcome_of_direction,
    unjudged,
)
from bench.core.errors import InputError
from bench.records.record import RunRecord

_WORDS = {2: "two", 3: "three"}
_NumberClaim = ValueClaim | RangeClaim | TrendClaim


def judge_claims(
    documented: Documented,
    records: Sequence[RunRecord],
    siblings: Mapping[str, Sequence[RunRecord]] | None = None,
) -> tuple[ClaimVerdict, ...]:
    """Judge every claim of a recipe against the runs of one config.

    Args:
        documented: the claims.
        records: one record a seed, all of one config key.
        siblings: other methods of the same suite and profile -> their runs, each of one config key; for orderings.

    Returns:
        One verdict a claim, in the claims' order.

    Raises:
        InputError: there is no record, the records of a method are of several configs, or any is of another suite or
            profile.
    """
    if not records:
        raise InputError(f"{documented.suite}: no run to judge the documented claims by; `bench run` makes one")
    if records[0].suite != documented.suite:
        raise InputError(f"claims of {documented.suite!r} cannot be judged by runs of {records[0].suite!r}")
    by_method = {**(siblings or {}), records[0].method: records}
    for method, runs in by_method.items():
        _check(documented, method, runs, profile=records[0].profile)
    other = departures(documented, records[0].config)
    return tuple(
        judge_ordering(claim, documented, by_method, profile=records[0].profile)
        if isinstance(claim, OrderingClaim)
        else _judge(claim, records, other)
        for claim in documented.claims
    )


def unmeasured(documented: Documented, reason: str) -> tuple[ClaimVerdict, ...]:
    """Return one verdict a claim where there is no record to judge any by, all `not measured`."""
    return tuple(unjudged(claim, "not measured", reason, n_seeds=0) for claim in documented.claims)


def _check(documented: Documented, method: str, records: Sequence[RunRecord], *, profile: str) -> None:
    keys = sorted({record.config_key for record in records})
    if len(keys) > 1:
        raise InputError(f"{documented.suite}: records of several configs ({', '.join(keys)}); judge one at a time")
    for record in records:
        wanted, got = (documented.suite, profile, method), (record.suite, record.profile, record.method)
        if got != wanted:
            raise InputError(f"a run of {'/'.join(got)} was given as one of {'/'.join(wanted)}; give each its own")


def _judge(claim: _NumberClaim, records: Sequence[RunRecord], other: tuple[str, ...]) -> ClaimVerdict:
    n_seeds = len(records)
    values: list[tuple[float, ...]] = []
    for record in records:
        value = measure(claim, record)
        if isinstance(value, Missing):
            return unjudged(claim, "not measured", f"{value.reason} (seed {record.seed})", n_seeds=n_seeds)
        values.append(value)
    series = parse(claim.quantity).series_of
    if len({len(value) for value in values}) > 1:
        reason = f"the seeds recorded different numbers of {series}s"
        return unjudged(claim, "not measured", reason, n_seeds=n_seeds)
    mean = tuple(sum(column) / len(column) for column in zip(*values, strict=True))
    if series and len(mean) < FEWEST_VALUES[series]:
        reason = f"a trend needs {_WORDS[FEWEST_VALUES[series]]} {series}s, the run has {len(mean)}"
        return unjudged(claim, "not measured", reason, n_seeds=n_seeds, measured=mean)
    elsewhere = device_departure(claim, records)
    if elsewhere or (other and not isinstance(claim, TrendClaim)):
        return unjudged(claim, "not comparable", elsewhere or first_of(other), n_seeds=n_seeds, measured=mean)
    holds, rule = _holds(claim, mean), _rule(claim, mean)
    outcome = outcome_of(holds=holds, on_recipe=not other)
    if isinstance(claim, TrendClaim):
        trend = trend_of(claim, records, values)
        # Slopes and the rank correlation of the mean curve may part ways: then neither is to be trusted.
        agrees = trend.direction == "undecided" or series != "evaluation" or holds == (trend.direction == "as claimed")
        direction = trend.direction if agrees else "undecided"
        outcome = outcome_of_direction(direction, on_recipe=not other)
        holds = direction != "opposite"
        rule += f" ({trend.sure})"
    return ClaimVerdict(
        claim=claim,
        outcome=outcome,
        measured=mean,
        n_seeds=n_seeds,
        n_agree=sum(_holds(claim, value) == holds for value in values),
        reason=rule + on_stand_in(other),
    )


def _holds(claim: _NumberClaim, value: tuple[float, ...]) -> bool:
    if isinstance(claim, ValueClaim):
        # A value that stands exactly on the tolerance reproduces; 1e-12 keeps 0.833 + 0.025 from losing to rounding.
        return abs(value[0] - claim.value) <= claim.tolerance + 1e-12 * max(1.0, abs(claim.value))
    if isinstance(claim, RangeClaim):
        return claim.low <= value[0] <= claim.high
    series = parse(claim.quantity).series_of
    if series == "epoch":
        rises = [b - a for a, b in itertools.pairwise(value)]
    else:
        rises = [_rank_correlation(value)] if series else list(value)
    return all(rise < 0 for rise in rises) if claim.direction == "falls" else all(rise > 0 for rise in rises)


def _rank_correlation(values: tuple[float, ...]) -> float:
    """Return Kendall's tau-a of a series with time, in [-1, 1]: rising less falling pairs, over all pairs.

    `scipy.stats.kendalltau` has tau-b and tau-c alone, which leave ties out of what they divide by.
    """
    signs = [float(np.sign(later - earlier)) for earlier, later in itertools.combinations(values, 2)]
    return sum(signs) / len(signs)


def _rule(claim: _NumberClaim, mean: tuple[float, ...]) -> str:
    """Return the test that was applied, in words."""
    if isinstance(claim, ValueClaim):
        return f"within {claim.tolerance:g} of {claim.value:g}"
    if isinstance(claim, RangeClaim):
        return f"between {claim.low:g} and {claim.high:g}"
    series = parse(claim.quantity).series_of
    if series == "epoch":
        return f"{claim.direction} every epoch"
    side = "below" if claim.direction == "falls" else "above"
    if series:
        return f"rank correlation with time {side} zero: {_rank_correlation(mean):+.2f} over {len(mean)} evaluations"
    return f"the difference is {side} zero"
