"""Running one config again: the same seed several times, and several seeds, to measure its noise."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.records.noise import NoiseFloor, floor_of
from bench.records.record import RunRecord
from bench.running.runs import run_each
from bench.running.settings import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredNoise:
    """The noise of a config, and the runs that it was measured with."""

    repeats: tuple[RunRecord, ...]
    """Of the first seed, in the order they ran."""
    seeds: tuple[RunRecord, ...]
    """One a seed."""
    floor: NoiseFloor

    @property
    def config(self) -> SuiteConfig:
        """Return the resolved suite that ran."""
        return self.repeats[0].config


def measure_noise(
    config: SuiteConfig,
    settings: RunSettings,
    *,
    n_repeats: int = 3,
    seeds: Sequence[int] = (0, 1, 2),
    keep: Path | None = None,
) -> MeasuredNoise:
    """Run the first seed several times and every seed once, and return how far the scores moved.

    Args:
        config: the resolved suite.
        settings: where and how; runs of the seeds are stored under its `runs_root`.
        n_repeats: whole runs of the first seed, 2 or more; a stored run never stands in for one.
        seeds: run seeds, each once; those that are stored already are read, not run.
        keep: a folder for the repeats, each under `repeat-<n>`; default: they are thrown away.

    Raises:
        InputError: a setting is wrong, or stored runs come from another kind of device.
        TrainingError: a seed does not decide what it should (`bench.records.noise.check_seeding`).
        RunError: a run failed.
    """
    if n_repeats < 2:
        raise InputError(f"--repeats {n_repeats}: one run shows no noise; give 2 or more")
    results = run_each(config, seeds, settings)
    again = []
    for i in range(1, n_repeats + 1):
        settings.progress.say(f"repeat {i} of {n_repeats}")
        with kept_or_scratch(keep and keep / f"repeat-{i}") as root:
            again += run_each(config, seeds[:1], replace(settings, runs_root=root, force=True))
    records, repeats = tuple(result.record for result in results), tuple(result.record for result in again)
    return MeasuredNoise(repeats=repeats, seeds=records, floor=floor_of(repeats, records))


@contextmanager
def kept_or_scratch(keep: Path | None) -> Iterator[Path]:
    """Yield the folder that was named, or one that is removed afterwards."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        yield Path(scratch)
