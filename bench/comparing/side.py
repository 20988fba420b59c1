"""A side of a comparison: stored runs of one config, or a measured baseline, with the evidence for each seed.

What `bench compare` and `bench gate` are given is read here, and checked once: nothing that is broken, doubled or not
finite gets as far as a test. Neither torch nor a GPU is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.comparing.comparable import check_records
from bench.config import SuiteConfig
from bench.core.errors import InputError, suggest
from bench.records import baselines
from bench.records.baselines import STATISTICS_FILE
from bench.records.noise import NoiseFloor
from bench.records.record import RECORD_FILE, RunRecord, read_record, read_statistics
from bench.statistics.intervals import Array

_WHAT_A_SIDE_IS = (
    "a run folder, its record.json, a config-key folder (all its seeds) or a baseline, suite/profile/method"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """What one side measured: one config, one record a seed."""

    name: str
    """As the user gave it; tables show it."""
    records: tuple[RunRecord, ...]
    """In the order of their seeds, all of one config key."""
    statistics: Mapping[int, Mapping[str, Array]]
    """Seed -> metric -> (n_examples, n_statistics) after fine-tuning; without the seeds that stored none."""
    folders: Mapping[int, Path]
    """Seed -> run folder; empty for a baseline, which keeps no predictions."""
    reason: str | None = None
    """Why the baseline was made; none for runs."""
    created: str | None = None
    """When the baseline was made; none for runs."""
    noise: NoiseFloor | None = None
    """What scores do by themselves; none where it was not measured."""

    @property
    def kind(self) -> Literal["runs", "baseline"]:
        """Return what it was read from."""
        return "runs" if self.created is None else "baseline"

    @property
    def config(self) -> SuiteConfig:
        """Return the resolved suite that ran."""
        return self.records[0].config

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the run seeds, in order."""
        return tuple(record.seed for record in self.records)

    def values(self, metric: str) -> dict[int, float]:
        """Return seed -> score after fine-tuning; empty where the metric was not scored."""
        return {record.seed: record.scores[metric].value for record in self.records if metric in record.scores}


def load_side(given: str | Path, *, runs_root: Path = Path("runs"), roots: Sequence[Path] | None = None) -> Side:
    """Read and check one side of a comparison.

    Args:
        given: a run folder, its `record.json`, a config-key folder, a baseline's name `suite/profile/method` or its
            JSON file. A folder is also looked for under `runs_root`. A folder that holds runs comes before a baseline
            of the same name.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Raises:
        InputError: nothing is there; a file cannot be read, is of a schema this bench does not know, or is not what
            its hash says; a seed comes twice; seeds differ in config, data or base weights; or statistics are not
            finite.
    """
    name, path = str(given), Path(given)
    if path.is_file():
        return _of_baseline(name, path) if _is_baseline(path) else _of_runs(name, [path])
    if runs := _runs_in(path):
        return _of_runs(name, runs)
    stored = baselines.find(*path.parts, roots=roots) if len(path.parts) == 3 else None
    if stored is not None:
        return _of_baseline(name, stored)
    if runs := _runs_in(runs_root / path):
        return _of_runs(name, runs)
    raise InputError(f"{name}: {_why_not(path, runs_root, roots)}")


def _is_baseline(file: Path) -> bool:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error}); give {_WHAT_A_SIDE_IS}") from None
    return isinstance(values, dict) and "seeds" in values


def _runs_in(folder: Path) -> list[Path]:
    """Return the records of a run folder or of a config-key folder; none where it is neither."""
    own = folder / RECORD_FILE
    return [own] if own.is_file() else sorted(folder.glob(f"seed-*/{RECORD_FILE}"))


def _why_not(path: Path, runs_root: Path, roots: Sequence[Path] | None) -> str:
    for folder in (path, runs_root / path):
        keys = sorted({file.parent.parent for file in folder.glob(f"*/seed-*/{RECORD_FILE}")})
        if keys:
            return f"holds runs of {len(keys)} config(s), give one of them: {', '.join(map(str, keys))}"
    names = ["/".join(file.with_suffix("").parts[-3:]) for file in baselines.find_all(roots=roots)]
    return f"there is neither a run nor a baseline of this name; give {_WHAT_A_SIDE_IS}{suggest(str(path), names)}"


# --- reading ---------------------------------------------------------------------------------------------------------


def _of_runs(name: str, files: Sequence[Path]) -> Side:
    read = sorted(((read_record(file), file) for file in files), key=lambda run: run[0].seed)
    statistics, folders = {}, {}
    for record, file in read:
        if file.name != RECORD_FILE:
            continue  # a copy of a record alone: what lies beside it need not be its own
        folders[record.seed] = file.parent
        if (file.parent / STATISTICS_FILE).is_file():
            statistics[record.seed] = _read_statistics(file.parent)
    return _checked(
        Side(name=name, records=tuple(record for record, _ in read), statistics=statistics, folders=folders)
    )


def _read_statistics(folder: Path) -> dict[str, Array]:
    from safetensors import SafetensorError

    try:
        return read_statistics(folder)["after"]
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{folder / STATISTICS_FILE}: cannot be read ({error}); run again with --force to replace it"
        ) from None


def _of_baseline(name: str, file: Path) -> Side:
    stored = baselines.load(file)
    return _checked(
        Side(
            name=name,
            records=tuple(sorted(stored.records(), key=lambda record: record.seed)),
            statistics=baselines.load_statistics(file),
            folders={},
            reason=stored.reason,
            created=stored.created,
            noise=stored.noise,
        )
    )


def _checked(side: Side) -> Side:
    """Return the side, once its records belong together and its statistics can be resampled."""
    try:
        check_records(side.records)
    except InputError as error:
        raise InputError(f"{side.name}: {error}") from None
    for seed, by_metric in side.statistics.items():
        if seed not in side.seeds:
            raise InputError(f"{side.name}: statistics are stored for seed {seed}, of which there is no record")
        for metric, array in by_metric.items():
            if array.ndim != 2 or 0 in array.shape:
                what = f"have shape {array.shape}, expected (n_examples, n_statistics)"
            elif not np.isfinite(array).all():
                what = f"of example {_first_odd(array)} are not finite"
            else:
                continue
            raise InputError(
                f"{side.name}: seed {seed}, {metric}: the stored statistics {what}; run that seed again with --force"
            )
    return side


def _first_odd(array: Array) -> int:
    return int(np.isfinite(array).all(axis=1).argmin())


def common_seeds(sides: Iterable[Side]) -> tuple[int, ...]:
    """Return the run seeds that every side has, in order."""
    return tuple(sorted(set.intersection(*(set(side.seeds) for side in sides))))
