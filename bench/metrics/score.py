"""Scoring: the one way a metric on predictions and references becomes a stored `Score`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core import seeds
from bench.core.errors import InputError
from bench.metrics import Metric
from bench.metrics.base import signature_of
from bench.metrics.inputs import most_references
from bench.records.score import Score
from bench.statistics.groups import Groups, sum_within
from bench.statistics.intervals import bootstrap_interval


def score(
    metric: Metric,
    predictions: Sequence[Any],
    references: Sequence[Any],
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
    groups: Groups | None = None,
) -> tuple[Score, NDArray[np.float64]]:
    """Score predictions, with a percentile bootstrap interval over examples, or over groups of them.

    Args:
        metric: what `bench.metrics.build` returned.
        predictions: n_examples values of the kind `metric.spec.inputs` names.
        references: as many; of a text, one or several.
        confidence: coverage the interval aims at.
        n_resamples: bootstrap resamples.
        seed: run seed; the draws use its `bootstrap` stream.
        groups: (n_examples,) which rows belong together, as `bench.statistics.groups.number_groups` returns it; whole
            groups are drawn. None where every row stands for itself.

    Returns:
        The score at full precision, and the per-example statistics (n_examples, n_statistics) behind it.

    Raises:
        InputError: the inputs do not fit the metric, or its value is not finite.
    """
    metric = metric.settled(predictions, references)
    statistics = metric.statistics(predictions, references)
    value = float(metric.aggregate(statistics.sum(axis=0)))
    if not math.isfinite(value):
        raise InputError(
            f"{metric.spec.name}: the value is {value}, which is no score; use a bounded metric (loss for perplexity)"
        )
    interval = bootstrap_interval(
        metric.aggregate,
        sum_within(statistics, groups),
        confidence=confidence,
        n_resamples=n_resamples,
        seed=seeds.derive(seed, "bootstrap"),
    )
    result = Score(
        value=value,
        low=interval.low,
        high=interval.high,
        confidence=confidence,
        n_examples=len(statistics),
        n_groups=None if groups is None else interval.n_examples,
        unit=metric.spec.unit,
        higher_is_better=metric.spec.higher_is_better,
        signature=_signature(metric, references),
        notes=tuple(metric.notes(predictions, references)) or None,
    )
    return result, statistics


# --- reading files ---------------------------------------------------------------------------------------------------


def _signature(metric: Metric, references: Sequence[Any]) -> str:
    """Return the metric's signature; where a text has several references, also how many there are at most."""
    n_references = most_references(references) if metric.spec.inputs == "texts" else 1
    return metric.signature() if n_references == 1 else signature_of(metric.signature(), refs=n_references)
