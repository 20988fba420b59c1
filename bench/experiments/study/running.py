"""Runs a study: trials on the validation rows, then default and tuned on the test rows, then the comparisons."""

from __future__ import annotations

from dataclasses import replace

from filelock import FileLock, Timeout

from bench.core.errors import InputError
from bench.experiments.study.comparisons import allowed_fields, compare_methods
from bench.experiments.study.finals import check_rows, run_finals
from bench.experiments.study.ledger import FOLDER, open_ledger
from bench.experiments.study.result import StudyResult
from bench.experiments.study.rows import check_shared_rows
from bench.experiments.study.runs import RunOne, StudyRuns, runner
from bench.experiments.study.setup import Study, check_methods
from bench.experiments.study.trials import run_trials
from bench.running.settings import RunSettings


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
        _check_rows(study, settings)
        folder = study.suite.path.parent.resolve()
        run_one = runner(replace(settings, suite_folders={study.suite.name: folder}))
    try:
        with FileLock(root / f"{study.file.study}.lock", timeout=0):
            ledger = open_ledger(root, study.file.study)
            if retry_failed:
                ledger.forget_failures()
            return _run(StudyRuns(study=study, root=root, ledger=ledger, run_one=run_one, progress=settings.progress))
    except Timeout:
        raise InputError(f"{study.place}: this study is running already in {root}; wait for that to end") from None


def _check_rows(study: Study, settings: RunSettings) -> None:
    try:
        config = study.defaults[study.reference]
        check_shared_rows(config, offline=settings.offline, announce=settings.progress.say)
    except InputError as error:
        raise InputError(f"{study.place}: {error}") from None


def _run(runs: StudyRuns) -> StudyResult:
    """Search and run every method, and compare."""
    study = runs.study
    trials = {name: run_trials(runs, name) for name in study.file.methods}
    methods = tuple(run_finals(runs, name, trials[name]) for name in study.file.methods)
    check_rows(runs, methods)
    allowed = allowed_fields(study, methods)
    return StudyResult(
        study=study, methods=methods, comparisons=compare_methods(study, methods, allowed), allowed=allowed
    )
