"""Runs a study: trials on the validation rows, then default and tuned on the test rows, then the comparisons."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from bench.comparing.compare import Comparison, adjusted_together
from bench.comparing.side import Side, load_side
from bench.comparing.stored import compare_sides
from bench.config import SuiteConfig
from bench.core.errors import InputError, SourceError
from bench.core.locks import hold
from bench.core.progress import Progress, Silent
from bench.experiments.study.budget import PROBE_STEPS, known_rate, measured, steps_of
from bench.experiments.study.ledger import FOLDER, Failure, Ledger, Rate, open_ledger
from bench.experiments.study.result import Final, MethodComparisons, MethodResult, StudyResult, Trial, best_trial, spent
from bench.experiments.study.search import TrialSettings, search
from bench.experiments.study.setup import Study, check_methods, value_of
from bench.records.record import Cost, RunRecord
from bench.records.store import is_stored, read_record, run_folder
from bench.running.cache import RunCache
from bench.running.runs import run_config
from bench.running.settings import RunSettings

Made = TypeVar("Made")
RunOne = Callable[[SuiteConfig, int, Path], RunRecord]
"""Runs one config under one seed, stores it under a folder of runs, and returns the record."""


def run_study(
    study: Study,
    *,
    settings: RunSettings = RunSettings(),  # noqa: B008 - it is frozen
    retry_failed: bool = False,
    run_one: RunOne | None = None,
) -> StudyResult:
    """Run a study, or what is left of it: runs that are stored are read, and failed ones stay failed.

    Args:
        study: what `read_study` returned.
        settings: how its runs happen: runs of studies lie under `studies` in `runs_root`, and `progress` is told of
            every trial and final run.
        retry_failed: try failed runs again.
        run_one: what runs one config; default: `bench.running.runs.run_config`.

    Raises:
        InputError: a default does not fit its suite, the study runs already elsewhere, or validation rows turn out to
            be test rows.
        SourceError: weights or data cannot be brought in.
        DeviceError: the device is not there.
    """
    root = settings.runs_root / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    if run_one is None:
        from bench.running.device import choose_device

        choose_device(settings.device)  # one that is not here would fail every trial
        check_methods(study)
        run_one = _runner(settings)
    try:
        with FileLock(root / f"{study.file.study}.lock", timeout=0):
            ledger = open_ledger(root, study.file.study)
            if retry_failed:
                ledger.forget_failures()
            return _Work(study, root, ledger, run_one, settings.progress).do()
    except Timeout:
        raise InputError(f"{study.place}: this study is running already in {root}; wait for that to end") from None


def _runner(settings: RunSettings) -> RunOne:
    cache = RunCache()  # rows and encodings are the same for every run

    def run_one(config: SuiteConfig, seed: int, root: Path) -> RunRecord:
        silent = replace(settings, runs_root=root, progress=Silent())  # the study says what runs
        return run_config(config, seed, silent, cache).record

    return run_one


@dataclass(frozen=True, slots=True)
class _Work:
    """A study, and where it is stored."""

    study: Study
    root: Path
    ledger: Ledger
    run_one: RunOne
    progress: Progress

    def do(self) -> StudyResult:
        """Search and run every method, and compare."""
        trials = {name: self._trials(name) for name in self.study.file.methods}
        methods = tuple(self._finals(name, trials[name]) for name in self.study.file.methods)
        self._check_rows(methods)
        allowed = self._allowed(methods)
        return StudyResult(
            study=self.study, methods=methods, comparisons=compared(self.study, methods, allowed), allowed=allowed
        )

    # --- one run -----------------------------------------------------------------------------------------------------

    def _run(self, config: SuiteConfig, seed: int, *, may_fail: bool) -> RunRecord | Failure:
        """Return the record of a run, or why it failed; from disk where either stands there."""
        folder = run_folder(self.root, config, seed)
        key = f"{config.key}/seed-{seed}"
        with hold(folder, wait=True):  # another study may be at the same run
            if is_stored(folder):
                return read_record(folder)
            return self._attempt(key, lambda: self.run_one(config, seed, self.root), may_fail=may_fail)

    def _attempt(self, key: str, action: Callable[[], Made], *, may_fail: bool) -> Made | Failure:
        """Return what an action makes, or why it failed, now or in an earlier call of the study."""
        if key in self.ledger.failures:
            return self.ledger.failures[key]
        start, cpu = time.perf_counter(), time.process_time()
        try:
            return action()
        except (SourceError, OSError):
            raise  # nothing that another setting would change
        except Exception as error:  # a user's method may raise anything, and costs its own trial alone
            if isinstance(error, InputError) and not may_fail:
                raise
            failure = Failure(
                message=" ".join(str(error).split()) or type(error).__name__,
                wall_time_s=time.perf_counter() - start,
                cpu_time_s=time.process_time() - cpu,
            )
        self.ledger.keep_failure(key, failure)
        return failure

    def _measure(self, method: str, settings: TrialSettings) -> Rate:
        """Run a configuration for a part of the budget, and measure what that takes."""
        seed = self.study.file.trial_seeds[0]

        def probe(n_steps: int) -> Cost:
            config = self.study.config(method, settings, steps=n_steps, on_validation=True)
            with tempfile.TemporaryDirectory(dir=self.root, prefix=".probe-") as scratch:
                return self.run_one(config, seed, Path(scratch)).cost

        start, cpu = time.perf_counter(), time.process_time()
        n_steps, cost = measured(self.study.file.budget, probe)
        return Rate(
            n_steps=n_steps,
            n_tokens=cost.n_training_tokens,
            training_s=cost.stages_s["training"],
            wall_time_s=time.perf_counter() - start,
            cpu_time_s=time.process_time() - cpu,
        )

    # --- trials ------------------------------------------------------------------------------------------------------

    def _trials(self, name: str) -> list[Trial]:
        study = self.study
        space = study.file.methods[name].space
        n_trials = study.n_trials(name)
        with self.progress.stage(f"{name}: trials", n_trials) as advance:

            def evaluate(number: int, settings: TrialSettings) -> Trial:
                trial = self._trial(name, number, settings)
                self._say(name, trial)
                advance(1)
                return trial

            return search(
                space,
                evaluate,
                lambda trial: trial.value,
                n_trials=n_trials,
                default={key: value_of(study.defaults[name], key) for key in space},
                higher_is_better=study.higher_is_better,
                seed=study.file.sampler_seed,
            )

    def _trial(self, name: str, number: int, settings: TrialSettings) -> Trial:
        study, budget = self.study, self.study.file.budget
        bare = study.config(name, settings, steps=PROBE_STEPS, on_validation=True)
        steps = self._attempt(
            f"{bare.key}/measured",
            lambda: steps_of(budget, bare, self.ledger, lambda: self._measure(name, settings)),
            may_fail=number > 0,
        )
        if isinstance(steps, Failure):
            return Trial(
                number=number, settings=dict(settings), config=None, failure=steps.message, spent=spent([steps])
            )
        config = study.config(name, settings, steps=steps, on_validation=True)
        runs: list[RunRecord | Failure] = []
        for seed in study.file.trial_seeds:
            runs.append(self._run(config, seed, may_fail=number > 0))
            if isinstance(runs[-1], Failure):
                break
        records = [run for run in runs if isinstance(run, RunRecord)]
        failed = next((run for run in runs if isinstance(run, Failure)), None)
        return Trial(
            number=number,
            settings=dict(settings),
            config=config,
            rate=known_rate(budget, bare, self.ledger),
            scores={record.seed: record.scores[study.metric].value for record in records},
            failure=None if failed is None else failed.message,
            fingerprint=records[0].data.splits["validation"].fingerprint if records else None,
            spent=spent(runs),
        )

    def _say(self, name: str, trial: Trial) -> None:
        values = ", ".join(f"{key} {_short(value)}" for key, value in trial.settings.items()) or "default"
        found = f"failed: {trial.failure}" if trial.value is None else f"{self.study.metric} {trial.value:.4g}"
        self.progress.say(f"{name}, trial {trial.number + 1} of {self.study.n_trials(name)}, {values}: {found}")

    # --- final runs --------------------------------------------------------------------------------------------------

    def _finals(self, name: str, trials: Sequence[Trial]) -> MethodResult:
        best = best_trial(trials, higher_is_better=self.study.higher_is_better)
        chosen = {trial.number: trial for trial in (trials[0], best) if trial is not None and trial.failure is None}
        with self.progress.stage(f"{name}: final runs", len(chosen) * len(self.study.file.seeds)) as advance:
            finals = {number: self._final(name, trial, advance) for number, trial in chosen.items()}
        return MethodResult(
            name=name,
            trials=tuple(trials),
            default=finals.get(0),
            tuned=None if best is None else finals[best.number],
            best=best,
            searched=len(trials) > 1,
        )

    def _final(self, name: str, trial: Trial, advance: Callable[..., None]) -> Final:
        steps = trial.config.training.steps if trial.config is not None else None
        if steps is None:
            raise ValueError(f"trial {trial.number} of {name} ended well without steps")
        config = self.study.config(name, trial.settings, steps=steps, on_validation=False)
        runs: dict[int, RunRecord | Failure] = {}
        for seed in self.study.file.seeds:
            runs[seed] = self._run(config, seed, may_fail=True)
            advance(1)
        done = [seed for seed, run in runs.items() if isinstance(run, RunRecord)]
        return Final(
            config=config,
            side=self._side(name, trial, config, done) if done else None,
            failures={seed: run.message for seed, run in runs.items() if isinstance(run, Failure)},
            spent=spent(list(runs.values())),
        )

    def _side(self, name: str, trial: Trial, config: SuiteConfig, seeds: Sequence[int]) -> Side:
        """Return the study's own seeds of a stored config, which may hold more."""
        side = load_side(run_folder(self.root, config, seeds[0]).parent)
        return replace(
            side,
            name=f"{name}, {'default' if trial.number == 0 else 'tuned'}",
            records=tuple(record for record in side.records if record.seed in seeds),
            statistics={seed: arrays for seed, arrays in side.statistics.items() if seed in seeds},
            runs={seed: run for seed, run in side.runs.items() if seed in seeds},
        )

    # --- what was looked at ------------------------------------------------------------------------------------------

    def _check_rows(self, methods: Sequence[MethodResult]) -> None:
        """Refuse a result whose settings were chosen on the rows that it is scored on.

        Raises:
            InputError: they were, or the rows changed on the way.
        """
        chosen_on = {trial.fingerprint for one in methods for trial in one.trials if trial.fingerprint is not None}
        for one in methods:
            for side in (final.side for final in one.finals):
                if side is None:
                    continue
                splits = side.records[0].data.splits
                if splits["test"].fingerprint in chosen_on:
                    raise InputError(
                        f"{self.study.place}: the validation rows turned out to be the test rows, so what was chosen "
                        "has seen them and no result is given; set data.validation to rows of its own"
                    )
                if splits["validation"].fingerprint not in chosen_on or len(chosen_on) > 1:
                    raise InputError(
                        f"{self.study.place}: runs saw different validation rows, so the data has changed since some "
                        f"were made; delete {self.root / side.config.suite} and run the study anew"
                    )

    def _allowed(self, methods: Sequence[MethodResult]) -> tuple[str, ...]:
        """Return the fields that two sides may differ in: the steps that the budget came to, and their batch size."""
        configs = [final.config for one in methods for final in one.finals]
        if self.study.file.budget.steps is not None:
            return ()
        return tuple(
            f"training.{field}"
            for field in ("steps", "batch_size")
            if len({getattr(config.training, field) for config in configs}) > 1
        )


