"""Stored runs of one config -> a baseline."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError
from bench.records.baselines import Baseline, pack_statistics
from bench.records.grouping import check_groups, groups_name
from bench.records.record import MeasuredConfig, MeasuredSeed, RunRecord
from bench.records.store import RECORD_FILE, STATISTICS_FILE, Store, StoredRun


def from_runs(
    folders: Sequence[Path], *, reason: str, created: datetime.date | None = None
) -> tuple[Baseline, bytes | None]:
    """Make a baseline of stored runs.

    Args:
        folders: run folders, or config-key folders that hold `seed-*` folders.
        reason: why these runs become the baseline.
        created: the date to note; default: today, UTC.

    Returns:
        The baseline, and the content of its statistics file (none where it was left out).

    Raises:
        InputError: no run was given, a record cannot be read, two are of one seed, configs, data or base model differ,
            or the reason is empty.
    """
    runs = sorted(_runs_of(folders), key=lambda run: run.record.seed)
    _check_alike([run.record for run in runs])
    if not reason.strip():
        raise InputError("--reason is empty; say why these runs become the baseline")
    payload, left_out = _pack(runs)
    shared = {name: getattr(runs[0].record, name) for name in MeasuredConfig.model_fields if name != "schema_version"}
    baseline = Baseline(
        **shared,
        seeds=tuple(_seed_of(run.record) for run in runs),
        reason=reason.strip(),
        created=(created or datetime.datetime.now(datetime.UTC).date()).isoformat(),
        statistics_sha256=None if payload is None else hashlib.sha256(payload).hexdigest(),
        statistics_left_out=left_out,
    )
    return baseline, payload


def _seed_of(record: RunRecord) -> MeasuredSeed:
    return MeasuredSeed(**{name: getattr(record, name) for name in MeasuredSeed.model_fields})


def _runs_of(folders: Sequence[Path]) -> list[StoredRun]:
    """Return the runs of run folders and config-key folders; one that is given twice comes twice."""
    store = Store()
    runs: list[StoredRun] = []
    for folder in folders:
        inside = store.runs_in(folder)
        if not inside:
            raise InputError(
                f"{folder}: holds neither {RECORD_FILE} nor seed-*/{RECORD_FILE}; "
                "give a run folder, or the config-key folder above several"
            )
        runs += inside
    if not runs:
        raise InputError("no run folder was given; name one, or the config-key folder above several")
    return runs


def _check_alike(records: Sequence[RunRecord]) -> None:
    keys = sorted({record.config_key for record in records})
    if len(keys) > 1:
        raise InputError(f"the runs are of several configs ({', '.join(keys)}); a baseline is of one config key")
    seeds = [record.seed for record in records]
    repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if repeated:
        raise InputError(f"seed {repeated[0]} was given twice; give each seed's run folder once")
    first = records[0]
    for record in records[1:]:
        for field, expected, actual in (
            ("data.fingerprint", first.data.fingerprint, record.data.fingerprint),
            ("data.groups", groups_name(first), groups_name(record)),
            ("model.base", first.model.base, record.model.base),
        ):
            if expected != actual:
                raise InputError(
                    f"{field} is {expected} for seed {first.seed} and {actual} for seed {record.seed}; "
                    "run the seeds again with --force on the same data and weights"
                )


def _pack(runs: Sequence[StoredRun]) -> tuple[bytes | None, str | None]:
    """Return the statistics file of all seeds, or why there is none."""
    for run in runs:
        if not run.has_statistics:
            return None, f"seed {run.record.seed} stored no {STATISTICS_FILE}"
    losses: dict[int, NDArray[np.float64]] = {
        run.record.seed: np.array([row["loss"] for row in run.curve], dtype=np.float64) for run in runs
    }
    for run in runs:
        check_groups(run.groups, run.record, str(run.folder / STATISTICS_FILE))
    return pack_statistics({run.record.seed: run.statistics["after"] for run in runs}, losses, runs[0].groups)
