"""What a study would run, and how long that may take; loads no torch and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.core.errors import InputError
from bench.experiments.study.config import Budget
from bench.experiments.study.ledger import FOLDER
from bench.experiments.study.setup import Study
from bench.records.record import RunRecord
from bench.records.store import ResultName, Store

_MAX_RECORDS = 8
"""Stored runs that an estimate is made of: the newest by name are as good as any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPlan:
    """The runs of one method."""

    name: str
    n_trials: int
    """Settings tried, the default among them."""
    n_trial_runs: int
    """One for each trial seed."""
    n_final_runs: int
    """Default and tuned under each seed; half of them where nothing beats the default."""
    run_time_s: float | None
    """Expected time of one run, from stored runs of the method; none where there are none."""

    @property
    def n_runs(self) -> int:
        """Return the most runs that the method needs."""
        return self.n_trial_runs + self.n_final_runs

    @property
    def time_s(self) -> float | None:
        """Return the expected time of all of them."""
        return None if self.run_time_s is None else self.n_runs * self.run_time_s


def plan_study(study: Study, *, runs_root: Path = Path("runs")) -> tuple[MethodPlan, ...]:
    """Return what each method would run, were nothing stored yet.

    Args:
        study: what `read_study` returned.
        runs_root: folder of runs, for the cost of stored ones.
    """
    file = study.file
    plans = []
    for name in file.methods:
        n_trials = study.n_trials(name)
        plans.append(
            MethodPlan(
                name=name,
                n_trials=n_trials,
                n_trial_runs=n_trials * len(file.trial_seeds),
                n_final_runs=(2 if n_trials > 1 else 1) * len(file.seeds),
                run_time_s=_run_time_s(study, name, runs_root),
            )
        )
    return tuple(plans)


def _run_time_s(study: Study, name: str, runs_root: Path) -> float | None:
    config = study.defaults[name]
    records = []
    for root in (runs_root / FOLDER, runs_root):
        configs = Store(runs_root=root).configs(ResultName(config.suite, config.profile, config.method_name))
        for run in [run for runs in configs.values() for run in runs][-_MAX_RECORDS:]:
            try:
                records.append(run.record)
            except InputError:  # of another version, or damaged: no more than an estimate is lost
                continue
        if records:
            break
    return fmean(_expected_s(record, study.file.budget) for record in records) if records else None


def _expected_s(record: RunRecord, budget: Budget) -> float:
    """Return the time of a run, its training scaled to the budget and all else left as it was."""
    cost = record.cost
    training = cost.stages_s.get("training", 0.0)
    if budget.seconds is not None:
        scaled = budget.seconds
    elif budget.tokens is not None:
        scaled = training * budget.tokens / cost.n_training_tokens
    else:
        n_steps = record.config.training.steps or (record.epochs[-1].step if record.epochs else 0)
        scaled = training * (budget.steps or 0) / n_steps if n_steps else training
    return cost.wall_time_s - training + scaled


def total_s(plans: Sequence[MethodPlan]) -> float | None:
    """Return the expected time of a study; none where a method's is not known."""
    times = [plan.time_s for plan in plans]
    return None if None in times else sum(time for time in times if time is not None)
