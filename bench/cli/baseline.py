"""`bench baseline`: list stored baselines, and promote runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench import baseline as baselines
from bench.report.tables import plural

baseline = typer.Typer(help="List stored baselines, or make one of stored runs.", no_args_is_help=True)


@baseline.command("list")
def list_baselines(
    root: Annotated[
        list[Path] | None, typer.Option(help="Repeatable; where to look. Default: ./baselines, then the built-in ones.")
    ] = None,
) -> None:
    """Name every measured baseline, with its seeds, its date and why it was made."""
    for path in baselines.find_all(roots=root):
        one = baselines.load(path)
        typer.echo(
            f"{one.suite}/{one.profile}/{one.method}  {plural(len(one.seeds), 'seed')}  {one.created}  {one.reason}"
        )


@baseline.command()
def promote(
    run_folder: Annotated[
        list[Path], typer.Argument(help="Run folders, or the config-key folder that holds several seed-*.")
    ],
    reason: Annotated[str, typer.Option(help="Why these runs become the baseline; it is stored and shown.")],
    root: Annotated[Path, typer.Option(help="Where baselines are stored.")] = Path("baselines"),
) -> None:
    """Make the stored runs of one config the measured baseline of their suite, profile and method."""
    made, statistics = baselines.from_runs(run_folder, reason=reason)
    typer.echo(baselines.write(made, statistics, root=root))
    if made.statistics_left_out:
        typer.echo(f"without per-example statistics: {made.statistics_left_out}", err=True)