# --- comparisons -----------------------------------------------------------------------------------------------------


def compared(study: Study, methods: Sequence[MethodResult], allowed: Sequence[str]) -> dict[str, MethodComparisons]:
    """Return every fair pair of every method, p-values corrected by Holm over all of them.

    Args:
        study: names what is compared.
        methods: the reference first.
        allowed: fields that may differ.
    """
    reference = methods[0]

    pairs: dict[str, tuple[tuple[Final | None, Final | None], ...]] = {
        one.name: (
            (one.default, one.tuned),
            (reference.default, one.default) if one is not reference else (None, None),
            (reference.tuned, one.tuned) if one is not reference else (None, None),
        )
        for one in methods
    }
    tables: dict[tuple[str, str], Comparison] = {}
    for pair in (pair for of_method in pairs.values() for pair in of_method):
        key = _key(*pair)
        sides = [final.side for final in pair if final is not None and final.side is not None]
        if key is not None and key not in tables and len(sides) == 2:
            tables[key] = compare_sides(sides, metrics=study.metrics, allow=allowed)[0]
    adjusted = dict(zip(tables, adjusted_together(list(tables.values()), "holm"), strict=True))

    def found(pair: tuple[Final | None, Final | None]) -> Comparison | None:
        key = _key(*pair)
        return None if key is None else adjusted.get(key)

    return {
        name: MethodComparisons(tuned_and_default=found(own), defaults=found(defaults), tuned=found(tuned))
        for name, (own, defaults, tuned) in pairs.items()
    }


def _key(first: Final | None, other: Final | None) -> tuple[str, str] | None:
    """Return what tells a pair of finals from the other pairs; none where there is nothing to compare."""
    if first is None or other is None or first.config.key == other.config.key:
        return None
    return first.config.key, other.config.key


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
