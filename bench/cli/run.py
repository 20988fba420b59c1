"""`bench run`: the main job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.command import give_json
from bench.cli.notes import print_score_notes
from bench.cli.options import (
    Device,
    Force,
    Json,
    JsonFile,
    Method,
    Offline,
    Profile,
    Reports,
    Runs,
    Set,
    Suite,
    parse_seeds,
)
from bench.cli.progress import ConsoleProgress
from bench.cli.results import print_results
from bench.core.processes import is_main
from bench.core.progress import Silent
from bench.metrics.user_metric import tables_of
from bench.reports.run import write_cell_report
from bench.running.runs import run_each
from bench.running.settings import RunSettings
from bench.running.user_files import suite_folders
from bench.suites.profile import resolve_suite


def run(
    suite: Suite,
    profile: Profile = "auto",
    method: Method = None,
    seeds: Annotated[str, typer.Option(help="Run seeds, such as 0-2 or 0,3,7.")] = "0",
    set_: Set = None,
    device: Device = "auto",
    offline: Offline = False,
    force: Force = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable; also score this metric, one of `bench list metrics` or ./file.py:Name."),
    ] = None,
    report_to: Annotated[
        list[str] | None, typer.Option(help="Repeatable; a tracker of transformers' Trainer, such as tensorboard.")
    ] = None,
    runs: Runs = Path("runs"),
    reports: Reports = Path("reports"),
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Fine-tune a model under fixed seeds, score it, and write the report.

    Running a command again does nothing; new seeds are added.
    """
    settings = RunSettings(
        runs_root=runs,
        device=device,
        offline=offline,
        force=force,
        report_to=tuple(report_to or ()),
        progress=ConsoleProgress() if is_main() else Silent(),
    )
    run_seeds = parse_seeds(seeds)
    config = resolve_suite(
        suite,
        profile=profile,
        method=method,
        overrides=set_ or (),
        metrics=tables_of(metric or ()),
        offline=offline,
        progress=settings.progress,
    )
    results = run_each(config, run_seeds, replace(settings, suite_folders=suite_folders(suite, config)))
    if not is_main():
        return
    known = [result.stored for result in results]
    comparison, path = write_cell_report(results[0].folder.parent, reports_root=reports, known=known)
    values = [
        {"folder": str(result.folder), "reused": result.reused, "record": result.record.model_dump(mode="json")}
        for result in results
    ]
    if not give_json({"report": str(path), "runs": values}, json=json, file=json_file):
        print_results(comparison)
        typer.echo(path)
    print_score_notes(*(result.record.scores for result in results))
