"""The files of one run: their names, how they are written, and a stored run that reads each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.core.files import canonical_json, read_json, read_rows, write_rows, write_text
from bench.core.schema import validate
from bench.records.grouping import GROUPS, sums_of
from bench.records.record import SCHEMA_VERSION, RunRecord, Stage
from bench.statistics.groups import Groups

RECORD_FILE: Final = "record.json"
LOCK_FILE: Final = "config.lock.toml"
STATISTICS_FILE: Final = "statistics.safetensors"
CURVE_FILE: Final = "curve.jsonl"
RESCORE_FILE: Final = "rescore.json"
PREDICTIONS_FILES: Final[dict[Stage, str]] = {"before": "predictions-before.jsonl", "after": "predictions.jsonl"}
_MEND: Final = "run again with --force to replace it"

Rows = list[dict[str, Any]]
"""Lines of a JSON-lines file."""
StagedStatistics = dict[Stage, dict[str, NDArray[np.float64]]]
"""Stage -> metric -> (n_examples, n_statistics)."""


def run_folder(root: Path, config: SuiteConfig, seed: int) -> Path:
    """Return where a run of this config and seed is stored under `root`."""
    return root / config.suite / config.profile / config.method_name / config.key / f"seed-{seed}"


def seed_folders(root: Path, config: SuiteConfig, seeds: Iterable[int]) -> dict[int, Path]:
    """Return `run_folder` of each seed; the config is hashed once."""
    config_folder = run_folder(root, config, 0).parent
    return {seed: config_folder / f"seed-{seed}" for seed in seeds}


def stored_folders(config_folder: Path) -> Iterator[Path]:
    """Yield the run folders of a config-key folder that hold a result, in no order."""
    for file in config_folder.glob(f"seed-*/{RECORD_FILE}"):
        yield file.parent


def is_stored(folder: Path) -> bool:
    """Return whether a run folder holds a result: the record is written last."""
    return (folder / RECORD_FILE).is_file()


def runs_root_of(run: StoredRun) -> Path | None:
    """Return the folder of runs that a run stands in, or None where it is not where `bench run` puts it."""
    folder, record = run.folder.resolve(), run.record
    root = next(iter(folder.parents[4:5]), None)
    return root if root is not None and run_folder(root, record.config, record.seed) == folder else None


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredRun:
    """One run on disk. Each of its files is read when it is first asked for, and then kept."""

    file: Path
    """Its record: `record.json` of a run folder, or a copy of one under any name."""
    known: RunRecord | None = None
    """The record, where it has been read already."""

    @property
    def folder(self) -> Path:
        """Return the run folder."""
        return self.file.parent

    @property
    def is_copy(self) -> bool:
        """Return whether only a copy of the record is there: what lies beside it need not be its own."""
        return self.file.name != RECORD_FILE

    @property
    def has_statistics(self) -> bool:
        """Return whether statistics per example are stored with the record."""
        return not self.is_copy and (self.folder / STATISTICS_FILE).is_file()

    @property
    def has_curve(self) -> bool:
        """Return whether the losses of every step are stored with the record."""
        return not self.is_copy and (self.folder / CURVE_FILE).is_file()

    @cached_property
    def record(self) -> RunRecord:
        """Return the record.

        Raises:
            InputError: it cannot be read.
        """
        return self.known or read_record(self.file)

    @cached_property
    def statistics(self) -> StagedStatistics:
        """Return the statistics per example: stage -> metric -> (n_examples, n_statistics).

        Raises:
            InputError: they cannot be read.
        """
        return self._statistics[0]

    @cached_property
    def statistics_by_group(self) -> StagedStatistics:
        """Return the statistics of what is independent: summed within groups; per example where there are none.

        Raises:
            InputError: they cannot be read, or their groups are not those of the record.
        """
        statistics, groups = self._statistics
        place = str(self.folder / STATISTICS_FILE)
        return {stage: sums_of(by_metric, groups, self.record, place) for stage, by_metric in statistics.items()}

    @property
    def groups(self) -> Groups | None:
        """Return (n_rows,) the number of each test row's group; none where every row stands for itself.

        Raises:
            InputError: they cannot be read.
        """
        return self._statistics[1]

    @cached_property
    def _statistics(self) -> tuple[StagedStatistics, Groups | None]:
        from safetensors import SafetensorError

        try:
            return _read_statistics(self.folder)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{self.folder / STATISTICS_FILE}: cannot be read ({error}); {_MEND}") from None

    @cached_property
    def predictions(self) -> Rows:
        """Return a row for each test example, after fine-tuning.

        Raises:
            InputError: they cannot be read.
        """
        return self._rows(PREDICTIONS_FILES["after"])

    @cached_property
    def predictions_before(self) -> Rows:
        """Return a row for each test example, before fine-tuning.

        Raises:
            InputError: they cannot be read.
        """
        return self._rows(PREDICTIONS_FILES["before"])

    @cached_property
    def curve(self) -> Rows:
        """Return a row for each optimizer step and each epoch.

        Raises:
            InputError: it cannot be read.
        """
        return self._rows(CURVE_FILE)

    def _rows(self, name: str) -> Rows:
        file = self.folder / name
        try:
            return read_rows(file)
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read ({error}); {_MEND}") from None


# --- records ---------------------------------------------------------------------------------------------------------


def read_record(path: Path) -> RunRecord:
    """Load a record from its folder or file.

    Args:
        path: a run folder, or a `record.json`.

    Raises:
        InputError: there is no record there, it is not JSON, or it does not fit the schema.
    """
    file = path / RECORD_FILE if path.is_dir() else path
    if not file.exists():
        raise InputError(f"{file}: there is no run record here; `bench run` writes one")
    return parse_record(read_json(file, mend=_MEND), place=file)


def parse_record(values: Any, *, place: Path) -> RunRecord:
    """Return the JSON of a record as a record.

    Raises:
        InputError: it is of a schema that this bench does not know, or does not fit it.
    """
    check_schema_version(values, place=place, mend="install the bench that wrote it, or run again with --force")
    return validate(RunRecord, values, place=place, mend=_MEND)


def check_schema_version(values: Any, *, place: Path, mend: str) -> None:
    """Check that a record or a baseline is of a version that this bench reads.

    Raises:
        InputError: it is of another, or of none.
    """
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version not in range(1, SCHEMA_VERSION + 1):
        raise InputError(f"{place}: schema_version is {version!r}, this bench reads 1 to {SCHEMA_VERSION}; {mend}")


def peek_record(folder: Path) -> dict[str, Any] | None:
    """Return a record as plain values, far faster than a checked one; None where it cannot be read."""
    try:
        values = read_json(folder / RECORD_FILE, mend=_MEND)
    except InputError:
        return None
    return values if isinstance(values, dict) and {"cost", "environment"} <= values.keys() else None


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `record.json` into a run folder."""
    write_text(folder / RECORD_FILE, canonical_json(record.model_dump(mode="json")))


