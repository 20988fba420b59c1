"""`bench report`: write reports again from stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.report import rebuild


def report(
    suite: Annotated[str, typer.Argument(help="Suite folder or name, such as suites/summarization.")],
    profile: Annotated[str | None, typer.Option(help="Only this profile. Default: all with stored runs.")] = None,
    method: Annotated[str | None, typer.Option(help="Only this method. Default: all with stored runs.")] = None,
    runs: Annotated[Path, typer.Option(help="Where runs are stored.")] = Path("runs"),
    reports: Annotated[Path, typer.Option(help="Where reports go.")] = Path("reports"),
) -> None:
    """Write the Markdown report and its picture again from the stored runs of the newest config; needs no torch."""
    for path in rebuild(suite, profile=profile, method=method, runs_root=runs, reports_root=reports):
        typer.echo(path)
