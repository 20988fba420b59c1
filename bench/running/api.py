"""The Python API: what the command line does, as functions that return values."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from bench.comparing.compare import Comparison, adjusted_together
from bench.comparing.compare import compare as compare_pair
from bench.comparing.side import Side, load_side
from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.core.locks import hold
from bench.core.processes import is_main
from bench.core.progress import Progress, Silent
from bench.records.record import RECORD_FILE, RunRecord, Score, read_record, run_folder
from bench.running.cache import RunCache
from bench.statistics.tests import Correction
from bench.suites.resolve import SUITE_FILE, SuiteFile, load_lock, load_suite, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One seed of a `run_seeds` call."""

    record: RunRecord
    folder: Path
    """Where it is stored."""
    reused: bool
    """Whether it stood there already, so that nothing was trained."""


def run(suite: str | Path, *, seed: int = 0, **settings: Any) -> RunRecord:
    """Fine-tune and score one seed of a suite, or return the record that is already there.

    Args:
        suite: a suite folder, the name of a built-in suite, or a stored `config.lock.toml`.
        seed: the run seed, 0 or above.
        settings: keywords of `run_seeds`.

    Returns:
        The record, as stored.
    """
    return run_seeds(suite, seeds=(seed,), **settings)[0].record


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
        method: name under `[methods]`; default: the profile's own.
        overrides: `key.path=value` each, as after `--set`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        offline: fetch nothing; every network connection is refused while the run lasts.
        force: run again even where a record stands.
        report_to: trackers of the Trainer's own integrations, such as `tensorboard`.
        runs_root: folder that records are stored under.
        progress: told where the run is; default: silent.

    Raises:
        InputError: the suite, a key, a value or a seed is wrong.
        RunError: a source, the device, memory or the loss failed.
    """
    shown = progress or Silent()
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise InputError(f"seeds = {list(seeds)}: expected different integers, 0 or above, such as 0-2")
    config = resolve_suite(suite, profile=profile, method=method, overrides=overrides, offline=offline, progress=shown)
    kept = RunCache()
    results = []
    for seed in seeds:
        with _alone(run_folder(runs_root, config, seed), force=force, progress=shown):
            results.append(
                run_config(
                    config,
                    seed,
                    device=device,
                    offline=offline,
                    force=force,
                    report_to=report_to,
                    runs_root=runs_root,
                    progress=shown,
                    kept=kept,
                )
            )
    return results


@contextlib.contextmanager
def _alone(folder: Path, *, force: bool, progress: Progress) -> Iterator[None]:
    """Wait for a sweep, or another `bench run`, that is at this run; the first of several processes waits for all."""
    if not is_main() or (not force and (folder / RECORD_FILE).is_file()):
        yield
        return
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold(folder, wait=False))
        except Timeout:
            progress.say(f"{folder}: another process is at it; waiting")
            held.enter_context(hold(folder, wait=True))
        yield


def run_config(
    config: SuiteConfig,
    seed: int,
    *,
    device: str = "auto",
    offline: bool = False,
    force: bool = False,
    report_to: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    progress: Progress | None = None,
    kept: RunCache | None = None,
) -> SeedResult:
    """Fine-tune and score one seed of a resolved suite, or read what is stored already.

    Args:
        config: the resolved suite.
        seed: the run seed, 0 or above.
        device: see `run_seeds`.
        offline: see `run_seeds`.
        force: see `run_seeds`.
        report_to: see `run_seeds`.
        runs_root: see `run_seeds`.
        progress: see `run_seeds`.
        kept: what several runs share; give all of them the same one.

    Raises:
        InputError: the data or the method does not fit the suite.
        RunError: a source, the device, memory or the loss failed.
    """
    shown = progress or Silent()
    folder = run_folder(runs_root, config, seed)
    if not force and (folder / RECORD_FILE).is_file():
        stored = read_record(folder)
        check_device(device, stored.environment.device, folder)
        shown.say(f"seed {seed}: already done, {folder} (--force runs it again)")
        return SeedResult(record=stored, folder=folder, reused=True)
    from bench.core.network_guard import forbid_network
    from bench.running.run import Options, run_seed

    shown.say(f"seed {seed}: {config.suite}, profile {config.profile}, method {config.method_name}")
    with contextlib.ExitStack() as during:
        if offline:
            during.enter_context(forbid_network())
        if not is_main():  # every process makes the whole record, and the first one's is kept
            runs_root = Path(during.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        options = Options(
            device=device,
            offline=offline,
            report_to=tuple(report_to),
            runs_root=runs_root,
            progress=shown,
            kept=kept or RunCache(),
        )
        record = run_seed(config, seed, options)
    return SeedResult(record=record, folder=folder, reused=False)


def check_device(device: str, there: str, folder: Path) -> None:
    """Refuse to pass a run on one kind of device off as one on another.

    Args:
        device: what was asked for: `auto`, `cpu`, `cuda` or `mps`.
        there: the device class of the stored run.
        folder: where it is stored, for the message.

    Raises:
        InputError: they are of different kinds.
    """
    if device != "auto" and (device in ("cpu", "mps") or there in ("cpu", "mps")) and device != there:
        raise InputError(
            f"--device {device}: {folder} holds a run on {there}; --force replaces it, --runs FOLDER keeps both"
        )


def resolve_suite(
    suite: str | Path,
    *,
    profile: str = "auto",
    method: str | None = None,
    overrides: Sequence[str] = (),
    offline: bool = False,
    progress: Progress | None = None,
) -> SuiteConfig:
    """Return the resolved config of a suite, choosing the profile where it is `auto`.

    Args:
        suite: a suite folder, the name of a built-in suite, or a `config.lock.toml` that a run stored.
        profile: see `run_seeds`.
        method: see `run_seeds`.
        overrides: see `run_seeds`.
        offline: count on the cache alone when choosing.
        progress: told which profile was chosen, and why.

    Raises:
        InputError: the suite, a key or a value is wrong, or a stored configuration was to be changed.
    """
    given = Path(suite)
    if given.is_file() and given.name != SUITE_FILE:
        if profile != "auto" or method or overrides:
            raise InputError(f"{suite}: a stored configuration is complete; leave out --profile, --method and --set")
        return load_lock(given)
    file = load_suite(given.parent if given.name == SUITE_FILE else given)
    if profile == "auto":
        profile, why = choose_profile(file, offline=offline)
        if progress is not None:
            progress.say(f"profile {profile}: {why}")
    return resolve(file, profile=profile, method=method, overrides=overrides)


def choose_profile(file: SuiteFile, *, offline: bool = False) -> tuple[str, str]:
    """Return the profile that `auto` means on this machine, and why.

    `documented` needs a CUDA device, and its files cached or their hub reachable; everything else takes `offline`.
    """
    from bench.materials.sources import is_cached, is_hub_reachable

    if "documented" not in file.profiles:
        return file.profiles[0], "the suite has no documented profile"
    import torch

    if not torch.cuda.is_available():
        return "offline", "there is no CUDA device, which the documented profile is made for"
    config = resolve(file, profile="documented")
    wanted = [source for used_for, source in config.sources() if not used_for.startswith("metric ")]
    if all(is_cached(source) for source in wanted):
        return "documented", "there is a CUDA device, and weights and data are cached"
    if not offline and is_hub_reachable():
        return "documented", "there is a CUDA device, and the model hub can be reached"
    return (
        "offline",
        "there is a CUDA device, but the documented weights are not cached and no model hub can be reached",
    )


def load_record(path: str | Path) -> RunRecord:
    """Load a stored record from its folder or file.

    Raises:
        InputError: there is none, or it does not fit the schema.
    """
    return read_record(Path(path))


def score(metric: str, predictions: Sequence[Any], references: Sequence[Any], **options: Any) -> Score:
    """Score predictions against references, with an interval over examples.

    Args:
        metric: name of a metric, such as `rouge1`.
        predictions: texts, or label numbers.
        references: as many.
        options: the metric's own options.

    Raises:
        InputError: the metric or an option is unknown, or the inputs do not fit it.
    """
    from bench import metrics
    from bench.metrics import score as scoring

    return scoring.score(metrics.build(metric, options), predictions, references)[0]


def compare(first: str | Path | Side, other: str | Path | Side, **settings: Any) -> Comparison:
    """Compare two sides, metric by metric: the other minus the first, as `bench compare FIRST OTHER`.

    Args:
        first: the side that the other is compared with; see `bench.comparing.side.load_side`.
        other: the side that is looked at.
        settings: keywords of `compare_sides`.

    Returns:
        The rows, whose `b` is the first side and whose `a` is the other; or the fields in which the two are unlike.
    """
    return compare_sides((first, other), **settings)[0]


def compare_sides(
    sides: Sequence[str | Path | Side],
    *,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    correction: Correction = "holm",
    allow: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    roots: Sequence[Path] | None = None,
) -> tuple[Comparison, ...]:
    """Compare the first side with each of the others; loads no torch.

    Args:
        sides: two or more; see `bench.comparing.side.load_side`.
        metrics: which to compare; default: all that either side scored.
        confidence: coverage the intervals aim at, in (0, 1).
        correction: of the p-values over all rows of all tables: `holm`, `benjamini-hochberg` or `none`.
        allow: fields that may differ, such as `training.batch_size`.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Returns:
        One table for each of the others: that side minus the first.

    Raises:
        InputError: there are fewer sides than two, one cannot be read, or a name or setting is wrong.
    """
    if len(sides) < 2:
        raise InputError(f"{len(sides)} side(s) were given; a comparison needs two or more")
    first, *others = (
        side if isinstance(side, Side) else load_side(side, runs_root=runs_root, roots=roots) for side in sides
    )
    tables = [
        compare_pair(other, first, metrics=metrics, confidence=confidence, correction=correction, allow=allow)
        for other in others
    ]
    return adjusted_together(tables, correction)
