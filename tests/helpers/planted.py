"""Sides of a comparison whose truth is known: statistics that are planted, and records whose scores follow from them.

a = side("a", {0: {"accuracy": right(180, 200)}})            # in memory
write_planted(tmp_path / "seed-0", 0, {"accuracy": ...})     # a run folder
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from factories import SCORED, make_record, write_run

from bench import metrics
from bench.comparing.side import Side
from bench.records.record import RunRecord
from bench.records.store import write_statistics

Planted = Mapping[str, np.ndarray]
"""Metric -> (n_examples, n_statistics)."""


def right(n_right: int, n: int, *, seed: int | None = None) -> np.ndarray:
    """Return statistics of accuracy: the first examples are right, or some that are drawn."""
    values = (np.arange(n) < n_right).astype(float)
    if seed is not None:
        np.random.default_rng(seed).shuffle(values)
    return means(values)


def means(values: Any) -> np.ndarray:
    """Return statistics of a mean."""
    column = np.asarray(values, dtype=float)
    return np.stack([column, np.ones_like(column)], axis=1)


def planted_record(seed: int, planted: Planted, make: Any = make_record, **changes: Any) -> RunRecord:
    """Return a record whose scores are those of its statistics."""
    config = changes.pop("config__metrics", {name: {} for name in planted})
    record = make(seed, config__metrics=config, config__primary_metric=next(iter(planted)), **changes)
    scores = {}
    for name, statistics in planted.items():
        value = float(metrics.for_stored(name, record.config, record).aggregate(statistics.sum(axis=0)))
        update = {"value": value, "low": value, "high": value, "n_examples": len(statistics)}
        scores[name] = record.scores[name].model_copy(update=update)
    return record.model_copy(update={"scores": scores})


def side(name: str, planted: Mapping[int, Planted], **changes: Any) -> Side:
    """Return a side in memory: seed -> what is planted."""
    records = tuple(planted_record(seed, one, **changes) for seed, one in planted.items())
    return Side(name=name, records=records, statistics=planted, runs={})


def write_planted(folder: Path, seed: int, planted: Planted, make: Any = make_record, **changes: Any) -> Path:
    """Write a run folder with planted statistics after fine-tuning."""
    assert all(name in SCORED for name in planted)
    write_run(folder, planted_record(seed, planted, make, **changes))
    write_statistics(folder, {"before": dict(planted), "after": dict(planted)})
    return folder
