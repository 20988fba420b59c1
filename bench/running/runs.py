"""Runs as they are asked for: seeds that are stored are read, the others run. Loads torch when one runs, not before."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import Timeout

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.core.locks import hold
from bench.core.processes import is_main
from bench.core.progress import Progress, Silent
from bench.records.record import RunRecord
from bench.records.store import RECORD_FILE, StoredRun, is_stored, read_record, run_folder
from bench.running.cache import RunCache
from bench.running.reuse import made_otherwise
from bench.running.settings import RunSettings
from bench.running.user_files import suite_folders
from bench.suites.profile import resolve_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One seed of a suite, as it is stored now."""

    record: RunRecord
    folder: Path
    """Where it is stored."""
    reused: bool
    """Whether it stood there already, so that nothing was trained."""

    @property
    def stored(self) -> StoredRun:
        """Return it as a stored run, for what reads it after this."""
        return StoredRun(file=self.folder / RECORD_FILE, known=self.record if self.reused else None)


def run(
    suite: str | Path,
    *,
    seed: int = 0,
    profile: str = "auto",
    method: str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    offline: bool = False,
    force: bool = False,
    report_to: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    progress: Progress | None = None,
) -> RunRecord:
    """Fine-tune and score one seed of a suite, or return the record that is already there.

    Args:
        suite: a suite folder, the name of a built-in suite, or a stored `config.lock.toml`.
        seed: the run seed, 0 or above.
        profile: as `run_seeds`, also for all that follows.
        method: name of a method, or `path/file.py:Name`.
        overrides: `key.path=value` each.
        device: `auto`, `cpu`, `cuda` or `mps`.
        offline: fetch nothing.
        force: run again even where a record stands.
        report_to: trackers.
        runs_root: folder that records are stored under.
        progress: told where the run is.

    Returns:
        The record, as stored.

    Raises:
        InputError: the suite, a key, a value or the seed is wrong.
        RunError: a source, the device, memory or the loss failed.
    """
    return run_seeds(
        suite,
        seeds=(seed,),
        profile=profile,
        method=method,
        overrides=overrides,
        device=device,
        offline=offline,
        force=force,
        report_to=report_to,
        runs_root=runs_root,
        progress=progress,
    )[0].record


def run_seeds(
    suite: str | Path,
    *,
    seeds: Sequence[int] = (0,),
    profile: str = "auto",
    method: str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    offline: bool = False,
    force: bool = False,
    report_to: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    progress: Progress | None = None,
) -> list[SeedResult]:
    """Fine-tune and score several seeds of a suite; seeds that are stored already are read, not run.

    Args:
        suite: a suite folder, the name of a built-in suite, or a stored `config.lock.toml`.
        seeds: run seeds, 0 or above, each once.
        profile: `documented`, `offline`, `tiny`, or `auto`, which chooses and says why.
        method: name of a method of the suite, of the library or of an installed package, or `path/file.py:Name`;
            default: the profile's own.
        overrides: `key.path=value` each, as after `--set`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        offline: fetch nothing; every network connection is refused while a run lasts.
        force: run again even where a record stands.
        report_to: trackers of the Trainer's own integrations, such as `tensorboard`.
        runs_root: folder that records are stored under.
        progress: told where the run is; default: silent.

    Returns:
        A result for each seed, in their order.

    Raises:
        InputError: the suite, a key, a value or a seed is wrong.
        RunError: a source, the device, memory or the loss failed.
    """
    _check_seeds(seeds)
    settings = RunSettings(
        runs_root=runs_root,
        device=device,
        offline=offline,
        force=force,
        report_to=tuple(report_to),
        progress=progress or Silent(),
    )
    config = resolve_suite(
        suite, profile=profile, method=method, overrides=overrides, offline=offline, progress=settings.progress
    )
    return run_each(config, seeds, replace(settings, suite_folders=suite_folders(suite, config)))


def run_each(config: SuiteConfig, seeds: Sequence[int], settings: RunSettings) -> list[SeedResult]:
    """Run several seeds of a resolved suite; those that are stored already are read.

    A seed that another process is running is waited for.

    Raises:
        InputError: a seed is wrong, or the data or the method does not fit the suite.
        RunError: a source, the device, memory or the loss failed.
    """
    _check_seeds(seeds)
    cache = RunCache()
    results = []
    for seed in seeds:
        with _alone(run_folder(settings.runs_root, config, seed), settings):
            results.append(run_config(config, seed, settings, cache))
    return results


def _check_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise InputError(f"seeds = {list(seeds)}: expected different integers, 0 or above, such as 0-2")


@contextlib.contextmanager
def _alone(folder: Path, settings: RunSettings) -> Iterator[None]:
    """Wait while a sweep or another `bench run` has this run; of several processes, the first waits for all."""
    if not is_main() or (not settings.force and is_stored(folder)):
        yield
        return
    with contextlib.ExitStack() as lock:
        try:
            lock.enter_context(hold(folder, wait=False))
        except Timeout:
            settings.progress.say(f"{folder}: another process is at it; waiting")
            lock.enter_context(hold(folder, wait=True))
        yield


def run_config(config: SuiteConfig, seed: int, settings: RunSettings, cache: RunCache | None = None) -> SeedResult:
    """Run one seed of a resolved suite, or read what is stored already.

    Args:
        config: the resolved suite.
        seed: the run seed, 0 or above.
        settings: where and how.
        cache: what several runs of a process share; give all of them the same one.

    Raises:
        InputError: the data or the method does not fit the suite.
        RunError: a source, the device, memory or the loss failed.
    """
    progress = settings.progress
    folder = run_folder(settings.runs_root, config, seed)
    if not settings.force and is_stored(folder):
        stored = read_record(folder)
        check_device(settings.device, stored.environment.device, folder)
        progress.say(f"seed {seed}: already done, {folder} (--force runs it again)")
        if otherwise := made_otherwise(stored.environment):
            progress.say(f"seed {seed}: a run by other code or libraries is used again: {otherwise}")
        return SeedResult(record=stored, folder=folder, reused=True)
    from bench.core.network_guard import forbid_network
    from bench.running.run import run_seed

    progress.say(f"seed {seed}: {config.suite}, profile {config.profile}, method {config.method_name}")
    with contextlib.ExitStack() as during:
        if settings.offline:
            during.enter_context(forbid_network())
        if not is_main():  # every process makes the whole record, and the first one's is kept
            scratch = during.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            settings = replace(settings, runs_root=Path(scratch))
        record = run_seed(config, seed, settings, cache)
    return SeedResult(record=record, folder=folder, reused=False)


def check_device(device: str, stored: str, folder: Path) -> None:
    """Refuse to pass a run on one kind of device off as one on another.

    Args:
        device: what was asked for: `auto`, `cpu`, `cuda` or `mps`.
        stored: the device class of the stored run.
        folder: where it is stored, for the message.

    Raises:
        InputError: they are of different kinds.
    """
    if device != "auto" and (device in ("cpu", "mps") or stored in ("cpu", "mps")) and device != stored:
        raise InputError(
            f"--device {device}: {folder} holds a run on {stored}; --force replaces it, --runs FOLDER keeps both"
        )
