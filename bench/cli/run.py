"""`bench run`: the main job."""

from __future__ import annotations

from dataclasses import replace
from json import loads
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
from bench.core.errors import InputError
from bench.core.processes import is_main
from bench.core.progress import Silent
from bench.experiments.until_decided import run_until_decided
from bench.metrics.user_metric import tables_of
from bench.reports.gate import json_text, summary, why_lines
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
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Run seeds one at a time until `bench gate --sequential` decides; ends with its exit code.",
        ),
    ] = False,
    max_seeds: Annotated[
        int | None,
        typer.Option(help="With --until-decided: the most seeds there will ever be. Default: the policy's max_seeds."),
    ] = None,
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
    if until_decided and seeds != "0":
        raise InputError("--until-decided runs the seeds of the baseline in their order; leave --seeds out")
    if max_seeds is not None and not until_decided:
        raise InputError("--max-seeds bounds --until-decided; give both, or neither")
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
    settings = replace(settings, suite_folders=suite_folders(suite, config))
    verdict = None
    if until_decided:
        results, verdict = run_until_decided(config, settings, max_seeds=max_seeds)
    else:
        results = run_each(config, run_seeds, settings)
    if not is_main():
        return
    known = [result.stored for result in results]
    comparison, path = write_cell_report(results[0].folder.parent, reports_root=reports, known=known)
    values = [
        {"folder": str(result.folder), "reused": result.reused, "record": result.record.model_dump(mode="json")}
        for result in results
    ]
    decided = {} if verdict is None else {"verdict": loads(json_text(verdict))}
    if not give_json({"report": str(path), "runs": values, **decided}, json=json, file=json_file):
        print_results(comparison)
        typer.echo(path)
    print_score_notes(*(result.record.scores for result in results))
    if verdict is not None:
        for line in (f"bench gate: {summary(verdict)}", *why_lines(verdict), *verdict.notes, *verdict.failures):
            typer.echo(line, err=json)
        raise typer.Exit(verdict.exit_code)
