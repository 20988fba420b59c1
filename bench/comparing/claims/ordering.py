"""Orderings: methods of one suite and profile, set side by side. They must be alike in all but the method."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.comparing.claims.address import SEED_SPREAD, Missing, parse
from bench.comparing.claims.documented import Documented, OrderingClaim, departures
from bench.comparing.claims.trends import CONFIDENCE, Direction
from bench.comparing.claims.verdict import (
    ClaimVerdict,
    device_departure,
    measure,
    on_stand_in,
    outcome_of_direction,
    unjudged,
)
from bench.records.record import RunRecord
from bench.statistics.differences import seed_difference

MIN_SEEDS = 3
"""Fewest seeds whose standard deviation is looked at."""
_METHODS_OWN = frozenset({"learning_rate", "save", "evaluation_batch_size"})
"""Fields of `training` that a method may have for itself: each learns at a rate of its own, and neither how weights
are kept nor how many rows are predicted at a time is a budget."""


def judge_ordering(
    claim: OrderingClaim, documented: Documented, by_method: Mapping[str, Sequence[RunRecord]], *, profile: str
) -> ClaimVerdict:
    """Judge an ordering by the means over seeds of each method, pair by pair of neighbours.

    Args:
        claim: the ordering.
        documented: the recipe it is of.
        by_method: method -> its runs, one record a seed, all of one config key.
        profile: the profile of all of them.
    """
    n_seeds = len(_shared_seeds(claim, by_method))
    values: list[tuple[float, ...]] = []
    for method in claim.methods:
        value = _measure(claim, documented, by_method.get(method, ()), method, profile)
        if isinstance(value, Missing):
            return unjudged(claim, "not measured", value.reason, n_seeds=n_seeds)
        values.append(value)
    means = tuple(float(np.mean(value)) for value in values)
    groups = {method: by_method[method] for method in claim.methods}
    reason = _unlike(claim, groups) or device_departure(claim, list(itertools.chain.from_iterable(groups.values())))
    if reason is not None:
        return unjudged(claim, "not comparable", reason, n_seeds=n_seeds, measured=means)
    groups_departures = (departures(documented, runs[0].config, method_too=False) for runs in groups.values())
    other = tuple(dict.fromkeys(itertools.chain.from_iterable(groups_departures)))
    pairs = _pairs(claim, means, values, {method: len(runs) for method, runs in groups.items()})
    direction = _direction(pairs)
    return ClaimVerdict(
        claim=claim,
        outcome=outcome_of_direction(direction, on_recipe=not other),
        measured=means,
        n_seeds=n_seeds,
        n_agree=_agreeing(claim, groups, holds=direction != "opposite"),
        reason=", ".join(pair.text for pair in pairs) + on_stand_in(other),
    )


def _measure(
    claim: OrderingClaim, documented: Documented, records: Sequence[RunRecord], method: str, profile: str
) -> tuple[float, ...] | Missing:
    """Return one number a seed of a method, or the one number of all its seeds together."""
    command = f"`bench run suites/{documented.suite} --profile {profile} --method {method}"
    if not records:
        return Missing(reason=f"method {method} has no run; {command}` makes one")
    if claim.quantity == SEED_SPREAD:
        if len(records) < MIN_SEEDS:
            needed = f"{SEED_SPREAD} needs {MIN_SEEDS} seeds, method {method} has {len(records)}"
            return Missing(reason=f"{needed}; {command} --seeds 0-{MIN_SEEDS - 1}` makes them")
        # (n_seeds,) with n - 1 below, as in every report.
        return (float(np.std([r.scores[r.config.primary_metric].value for r in records], ddof=1)),)
    values: list[float] = []
    for record in records:
        value = measure(claim, record)
        if isinstance(value, Missing):
            return Missing(reason=f"{value.reason} (method {method}, seed {record.seed})")
        values += value
    return tuple(values)


def _unlike(claim: OrderingClaim, groups: Mapping[str, Sequence[RunRecord]]) -> str | None:
    """Return the first thing beside the method that the methods' runs do not share, or None."""
    first, *others = claim.methods
    first_shared = _shared(claim, groups[first][0])
    for method in others:
        other_shared = _shared(claim, groups[method][0])
        for field in dict.fromkeys((*first_shared, *other_shared)):
            if first_shared.get(field) != other_shared.get(field):
                return f"{field} differs between {first} and {method}"
    return None


