"""Run folders made out of a stored baseline, as if its seeds had been run again by the code at hand.

folders = runs_of(tmp_path / "runs", "imdb/tiny/freeze_attention", seeds=(0, 1, 2), change=lose(20))
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core.builtin import builtin_root
from bench.core.files import write_rows
from bench.metrics import for_stored
from bench.records.provenance import code_at_hand
from bench.records.record import RunRecord
from bench.records.store import Store, run_folder, write_record, write_statistics

Change = Callable[[str, NDArray[np.float64]], NDArray[np.float64]]
"""Metric, (n_examples, n_statistics) -> the same, changed."""


def runs_of(
    root: Path, name: str, *, seeds: Collection[int] | None = None, change: Change = lambda metric, rows: rows
) -> list[Path]:
    """Write a run folder for each seed of a baseline that came with this checkout.

    Args:
        root: the folder of runs.
        name: suite/profile/method.
        seeds: which of its seeds; default: all.
        change: of the statistics of a metric; its score follows.
    """
    stored = Store(roots=[builtin_root("baselines")]).locate_baseline(name)
    code = code_at_hand()
    at_hand = {"bench_version": code.version, "commit": code.commit, "dirty": code.dirty, "code_sha256": code.sha256}
    folders = []
    for record in stored.records:
        if seeds is not None and record.seed not in seeds:
            continue
        statistics = {metric: change(metric, rows.copy()) for metric, rows in stored.statistics[record.seed].items()}
        record = record.model_copy(
            update={
                "scores": {metric: _scored(record, metric, statistics[metric]) for metric in record.scores},
                "environment": record.environment.model_copy(update=at_hand),
            }
        )
        folder = run_folder(root, record.config, record.seed)
        folder.mkdir(parents=True)
        write_statistics(folder, {"before": statistics, "after": statistics})
        losses = stored.losses[record.seed]
        write_rows(folder / "curve.jsonl", [{"step": step, "loss": float(loss)} for step, loss in enumerate(losses, 1)])
        write_record(folder, record)
        folders.append(folder)
    return folders


def _scored(record: RunRecord, metric: str, rows: NDArray[np.float64]) -> object:
    value = float(for_stored(metric, record.config, record).aggregate(rows.sum(axis=0)))
    return record.scores[metric].model_copy(update={"value": value})


def lose(n: int, metric: str = "accuracy") -> Change:
    """Return a change that turns the first `n` right answers of a metric wrong."""

    def change(name: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        if name == metric:
            rows[np.flatnonzero(rows[:, 0] > 0)[:n], 0] = 0.0
        return rows

    return change
