"""The files of one measured baseline: how they are written, and a stored baseline that reads each of them once."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError
from bench.core.files import canonical_json, file_sha256, read_json, write_text
from bench.core.schema import validate
from bench.records.baselines import Baseline, SeedStatistics, unpack_groups, unpack_statistics
from bench.records.grouping import sums_of
from bench.records.noise import NoiseFloor
from bench.records.record import RunRecord
from bench.records.store.name import ResultName
from bench.records.store.run import check_schema_version
from bench.statistics.groups import Groups


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredBaseline:
    """A measured baseline on disk. Each of its files is read when it is first asked for, and then kept."""

    path: Path
    """Its JSON file."""
    known: Any = None
    """The JSON, where it has been read already."""

    @property
    def name(self) -> ResultName:
        """Return the name that its place gives it."""
        suite, profile = self.path.parts[-3:-1]
        return ResultName(suite, profile, self.path.stem)

    @property
    def n_bytes(self) -> int:
        """Return what it takes on disk, JSON and statistics together."""
        return sum(file.stat().st_size for file in (self.path, self._statistics_path) if file.is_file())

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return the JSON as it stands in the file, which an older version may have written.

        Raises:
            InputError: it cannot be read, or holds no object.
        """
        values = self.known
        if values is None:
            values = read_json(self.path, mend="promote runs again with `bench baseline promote`")
        if not isinstance(values, dict):
            raise InputError(
                f"{self.path}: schema_version is None, for the file holds no JSON object; promote runs again"
            )
        return values

    @cached_property
    def baseline(self) -> Baseline:
        """Return the baseline, once its statistics are found to be those it was made with.

        Raises:
            InputError: it cannot be read, does not fit the schema, or its statistics are missing or changed.
        """
        _ = self._unpacked  # a baseline whose statistics were swapped is not what was promoted
        return self._unchecked

    @cached_property
    def records(self) -> tuple[RunRecord, ...]:
        """Return the records it was made of, by seed.

        Raises:
            InputError: as `baseline`.
        """
        return tuple(sorted(self.baseline.records(), key=lambda record: record.seed))

    @property
    def statistics(self) -> SeedStatistics:
        """Return the statistics per example; empty where they were left out.

        Raises:
            InputError: as `baseline`.
        """
        return self._unpacked[0]

    @cached_property
    def statistics_by_group(self) -> SeedStatistics:
        """Return the statistics of what is independent: summed within groups; per example where there are none.

        Raises:
            InputError: as `baseline`; or their groups are not those of the records.
        """
        if not self.statistics:
            return {}
        groups, place = self._unpacked[2], str(self._statistics_path)
        return {seed: sums_of(by, groups, self._unchecked, place) for seed, by in self.statistics.items()}

    @property
    def losses(self) -> dict[int, NDArray[np.float64]]:
        """Return seed -> (n_steps,) training losses; empty where they were left out, or it is of version 1.

        Raises:
            InputError: as `baseline`.
        """
        return self._unpacked[1]

    @cached_property
    def _unchecked(self) -> Baseline:
        check_schema_version(self.values, place=self.path, mend="promote runs again")
        return validate(Baseline, self.values, place=self.path)

    @cached_property
    def _unpacked(self) -> tuple[SeedStatistics, dict[int, NDArray[np.float64]], Groups | None]:
        sha256 = self._unchecked.statistics_sha256
        if sha256 is None:
            return {}, {}, None
        payload = self._payload(sha256)
        return *unpack_statistics(payload), unpack_groups(payload)

    @property
    def _statistics_path(self) -> Path:
        return self.path.with_suffix(".safetensors")

    def _payload(self, sha256: str) -> bytes:
        """Return the content of the statistics file, whose hash this has to be."""
        mend = "restore it from version control, or promote the runs again"
        try:
            payload = self._statistics_path.read_bytes()
        except OSError:
            raise InputError(
                f"{self._statistics_path}: missing, though {self.path.name} was stored with it; {mend}"
            ) from None
        actual = hashlib.sha256(payload).hexdigest()
        if actual != sha256:
            raise InputError(
                f"{self._statistics_path}: sha256 is {actual}, {self.path.name} was stored with {sha256}; {mend}"
            )
        return payload


# --- writing ---------------------------------------------------------------------------------------------------------


def baseline_path(root: Path, name: ResultName) -> Path:
    """Return the JSON file of a baseline in a folder of baselines."""
    return root / name.suite / name.profile / f"{name.method}.json"


def baseline_sha256(path: Path) -> str | None:
    """Return the hash of a baseline's JSON; none where there is none."""
    return file_sha256(path) if path.is_file() else None


def write_baseline(baseline: Baseline, statistics: bytes | None, *, root: Path) -> Path:
    """Store a baseline under `root`, replacing the one of the same suite, profile and method.

    Args:
        baseline: what `bench.records.making.from_runs` returned.
        statistics: the content of its statistics file, from the same call.
        root: the folder of baselines, usually `baselines`.

    Returns:
        The JSON file.
    """
    path = baseline_path(root, ResultName(baseline.suite, baseline.profile, baseline.method))
    statistics_path = path.with_suffix(".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Statistics first: a crash in between leaves an old JSON whose hash no longer fits, which reading reports.
    if statistics is None:
        statistics_path.unlink(missing_ok=True)
    else:
        _write_bytes(statistics_path, statistics)
    write_text(path, canonical_json(baseline.model_dump(mode="json")))
    return path


def write_noise(stored: StoredBaseline, noise: NoiseFloor) -> None:
    """Write a noise floor into a baseline's JSON; everything else in it stays as it was.

    Args:
        stored: the baseline; its values are those from before the call.
        noise: measured on the baseline's own config.

    Raises:
        InputError: the baseline cannot be read; or the noise is that of another kind of device.
    """
    devices = {seed.environment.device for seed in stored.baseline.seeds}
    if noise.device not in devices:
        raise InputError(
            f"{stored.path}: its seeds ran on {', '.join(sorted(devices))}, and the noise was measured on "
            f"{noise.device}; measure it there, or promote runs of this device"
        )
    write_text(stored.path, canonical_json(stored.values | {"noise": noise.model_dump(mode="json")}))


def _write_bytes(path: Path, payload: bytes) -> None:
    """Write a binary file whole or not at all."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        new = Path(scratch) / "new"
        new.write_bytes(payload)
        new.replace(path)