def write_rescored(folder: Path, values: Mapping[str, Any]) -> None:
    """Store scores that were made again from stored predictions beside the record, which stays as it is."""
    write_text(folder / RESCORE_FILE, canonical_json(values))


# --- statistics and curve --------------------------------------------------------------------------------------------


def write_statistics(
    folder: Path, statistics: Mapping[Stage, Mapping[str, NDArray[np.float64]]], groups: Groups | None = None
) -> None:
    """Store statistics per example, and which examples belong together.

    Args:
        folder: the run folder.
        statistics: stage -> metric -> float64 array (n_examples, n_statistics).
        groups: (n_rows,) the number of each test row's group; none where every row stands for itself.
    """
    from safetensors.numpy import save_file

    flat: dict[str, NDArray[Any]] = {
        f"{stage}/{name}": np.ascontiguousarray(a) for stage, by in statistics.items() for name, a in by.items()
    }
    if groups is not None:
        flat[GROUPS] = groups.astype(np.int32)
    save_file(flat, folder / STATISTICS_FILE)


def read_statistics(folder: Path) -> StagedStatistics:
    """Load the statistics that `write_statistics` stored."""
    return _read_statistics(folder)[0]


def _read_statistics(folder: Path) -> tuple[StagedStatistics, Groups | None]:
    from safetensors.numpy import load_file

    statistics: StagedStatistics = {"before": {}, "after": {}}
    groups = None
    for key, array in load_file(folder / STATISTICS_FILE).items():
        stage, _, name = key.partition("/")
        if key == GROUPS:
            groups = array.astype(np.int64)
        else:
            statistics["before" if stage == "before" else "after"][name] = array
    return statistics, groups


def write_curve(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Store a row for each optimizer step and each epoch."""
    write_rows(folder / CURVE_FILE, list(rows))
