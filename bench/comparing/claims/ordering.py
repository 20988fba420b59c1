"""Orderings: methods of one suite and profile, set side by side. They must be alike in all but the method."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.comparing.claims.address import SEED_SPREAD, Missing, parse
from bench.comparing.claims.documented import Documented, OrderingClaim, departures
from bench.comparing.claims.verdict import ClaimVerdict, device_departure, measure, on_stand_in, outcome_of, unjudged
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
    """Judge an ordering by the means over seeds of each method.

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
    holds = _descends(means)
    return ClaimVerdict(
        claim=claim,
        outcome=outcome_of(holds=holds, on_recipe=not other),
        measured=means,
        n_seeds=n_seeds,
        n_agree=_agreeing(claim, groups, holds=holds),
        reason=_pairs(claim, means, values) + on_stand_in(other),
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


def _pairs(claim: OrderingClaim, means: Sequence[float], values: Sequence[tuple[float, ...]]) -> str:
    """Return for each pair of neighbours which is above, and whether Welch's interval of the difference is sure."""
    texts = []
    for (a, b), (m, n), (first, second) in zip(
        itertools.pairwise(claim.methods), itertools.pairwise(means), itertools.pairwise(values), strict=True
    ):
        relation = "above" if m > n else "below" if m < n else "equal to"
        if min(len(first), len(second)) < 2:
            sure = "no interval"
        else:
            welch = seed_difference(dict(enumerate(first)), dict(enumerate(second)), pair_seeds=False)
            sure = "interval holds zero" if welch.low <= 0 <= welch.high else "interval away from zero"
        texts.append(f"{a} {relation} {b} ({sure})")
    return ", ".join(texts)
