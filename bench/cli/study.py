"""`bench study`: several methods, tuned on the same budget and then compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bench.cli.command import give_json
from bench.cli.options import Device, Json, JsonFile, Offline, Reports, Runs
from bench.cli.progress import ConsoleProgress
from bench.cli.tables import print_table
from bench.core.errors import RunError
from bench.experiments import study as studies
from bench.experiments.study.plan import MethodPlan, total_s
from bench.experiments.study.result import Final, StudyResult, row_of, word_of
from bench.reports import study as study_page
from bench.reports.comparison import difference_text, p_text
from bench.reports.format import number, seconds
from bench.reports.study.markdown import ONE_UNTUNED, shown
from bench.running.settings import RunSettings


def study(
    file: Annotated[Path, typer.Argument(help="Study file, such as suites/imdb/study.toml.")],
    plan: Annotated[bool, typer.Option("--plan", help="Show what would run and how long, and run nothing.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try runs again that failed before.")] = False,
    device: Device = "auto",
    offline: Offline = False,
    runs: Runs = Path("runs"),
    reports: Reports = Path("reports"),
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Search settings for several methods on one budget, on validation rows alone; report default and tuned.

    Runs that are stored already are not run again, so a study that was cut off goes on with the same command.
    """
    read = studies.read_study(file)
    if plan:
        plans = studies.plan_study(read, runs_root=runs)
        if not give_json(_plan_values(plans), json=json, file=json_file):
            _show_plan(plans)
        return
    result = studies.run_study(
        read,
        settings=RunSettings(runs_root=runs, device=device, offline=offline, progress=ConsoleProgress()),
        retry_failed=retry_failed,
    )
    path = study_page.write_report(result, reports_root=reports)
    values = {"report": str(path), **study_page.values_of(result)}
    if not give_json(values, json=json, file=json_file):
        _print(result)
        typer.echo(path)
    if result.failures:
        rest = f" (and {len(result.failures) - 1} more)" if len(result.failures) > 1 else ""
        raise RunError(f"{path}: the study is not whole: {result.failures[0]}{rest}; --retry-failed tries again")


def _plan_values(plans: Sequence[MethodPlan]) -> dict[str, Any]:
    return {
        "methods": [asdict(plan) | {"time_s": plan.time_s} for plan in plans],
        "n_runs": sum(plan.n_runs for plan in plans),
        "time_s": total_s(plans),
    }


def _show_plan(plans: Sequence[MethodPlan]) -> None:
    total = total_s(plans)
    n_runs = sum(plan.n_runs for plan in plans)
    table = Table("method", "trials", "trial runs", "final runs", "time of one", "time of all")
    for plan in plans:
        times = ("—" if time is None else seconds(time) for time in (plan.run_time_s, plan.time_s))
        table.add_row(plan.name, str(plan.n_trials), str(plan.n_trial_runs), f"up to {plan.n_final_runs}", *times)
    print_table(table)
    known = "not known: no run of some method is stored" if total is None else f"about {seconds(total)}"
    typer.echo(f"Up to {n_runs} runs, fewer where some are stored; expected time {known}.")


def _print(result: StudyResult) -> None:
    study = result.study
    metric, file = study.metric, study.file
    table = Table(
        "method", "trials (failed)", "chosen", "default", "tuned", "tuned - default", "p", "tuned - reference"
    )
    table.title = f"{study.suite.name} · {file.profile} · study {file.study} · {metric} on the test rows"
    for method in result.methods:
        pairs = result.comparisons[method.name]
        own, other = row_of(pairs.tuned_and_default, metric), row_of(pairs.tuned, metric)
        unlike = "" if method.is_tuned and result.methods[0].is_tuned else f" ({ONE_UNTUNED})"
        settings = {} if method.best is None else method.best.settings
        table.add_row(
            method.name,
            f"{len(method.trials)} ({method.n_failed})",
            "\n".join(f"{key} {shown(value)}" for key, value in settings.items()) or "default",
            _mean(method.default, metric),
            _mean(method.tuned, metric),
            "—" if own is None else difference_text(own),
            "—" if own is None else p_text(own),
            "—" if other is None else f"{difference_text(other)} {word_of(other)}{unlike}",
        )
    print_table(table)
    for warning in result.warnings:
        typer.echo(f"Beware: {warning}.")


def _mean(final: Final | None, metric: str) -> str:
    if final is None or final.side is None:
        return "failed"
    values = final.side.values(metric)
    return number(sum(values.values()) / len(values), final.side.records[0].scores[metric].unit)
