"""A stored result that is to be run again, with all that is known of its course and its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import InputError
from bench.records.noise import NoiseFloor
from bench.records.record import RunRecord
from bench.records.store import RECORD_FILE, ResultName, Store, StoredBaseline, StoredRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A stored result, with all that is known of its course and its noise."""

    name: str
    """As messages show it."""
    record: RunRecord
    losses: tuple[float, ...] | None
    """Of every step; none where only the record is there."""
    noise: NoiseFloor | None
    """Stored with the baseline of the same config; none where there is none."""

    @property
    def device(self) -> str:
        """Return the device to ask for, to run it on one of the same kind: any GPU's name is `cuda`."""
        device_class = self.record.environment.device
        return device_class if device_class in ("cpu", "mps") else "cuda"


def find_original(result: str | Path, *, roots: Sequence[Path] | None = None) -> Original:
    """Return the stored result of a run, or of one seed of a baseline.

    Args:
        result: a run folder, a `record.json`, or a baseline (`suite/profile/method` or its file) with `#seed` behind
            it; without, its first seed.
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Raises:
        InputError: there is no such thing, or it cannot be read.
    """
    path, store = Path(result), Store(roots=roots)
    if path.is_dir():
        return _of_run(path, store.run_of(path / RECORD_FILE), store)
    if path.is_file():
        stored = store.open(path, mend="give a run folder, its record.json, or a baseline")
        if isinstance(stored, StoredRun):
            return _of_run(path, stored, store)
    name, _, seed = str(result).partition("#")
    return _of_baseline(result, store.locate_baseline(name), seed)


def _of_baseline(result: str | Path, stored: StoredBaseline, seed: str) -> Original:
    by_seed = {str(record.seed): record for record in stored.baseline.records()}
    seed = seed or next(iter(by_seed))
    if seed not in by_seed:
        raise InputError(f"{result}: the baseline holds no seed {seed!r}; allowed: {', '.join(by_seed)}")
    losses = stored.losses.get(int(seed))
    return Original(
        name=f"{stored.name}#{seed}",
        record=by_seed[seed],
        losses=None if losses is None else tuple(losses.tolist()),
        noise=stored.baseline.noise,
    )


def _of_run(path: Path, run: StoredRun, store: Store) -> Original:
    record = run.record
    return Original(
        name=str(path),
        record=record,
        losses=tuple(losses_of(run)) if run.has_curve else None,
        noise=_noise_beside(record, store),
    )


def losses_of(run: StoredRun) -> list[float]:
    """Return the loss of every step of a run."""
    return [float(row["loss"]) for row in run.curve]


def _noise_beside(record: RunRecord, store: Store) -> NoiseFloor | None:
    """Return the noise that is stored with the baseline of a record's very config."""
    stored = store.baseline_of(ResultName(record.suite, record.profile, record.method))
    if stored is None or stored.baseline.config.key != record.config.key:
        return None
    return stored.baseline.noise
