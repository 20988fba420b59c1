"""Test rows that a run does worse on than a baseline, so that a person can read what a drop means. Pure.

A baseline keeps no predictions, but what each row scored by each of its seeds; a run keeps both. So it is known which
rows broke and what the run says of them now, though not what was said before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench import metrics as metric_layer
from bench.comparing.flips import ROUNDING, row_scores
from bench.comparing.side import Side
from bench.core.errors import InputError
from bench.records.predictions import label_or_text
from bench.records.store.run import Rows
from bench.statistics.intervals import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """One test row that scores worse; text not yet escaped."""

    id: str
    """As the predictions name it; its place in the split, from 0, where the run keeps none."""
    input: str
    """The beginning of what the model read; empty where it is not known."""
    reference: str
    prediction: str
    """What the first seed of the run says; empty where it is not known."""
    before: float
    """Its score in the baseline, mean over the seeds."""
    now: float
    """Its score in the run, mean over the seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRows:
    """The rows that score worse, the largest losses first."""

    n_rows: int
    """Rows that have a score of their own on both sides."""
    n_broken: int
    n_mended: int
    rows: tuple[BrokenRow, ...]


def broken_rows(
    run: Side, baseline: Side, metric: str, seeds: Sequence[int] | None = None, n: int = 3
) -> BrokenRows | str:
    """Return the test rows that a run does worse on, or why they cannot be told.

    Args:
        run: what is looked at.
        baseline: what it is held to; of the same test rows.
        metric: scores a row by itself, through its statistics.
        seeds: of the baseline, those that count; default: all.
        n: how many rows are returned; all are counted.
    """
    if run.has_groups or baseline.has_groups:
        return "rows are compared by the group that they belong to, so none stands for itself"
    try:
        now, before = _mean_by_row(run, metric, run.seeds), _mean_by_row(baseline, metric, seeds or baseline.seeds)
    except InputError as error:
        return str(error)
    if now.shape != before.shape:
        return f"{run.name} and {baseline.name} scored different rows"
    known = np.isfinite(now) & np.isfinite(before)
    sign = 1 if metric_layer.spec(metric).higher_is_better else -1
    loss = np.where(known, sign * (np.where(known, before, 0.0) - np.where(known, now, 0.0)), 0.0)  # (n_rows,)
    worst = [int(i) for i in np.argsort(-loss, kind="stable") if loss[i] > ROUNDING]
    predicted = _predictions(run)
    labels, short = run.config.data.labels, run.config.metrics[metric].prediction == "short"
    key = "short_prediction" if short else "prediction"

    def row(i: int) -> BrokenRow:
        said = predicted[i] if i < len(predicted) else None
        return BrokenRow(
            id=str(i) if said is None else str(said["id"]),
            input="" if said is None else str(said["input"]),
            reference="" if said is None else label_or_text(said["reference"], labels),
            prediction="" if said is None else label_or_text(said[key], labels),
            before=float(before[i]),
            now=float(now[i]),
        )

    return BrokenRows(
        n_rows=int(known.sum()),
        n_broken=len(worst),
        n_mended=int((loss < -ROUNDING).sum()),
        rows=tuple(map(row, worst[:n])),
    )


def _predictions(run: Side) -> Rows:
    """Return what the first seed of a run says of each row; empty where that is not stored."""
    stored = run.runs.get(run.seeds[0])
    try:
        return [] if stored is None else stored.predictions
    except InputError:
        return []


def _mean_by_row(side: Side, metric: str, seeds: Sequence[int]) -> Array:
    """Return the score of each row alone, mean over seeds (n_rows,); not finite where a row does not define it.

    Raises:
        InputError: statistics of a seed are not stored.
    """
    scores = []
    for seed in seeds:
        statistics = side.statistics.get(seed, {}).get(metric)
        if statistics is None:
            raise InputError(f"{side.name} stores no statistics per example of {metric} for seed {seed}")
        scores.append(row_scores(metric, side, statistics))
    mean: Array = np.mean(scores, axis=0)
    return mean
