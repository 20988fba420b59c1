"""Verification: whether a stored baseline still is what was promoted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bench import metrics
from bench.config.suite import key_of
from bench.core.errors import InputError
from bench.records.baselines import MAX_BYTES, Baseline
from bench.records.record import MeasuredSeed
from bench.records.store import ResultName, StoredBaseline

RELATIVE_TOLERANCE: Final = 1e-9
"""Of a value that is computed again: another numpy may add the same numbers in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found of one baseline."""

    stored: StoredBaseline
    problems: tuple[str, ...]
    """What is off, a sentence each; empty where it holds."""
    n_values: int
    """Scores that were computed again from the stored statistics."""
    skipped: tuple[str, ...]
    """Metrics that statistics alone cannot give again, and why."""
    n_bytes: int
    """JSON and statistics together."""


def verify(stored: StoredBaseline) -> Verification:
    """Look through one baseline: schema, hashes, sizes, and every score that its statistics give again.

    Args:
        stored: the baseline; one that cannot be read is a problem, not an error.
    """
    try:
        baseline, statistics = stored.baseline, stored.statistics
        _ = stored.statistics_by_group  # groups that are not the record's are a problem
    except InputError as error:
        return Verification(stored=stored, problems=(str(error),), n_values=0, skipped=(), n_bytes=stored.n_bytes)
    problems = [*_misplaced(stored), *_oversized(stored.n_bytes), *_edited_config(baseline, stored.values["config"])]
    skipped: dict[str, str] = {}
    n_values = 0
    for seed in baseline.seeds:
        for metric, array in statistics.get(seed.seed, {}).items():
            try:
                problem = _rescored(baseline, seed, metric, array)
            except InputError as error:
                skipped[metric] = str(error)
                continue
            n_values += 1
            if problem:
                problems.append(f"seed {seed.seed}, {metric}: {problem}")
    return Verification(
        stored=stored,
        problems=tuple(problems),
        n_values=n_values,
        skipped=tuple(f"{metric}: {why}" for metric, why in skipped.items()),
        n_bytes=stored.n_bytes,
    )


def _misplaced(stored: StoredBaseline) -> Iterator[str]:
    baseline = stored.baseline
    name = ResultName(baseline.suite, baseline.profile, baseline.method)
    if stored.name != name:
        yield f"it is the baseline {name}, so it has to be stored as {name}.json"


def _oversized(n_bytes: int) -> Iterator[str]:
    if n_bytes > MAX_BYTES:
        yield f"it takes {n_bytes} bytes, more than the {MAX_BYTES} that a repository should carry"


def _edited_config(baseline: Baseline, stored: dict[str, Any]) -> Iterator[str]:
    """Compare the key with the config as it was written: today's defaults may know keys that it never had."""
    keys = [key_of(_without_nones(stored)), key_of(stored)]  # version 1 hashed its nones too
    if baseline.config_key not in keys:
        yield f"config_key is {baseline.config_key}, and its config has the key {keys[0]}: one of them was edited"


def _without_nones(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nones(inner) for name, inner in value.items() if inner is not None}
    return [_without_nones(inner) for inner in value] if isinstance(value, list) else value


def _rescored(baseline: Baseline, seed: MeasuredSeed, metric: str, array: np.ndarray) -> str | None:
    """Return what is off with one score, or None.

    Raises:
        InputError: the metric cannot be aggregated from its statistics alone.
    """
    if metric not in seed.scores or metric not in baseline.config.metrics:
        return "there are statistics and no score"
    stored = seed.scores[metric]
    if len(array) != stored.n_examples:
        return f"statistics of {len(array)} examples, and the score is of {stored.n_examples}"
    if not np.isfinite(array).all():
        return "the statistics hold a value that is not finite"
    value = float(metrics.for_stored(metric, baseline.config, seed).aggregate(array.sum(axis=0)))
    if not math.isclose(value, stored.value, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12):
        return f"the stored score is {stored.value!r}, and the statistics give {value!r}"
    return None
