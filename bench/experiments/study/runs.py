"""Single runs of a study: stored ones are read, failed ones stay failed, and a budget becomes steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bench.config import SuiteConfig
from bench.core.errors import InputError, SourceError
from bench.core.locks import hold
from bench.core.progress import Progress, Silent
from bench.experiments.study.budget import measured, steps_of
from bench.experiments.study.ledger import Failure, Ledger, Rate
from bench.experiments.study.search import TrialSettings
from bench.experiments.study.setup import Study
from bench.records.record import Cost, RunRecord
from bench.records.store import is_stored, read_record, run_folder
from bench.running.cache import RunCache
from bench.running.runs import run_config
from bench.running.settings import RunSettings

Result = TypeVar("Result")
RunOne = Callable[[SuiteConfig, int, Path], RunRecord]
"""Runs one config under one seed, stores it under a folder of runs, and returns the record."""


def runner(settings: RunSettings) -> RunOne:
    """Return what runs one config as `bench run` would, silently."""
    cache = RunCache()

    def run_one(config: SuiteConfig, seed: int, root: Path) -> RunRecord:
        silent = replace(settings, runs_root=root, progress=Silent())  # the study says what runs
        return run_config(config, seed, silent, cache).record

    return run_one


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRuns:
    """The runs of one study, and where they are stored."""

    study: Study
    root: Path
    """The folder of the runs of studies."""
    ledger: Ledger
    run_one: RunOne
    progress: Progress

    def run(self, config: SuiteConfig, seed: int, *, may_fail: bool) -> RunRecord | Failure:
        """Return the record of a run, or why it failed; from disk where either stands there."""
        folder = run_folder(self.root, config, seed)
        key = f"{config.key}/seed-{seed}"
        with hold(folder, wait=True):  # another study may be at the same run
            if is_stored(folder):
                return read_record(folder)
            return self._attempt(key, lambda: self.run_one(config, seed, self.root), may_fail=may_fail)

    def steps(self, method: str, settings: TrialSettings, config: SuiteConfig, *, may_fail: bool) -> int | Failure:
        """Return the steps that the budget comes to for a configuration, or why that could not be measured.

        Args:
            method: its name in the study.
            settings: searched key -> value.
            config: the configuration; its own number of steps does not matter.
            may_fail: whether a setting that does not fit is a failure, not an error.
        """
        return self._attempt(
            f"{config.key}/measured",
            lambda: steps_of(self.study.file.budget, config, self.ledger, lambda: self._measure(method, settings)),
            may_fail=may_fail,
        )

    def _attempt(self, key: str, action: Callable[[], Result], *, may_fail: bool) -> Result | Failure:
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
