"""Final runs of a method on the test rows: its default and its best setting, under every seed of the study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.comparing.side import Side, load_side
from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.experiments.study.ledger import Failure
from bench.experiments.study.result import Final, MethodResult, Trial, best_trial, spent
from bench.experiments.study.runs import StudyRuns
from bench.records.record import RunRecord
from bench.records.store import run_folder


def run_finals(runs: StudyRuns, name: str, trials: Sequence[Trial]) -> MethodResult:
    """Run a method's default and its best trial on the test rows, and return all that is known of it."""
    best = best_trial(trials, higher_is_better=runs.study.higher_is_better)
    chosen = {trial.number: trial for trial in (trials[0], best) if trial is not None and trial.failure is None}
    with runs.progress.stage(f"{name}: final runs", len(chosen) * len(runs.study.file.seeds)) as advance:
        finals = {number: _final(runs, name, trial, advance) for number, trial in chosen.items()}
    return MethodResult(
        name=name,
        trials=tuple(trials),
        default=finals.get(0),
        tuned=None if best is None else finals[best.number],
        best=best,
        searched=len(trials) > 1,
    )


def _final(runs: StudyRuns, name: str, trial: Trial, advance: Callable[..., None]) -> Final:
    steps = trial.config.training.steps if trial.config is not None else None
    if steps is None:
        raise ValueError(f"trial {trial.number} of {name} ended well without steps")
    config = runs.study.config(name, trial.settings, steps=steps, on_validation=False)
    results: dict[int, RunRecord | Failure] = {}
    for seed in runs.study.file.seeds:
        results[seed] = runs.run(config, seed, may_fail=True)
        advance(1)
    done = [seed for seed, run in results.items() if isinstance(run, RunRecord)]
    return Final(
        config=config,
        side=_side(runs, name, trial, config, done) if done else None,
        failures={seed: run.message for seed, run in results.items() if isinstance(run, Failure)},
        spent=spent(list(results.values())),
    )


def _side(runs: StudyRuns, name: str, trial: Trial, config: SuiteConfig, seeds: Sequence[int]) -> Side:
    """Return the study's own seeds of a stored config, which may hold more."""
    side = load_side(run_folder(runs.root, config, seeds[0]).parent)
    return replace(
        side,
        name=f"{name}, {'default' if trial.number == 0 else 'tuned'}",
        records=tuple(record for record in side.records if record.seed in seeds),
        statistics={seed: arrays for seed, arrays in side.statistics.items() if seed in seeds},
        runs={seed: run for seed, run in side.runs.items() if seed in seeds},
    )


def check_rows(runs: StudyRuns, methods: Sequence[MethodResult]) -> None:
    """Refuse a result whose settings were chosen on the rows that it is scored on.

    Raises:
        InputError: they were, or the rows changed on the way.
    """
    chosen_on = {trial.fingerprint for method in methods for trial in method.trials if trial.fingerprint is not None}
    for method in methods:
        for side in (final.side for final in method.finals):
            if side is None:
                continue
            splits = side.records[0].data.splits
            if splits["test"].fingerprint in chosen_on:
                raise InputError(
                    f"{runs.study.place}: the validation rows turned out to be the test rows, so what was chosen "
                    "has seen them and no result is given; set data.validation to rows of its own"
                )
            if splits["validation"].fingerprint not in chosen_on or len(chosen_on) > 1:
                raise InputError(
                    f"{runs.study.place}: runs saw different validation rows, so the data has changed since some "
                    f"were made; delete {runs.root / side.config.suite} and run the study anew"
                )
