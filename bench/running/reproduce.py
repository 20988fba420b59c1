"""Reproduction: run a stored result again from its record alone, and say how near the second run came.

    bitwise       trained weights, predictions, every score and every step's loss are equal to the last bit
    within noise  they are not, and no score moved further than the config moves by itself
    differs       some score moved further, or nobody measured how far it may

How far a score may move (`allowance`) depends on where the second run ran:

- like the first (device class, packages, Python, platform, threads and processor features are equal): by the device
  noise that is stored with the baseline, which is 0 where repeats were bitwise;
- elsewhere: by that or by two standard deviations over seeds, whichever is more. Other kernels add in another order,
  and what grows out of the last bit over many steps is another draw of the same training noise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from bench.core.errors import InputError, SourceError
from bench.records.noise import NoiseFloor
from bench.records.record import Environment, RunRecord
from bench.records.store import RECORD_FILE, ResultName, Store, StoredBaseline, StoredRun, run_folder
from bench.running.cache import RunCache
from bench.running.repeats import kept_or_scratch
from bench.running.settings import RunSettings

ReproduceOutcome = Literal["bitwise", "within noise", "differs"]

SEEDS_SD: Final = 2.0
"""Standard deviations over seeds that a score may move by elsewhere."""
_HASHES: Final = ("initial_trainable", "batch_order", "final_trainable", "predictions")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAgain:
    """One metric, twice."""

    metric: str
    unit: str
    recorded: float
    again: float
    allowance: float | None
    """How far it may move; none where no noise is stored."""

    @property
    def distance(self) -> float:
        """Return how far it moved, 0 or above."""
        return abs(self.again - self.recorded)

    @property
    def is_within(self) -> bool:
        """Return whether it moved no further than it may."""
        return self.distance <= (self.allowance or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The first step whose loss was not the same."""

    step: int
    """Optimiser step, from 1."""
    recorded: float | None
    """Loss there; none where that run had ended before."""
    again: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What running a record again showed."""

    original: Original
    record: RunRecord
    """Of the second run."""
    outcome: ReproduceOutcome
    why: str
    """The reason for the outcome, in words."""
    scores: tuple[ScoreAgain, ...]
    hashes: Mapping[str, bool]
    """Name in `Hashes` -> whether both runs have the same."""
    departure: Departure | None
    """None where every step's loss was equal, or no losses are stored."""
    elsewhere: tuple[str, ...]
    """In what the second run's surroundings differ, a clause each; empty where it ran like the first."""


# --- finding ---------------------------------------------------------------------------------------------------------


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
        losses=tuple(_losses(run)) if run.has_curve else None,
        noise=_noise_beside(record, store),
    )


def _losses(run: StoredRun) -> list[float]:
    return [float(row["loss"]) for row in run.curve]


def _noise_beside(record: RunRecord, store: Store) -> NoiseFloor | None:
    """Return the noise that is stored with the baseline of a record's very config."""
    stored = store.baseline_of(ResultName(record.suite, record.profile, record.method))
    if stored is None or stored.baseline.config.key != record.config.key:
        return None
    return stored.baseline.noise


# --- running ---------------------------------------------------------------------------------------------------------


def reproduce(original: Original, settings: RunSettings, *, keep: Path | None = None) -> Reproduction:
    """Run a stored result again from its record alone: config, pinned revisions, seed.

    On the CPU it takes as many threads as the first run did, for sums depend on it.

    Args:
        original: what `find_original` returned.
        settings: where and how; `original.device` asks for a device of the first run's kind. Nothing is stored under
            its `runs_root`.
        keep: folder of runs for the second one; default: it is thrown away.

    Raises:
        SourceError: the sources no longer give the rows or base weights of the record, or cannot be fetched.
        RunError: the device is not there, or the run failed.
    """
    from bench.core.network_guard import forbid_network
    from bench.running.run import run_seed

    record, cache = original.record, RunCache()
    with kept_or_scratch(keep) as root, forbid_network() if settings.offline else contextlib.nullcontext():
        settings = replace(settings, runs_root=root)
        check_sources(record, settings, cache)
        with _threads(record.environment):
            again = run_seed(record.config, record.seed, settings, cache)
        losses = _losses(StoredRun(file=run_folder(root, record.config, record.seed) / RECORD_FILE))
    return assess(original, again, losses)