def _shared(claim: OrderingClaim, record: RunRecord) -> dict[str, Any]:
    """Return everything that runs of several methods must share, by name."""
    values = record.config.model_dump(mode="json", exclude={"title", "chosen", "method_name", "method"})
    training = values.pop("training")
    name = parse(claim.quantity).name
    metric = name if name in record.scores else record.config.primary_metric
    return {
        **{f"training.{field}": value for field, value in training.items() if field not in _METHODS_OWN},
        **values,
        "data.fingerprint": record.data.fingerprint,
        "model.base": record.model.base,
        f"metrics.{metric}.signature": record.scores[metric].signature if metric in record.scores else None,
    }


def _shared_seeds(claim: OrderingClaim, by_method: Mapping[str, Sequence[RunRecord]]) -> list[int]:
    """Return the seeds that every method of the claim ran."""
    seeds = [{record.seed for record in by_method.get(method, ())} for method in claim.methods]
    return sorted(set.intersection(*seeds))


def _agreeing(claim: OrderingClaim, groups: Mapping[str, Sequence[RunRecord]], *, holds: bool) -> int | None:
    """Return in how many of the shared seeds the methods stand as their means do; none where no seed can tell."""
    shared = _shared_seeds(claim, groups)
    if claim.quantity == SEED_SPREAD or not shared:
        return None
    of = {(record.method, record.seed): record for runs in groups.values() for record in runs}
    n_agree = 0
    for seed in shared:
        values = [measure(claim, of[method, seed]) for method in claim.methods]
        numbers = [value[0] for value in values if not isinstance(value, Missing)]
        n_agree += _descends(numbers) == holds
    return n_agree


def _descends(values: Sequence[float]) -> bool:
    return all(a > b for a, b in itertools.pairwise(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two neighbours of an ordering."""

    side: int
    """1 where the first is above the second by its interval, -1 where below, 0 where that is not decided."""
    side_corrected: int
    """The same, corrected for the number of pairs: one pair the other way is enough to break an ordering."""
    text: str


def _direction(pairs: Sequence[_Pair]) -> Direction:
    """Return how the methods stand: as claimed where every pair does, the opposite way where any pair does."""
    if all(pair.side > 0 for pair in pairs):
        return "as claimed"
    return "opposite" if any(pair.side_corrected < 0 for pair in pairs) else "undecided"


def _pairs(
    claim: OrderingClaim, means: Sequence[float], values: Sequence[tuple[float, ...]], n_seeds: Mapping[str, int]
) -> list[_Pair]:
    """Return for each pair of neighbours which is above, and whether that is more than the luck of seeds."""
    confidences = CONFIDENCE, 1 - (1 - CONFIDENCE) / (len(means) - 1)
    pairs = []
    for (a, b), (m, n), (first, second) in zip(
        itertools.pairwise(claim.methods), itertools.pairwise(means), itertools.pairwise(values), strict=True
    ):
        relation = "above" if m > n else "below" if m < n else "equal to"
        if claim.quantity == SEED_SPREAD:
            side, corrected = (_side_of_spreads(m, n, n_seeds[a], n_seeds[b], confidence=c) for c in confidences)
            sure = f"spreads over {n_seeds[a]} and {n_seeds[b]} seeds"
            if m == 0 or n == 0:
                sure += ", one of them 0: they have no ratio"
            else:
                sure += f": the interval of their ratio {'holds one' if side == 0 else 'is away from one'}"
        elif len(first) == len(second) == 1:
            side = corrected = 0
            sure = "one seed each, no interval"
        else:
            sides = []
            for confidence in confidences:
                welch = seed_difference(
                    dict(enumerate(first)), dict(enumerate(second)), pair_seeds=False, confidence=confidence
                )
                sides.append(int(welch.low > 0) - int(welch.high < 0))
            side, corrected = sides
            sure = "interval holds zero" if side == 0 else "interval away from zero"
        pairs.append(_Pair(side=side, side_corrected=corrected, text=f"{a} {relation} {b} ({sure})"))
    return pairs


def _side_of_spreads(a: float, b: float, n_a: int, n_b: int, *, confidence: float) -> int:
    """Return whether one standard deviation is above another by the interval of their ratio: 1, -1, or 0.

    Source:
        The F test of two variances, `scipy.stats.f`; it takes scores for normal.
    """
    from scipy.special import fdtri

    if a == 0 or b == 0:  # seeds that agree to the last digit: no ratio, and no spread that was measured
        return 0
    ratio, tail = (a / b) ** 2, (1 - confidence) / 2
    low, high = ratio / fdtri(n_a - 1, n_b - 1, 1 - tail), ratio / fdtri(n_a - 1, n_b - 1, tail)
    return int(low > 1) - int(high < 1)
