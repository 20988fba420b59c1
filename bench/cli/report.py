"""`bench report`: write reports again from stored runs, or one page on everything that is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Reports, Runs
from bench.core.errors import InputError
from bench.reports.overview import write_overview
from bench.reports.run import rebuild


def report(
    suite: Annotated[
        str | None, typer.Argument(help="Suite folder or name, such as suites/summarization.", show_default=False)
    ] = None,
    suites: Annotated[
        str | None, typer.Option("--suites", metavar="all", help="Write the overview of all suites and claims instead.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Only this profile. Default: all with stored runs.")] = None,
    method: Annotated[str | None, typer.Option(help="Only this method. Default: all with stored runs.")] = None,
    runs: Runs = Path("runs"),
    reports: Reports = Path("reports"),
) -> None:
    """Write the Markdown report and its picture again from the stored runs of the newest config; needs no torch."""
    if suites is not None:
        if suites != "all" or suite or profile or method:
            raise InputError("--suites takes the word all, and neither a suite nor --profile nor --method beside it")
        typer.echo(write_overview(runs_root=runs, reports_root=reports))
        return
    if suite is None:
        raise InputError("no suite was given; name one, such as suites/summarization, or give --suites all")
    for path in rebuild(suite, profile=profile, method=method, runs_root=runs, reports_root=reports):
        typer.echo(path)
