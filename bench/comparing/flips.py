"""Flips: test rows on which two sides differ, with both outputs, so that a person can read what a number means.

Only run folders keep predictions, so a baseline has no flips. One seed is looked at, the first that both sides ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bench import metrics as metric_layer
from bench.comparing.side import Side, common_seeds
from bench.records.predictions import label_or_text
from bench.statistics.intervals import Array

ROUNDING = 1e-12
"""Scores nearer than this are equal."""

PredictionRow = Mapping[str, Any]
"""A line of `predictions.jsonl`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One test row beside what either side said of it; text not yet escaped."""

    id: str
    input: str
    """The beginning of what the models read."""
    reference: str
    a: str
    b: str
    score_a: float | None
    """The metric on this row alone; none for labels, which are right or wrong."""
    score_b: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Where a does worse than b, and where better."""

    kind: Literal["labels", "texts"]
    """`labels`: wrong where b was right, and the other way. `texts`: a lower or a higher score."""
    metric: str | None
    """What rows are scored by; none for labels."""
    seed: int
    n_rows: int
    n_drops: int
    n_gains: int
    drops: tuple[Flip, ...]
    """Labels: the first of the split. Texts: the largest drops first."""
    gains: tuple[Flip, ...]


def flips(a: Side, b: Side, *, metric: str | None = None, n: int = 3) -> Flips | str:
    """Return the test rows that flip between two sides, or why they cannot be told.

    Args:
        a: the side that is looked at.
        b: the side that it is measured by.
        metric: scores a text by itself, through its statistics of that row; default: the primary metric. Labels need
            none.
        n: how many drops, and how many gains, are returned; all are counted.

    Raises:
        InputError: predictions cannot be read.
    """
    for side in (a, b):
        if not side.runs:
            return f"{side.name} keeps no predictions; give its run folder"
    seeds = [seed for seed in common_seeds((a, b)) if seed in a.runs and seed in b.runs]
    if not seeds:
        return f"{a.name} and {b.name} have no seed in common"
    seed = seeds[0]
    rows_a, rows_b = (side.runs[seed].predictions for side in (a, b))
    if [_asked(row) for row in rows_a] != [_asked(row) for row in rows_b]:
        return f"{a.name} and {b.name} predicted different test rows"
    if all(isinstance(row["prediction"], int) for row in (*rows_a, *rows_b)):
        return _label_flips(rows_a, rows_b, a.config.data.labels, seed, n)
    return _text_flips(a, b, metric or a.config.primary_metric, rows_a, rows_b, seed, n)


def _asked(row: PredictionRow) -> tuple[Any, ...]:
    return row["id"], row["input"], row["reference"]


def _label_flips(
    rows_a: Sequence[PredictionRow], rows_b: Sequence[PredictionRow], labels: Sequence[str], seed: int, n: int
) -> Flips:
    drops: list[Flip] = []
    gains: list[Flip] = []
    for a, b in zip(rows_a, rows_b, strict=True):
        right_a, right_b = (row["prediction"] == row["reference"] for row in (a, b))
        if right_a != right_b:
            (gains if right_a else drops).append(_flip(a, b, labels))
    return Flips(
        kind="labels",
        metric=None,
        seed=seed,
        n_rows=len(rows_a),
        n_drops=len(drops),
        n_gains=len(gains),
        drops=tuple(drops[:n]),
        gains=tuple(gains[:n]),
    )


def _text_flips(
    a: Side, b: Side, metric: str, rows_a: Sequence[PredictionRow], rows_b: Sequence[PredictionRow], seed: int, n: int
) -> Flips | str:
    scores = []
    for side in (a, b):
        by_metric = side.statistics.get(seed, {})
        if side.has_groups and by_metric:  # a flip is of a row
            by_metric = side.runs[seed].statistics["after"]
        stored = by_metric.get(metric)
        if stored is None:
            return f"{side.name} stores no statistics of {metric} for seed {seed}"
        scores.append(row_scores(metric, side, stored))
    score_a, score_b = scores
    if len(score_a) != len(score_b) or len(score_a) > len(rows_a):
        return f"{a.name} and {b.name} scored different rows by {metric}"
    sign = 1 if metric_layer.spec(metric).higher_is_better else -1
    both = np.isfinite(score_a) & np.isfinite(score_b)
    gain = np.where(both, sign * (np.where(both, score_a, 0.0) - np.where(both, score_b, 0.0)), 0.0)  # (n_scored,)
    # Stable, so that of equal rows the earlier comes first.
    drops, gains = (
        [int(i) for i in np.argsort(change, kind="stable") if change[i] < -ROUNDING] for change in (gain, -gain)
    )
    labels = a.config.data.labels
    key = "short_prediction" if a.config.metrics[metric].prediction == "short" else "prediction"

    def flip(i: int) -> Flip:
        return _flip(rows_a[i], rows_b[i], labels, key, float(score_a[i]), float(score_b[i]))

    return Flips(
        kind="texts",
        metric=metric,
        seed=seed,
        n_rows=len(gain),
        n_drops=len(drops),
        n_gains=len(gains),
        drops=tuple(map(flip, drops[:n])),
        gains=tuple(map(flip, gains[:n])),
    )


def row_scores(metric: str, side: Side, statistics: Array) -> Array:
    """Return the metric on each row alone (n_scored,); not finite where one row does not define it."""
    aggregate = metric_layer.for_stored(metric, side.config, side.records[0]).aggregate
    with np.errstate(all="ignore"):
        return aggregate(statistics)


def _flip(
    a: PredictionRow,
    b: PredictionRow,
    labels: Sequence[str],
    key: str = "prediction",
    score_a: float | None = None,
    score_b: float | None = None,
) -> Flip:
    return Flip(
        id=str(a["id"]),
        input=str(a["input"]),
        reference=label_or_text(a["reference"], labels),
        a=label_or_text(a[key], labels),
        b=label_or_text(b[key], labels),
        score_a=score_a,
        score_b=score_b,
    )