def check_sources(record: RunRecord, settings: RunSettings, cache: RunCache) -> None:
    """Fetch what a record was made of, and refuse where it is no longer the same.

    Args:
        record: the stored result.
        settings: of the second run.
        cache: keeps what is fetched for the second run.

    Raises:
        SourceError: rows or base weights are others than the record's, or cannot be fetched.
    """
    from bench.running.run import materials_of

    materials = materials_of(record.config, settings, cache)
    pairs = {
        "data.fingerprint": (record.data.fingerprint, materials.splits.summary.fingerprint),
        "model.base": (record.model.base, materials.base.identity),
    }
    for field, (then, now) in pairs.items():
        if then != now:
            raise SourceError(
                f"{record.suite}: {field} is {now}, and the record has {then}: the sources no longer give the same "
                "bytes, so nothing can be reproduced; bring back the files that the record names"
            )


@contextlib.contextmanager
def _threads(environment: Environment) -> Iterator[None]:
    """Give torch as many threads as a recorded run had."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(environment.n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --- judging; pure ---------------------------------------------------------------------------------------------------


def assess(original: Original, again: RunRecord, losses: Sequence[float] | None) -> Reproduction:
    """Set a second run beside the first.

    Args:
        original: the first run.
        again: record of the second, of the same config and seed.
        losses: the second run's, one a step; none where they are not known.
    """
    record, noise = original.record, original.noise
    elsewhere = surroundings(record.environment, again.environment)
    scores = tuple(
        ScoreAgain(
            metric=name,
            unit=score.unit,
            recorded=score.value,
            again=again.scores[name].value,
            allowance=allowance(name, noise, elsewhere=bool(elsewhere)),
        )
        for name, score in record.scores.items()
    )
    hashes = {name: getattr(record.hashes, name) == getattr(again.hashes, name) for name in _HASHES}
    departure = first_departure(original.losses, losses)
    outcome, why = _outcome(original, again, scores, hashes, departure)
    return Reproduction(
        original=original,
        record=again,
        outcome=outcome,
        why=why,
        scores=scores,
        hashes=hashes,
        departure=departure,
        elsewhere=elsewhere,
    )


def _outcome(
    original: Original,
    again: RunRecord,
    scores: Sequence[ScoreAgain],
    hashes: Mapping[str, bool],
    departure: Departure | None,
) -> tuple[ReproduceOutcome, str]:
    if _values(original.record) == _values(again) and all(hashes.values()) and departure is None:
        return "bitwise", "weights, predictions and every score are equal to the last bit"
    beyond = [score.metric for score in scores if not score.is_within]
    if original.noise is None:
        return "differs", (
            "it is not bitwise, and no noise is stored with the baseline of this config to say how far it may move; "
            "`bench noise SUITE --store` measures it"
        )
    if beyond:
        return "differs", f"moved further than its noise: {', '.join(beyond)}"
    return "within noise", "it is not bitwise, and no score moved further than its noise"


def _values(record: RunRecord) -> list[dict[str, float]]:
    """Return every score, before fine-tuning and after."""
    return [{name: score.value for name, score in scores.items()} for scores in (record.scores_before, record.scores)]


def allowance(metric: str, noise: NoiseFloor | None, *, elsewhere: bool) -> float | None:
    """Return how far a score may move between two runs of one seed, in its unit; none where that is not known.

    Args:
        metric: name of the metric.
        noise: what is stored with the baseline.
        elsewhere: whether the second run's surroundings differ from the first's.
    """
    if noise is None or metric not in noise.metrics:
        return None
    floor = noise.metrics[metric]
    return max(floor.device, SEEDS_SD * (floor.seeds or 0.0)) if elsewhere else floor.device


def surroundings(then: Environment, now: Environment) -> tuple[str, ...]:
    """Return in what two environments differ that can move the last bit, a clause each.

    The version and commit of bench itself are left out: a result has to outlive them.
    """
    a, b = _relevant(then), _relevant(now)
    return tuple(
        f"{name}: {a.get(name, 'not recorded')}, now {b.get(name, 'absent')}"
        for name in dict.fromkeys((*a, *b))
        if a.get(name) != b.get(name)
    )


def _relevant(environment: Environment) -> dict[str, str]:
    names = ("device", "n_threads", "n_processes", "python", "platform")
    named = {name: str(getattr(environment, name)) for name in names}
    return named | environment.determinism | environment.packages


def first_departure(recorded: Sequence[float] | None, again: Sequence[float] | None) -> Departure | None:
    """Return the first step at which two courses have another loss, or None where there is none.

    Args:
        recorded: loss of every step of the first run; none where they are not known.
        again: the same of the second.
    """
    if recorded is None or again is None:
        return None
    n = min(len(recorded), len(again))
    unequal = np.flatnonzero(np.asarray(recorded[:n]) != np.asarray(again[:n]))
    if not unequal.size and len(recorded) == len(again):
        return None
    i = int(unequal[0]) if unequal.size else n
    return Departure(
        step=i + 1,
        recorded=recorded[i] if i < len(recorded) else None,
        again=again[i] if i < len(again) else None,
    )
