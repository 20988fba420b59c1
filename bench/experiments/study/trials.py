"""Trials of a method on the validation rows: its default first, then what the search proposes."""

from __future__ import annotations

from bench.experiments.study.budget import PROBE_STEPS, known_rate
from bench.experiments.study.ledger import Failure
from bench.experiments.study.result import Trial, spent
from bench.experiments.study.runs import StudyRuns
from bench.experiments.study.search import TrialSettings, search
from bench.experiments.study.setup import value_of
from bench.records.record import RunRecord


def run_trials(runs: StudyRuns, name: str) -> list[Trial]:
    """Try settings of a method one after another, and return the trials in their order.

    Args:
        runs: of the study.
        name: of the method in it.
    """
    study = runs.study
    space = study.file.methods[name].space
    n_trials = study.n_trials(name)
    with runs.progress.stage(f"{name}: trials", n_trials) as advance:

        def evaluate(number: int, settings: TrialSettings) -> Trial:
            trial = _trial(runs, name, number, settings)
            _say(runs, name, trial)
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


def _trial(runs: StudyRuns, name: str, number: int, settings: TrialSettings) -> Trial:
    study, budget = runs.study, runs.study.file.budget
    bare = study.config(name, settings, steps=PROBE_STEPS, on_validation=True)
    steps = runs.steps(name, settings, bare, may_fail=number > 0)
    if isinstance(steps, Failure):
        return Trial(number=number, settings=dict(settings), config=None, failure=steps.message, spent=spent([steps]))
    config = study.config(name, settings, steps=steps, on_validation=True)
    results: list[RunRecord | Failure] = []
    for seed in study.file.trial_seeds:
        results.append(runs.run(config, seed, may_fail=number > 0))
        if isinstance(results[-1], Failure):
            break
    records = [run for run in results if isinstance(run, RunRecord)]
    failed = next((run for run in results if isinstance(run, Failure)), None)
    return Trial(
        number=number,
        settings=dict(settings),
        config=config,
        rate=known_rate(budget, bare, runs.ledger),
        scores={record.seed: record.scores[study.metric].value for record in records},
        failure=None if failed is None else failed.message,
        fingerprint=records[0].data.splits["validation"].fingerprint if records else None,
        spent=spent(results),
    )


def _say(runs: StudyRuns, name: str, trial: Trial) -> None:
    values = ", ".join(f"{key} {_short(value)}" for key, value in trial.settings.items()) or "default"
    result = f"failed: {trial.failure}" if trial.value is None else f"{runs.study.metric} {trial.value:.4g}"
    runs.progress.say(f"{name}, trial {trial.number + 1} of {runs.study.n_trials(name)}, {values}: {result}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
