"""`bench leaderboard`: the stored methods of a suite by score, with what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bench.cli.command import give_json
from bench.cli.options import Baselines, Confidence, Json, JsonFile, Reports, Runs
from bench.cli.tables import print_table
from bench.comparing.leaderboard import Board, leaderboards, over_suites
from bench.core.errors import InputError
from bench.core.files import write_text
from bench.reports.leaderboard import cells as words
from bench.reports.leaderboard import write
from bench.reports.leaderboard.values import csv_text, profile_values, values

_STYLES = {"better": "green", "worse": "red"}


def leaderboard(
    suite: Annotated[
        list[str] | None,
        typer.Argument(help="Suite folders or names. Default: all of which two methods or more are stored."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="documented, offline or tiny. Default: all of which two methods or more are stored."),
    ] = None,
    side: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable; a config-key folder or baseline to show beside those that are chosen: "
            "for each method the config that its suite has now."
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Rank by this. Default: the suite's primary metric.")] = None,
    target: Annotated[
        float | None,
        typer.Option(help="Score whose tokens and time are asked for. Default: the mean of the default method."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="How far below the best is good enough, in the metric's unit: names the cheapest method that is "
            "shown to be within it. Default: none is recommended."
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Set these against each other and the default method alone; the fewer, the more is found. "
            "Default: all.",
        ),
    ] = None,
    confidence: Confidence = 0.95,
    runs: Runs = Path("runs"),
    baselines: Baselines = None,
    reports: Reports = Path("reports"),
    json: Json = False,
    json_file: JsonFile = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the rows as CSV.")] = None,
) -> None:
    """Rank stored methods with intervals, say which are told apart, and what each costs; needs no torch.

    Writes a page with pictures for each suite and profile.
    """
    boards = leaderboards(
        suite or (),
        profile=profile,
        named=side or (),
        metric=metric,
        target=target,
        confidence=confidence,
        margin=margin,
        methods=_names(methods),
        runs_root=runs,
        roots=baselines,
    )
    pages = write(boards, reports_root=reports)
    if csv is not None:
        write_text(csv, csv_text(boards))
    if give_json(_values(boards, pages), json=json, file=json_file):
        return
    for board in boards:
        _print(board)
    for page in pages:
        typer.echo(page)


def _names(methods: str | None) -> tuple[str, ...]:
    if methods is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in methods.split(",")))
    if "" in names:
        raise InputError(f"--methods {methods!r}: a name is empty; give names with commas between, such as lora,full")
    return names


def _values(boards: Sequence[Board], pages: Sequence[Path]) -> dict[str, Any]:
    profiles = {
        name: {"suites": [board.selection.suite for board in timed], "methods": [*map(profile_values, methods)]}
        for name, (timed, methods) in over_suites(boards).items()
    }
    return {"leaderboards": [*map(values, boards)], "time_to_target": profiles, "pages": [*map(str, pages)]}


def _print(board: Board) -> None:
    selection = board.selection
    scores = Table(*words.score_headings(board), title=f"{selection.suite} · {selection.profile}")
    costs = Table(*words.cost_headings(board))
    scores.columns[2].no_wrap = costs.columns[0].no_wrap = True
    for entry in board.entries:
        scores.add_row(*map(Text, words.score_cells(entry, board)), style=_STYLES.get(entry.word, ""))
        costs.add_row(*map(Text, words.cost_cells(entry, board)))
    print_table(scores)
    typer.echo(words.verdict(board))
    for text in words.warnings(board):
        typer.echo(f"Mind: {text}")
    print_table(costs)
    for text in (words.how_to_read(board), words.what_costs(board), *words.why_missing(board)):
        typer.echo(f"- {text}")
    for result in selection.apart:
        fields = ", ".join(f"{m.field} {m.ours}, here {m.theirs}" for m in result.mismatches)
        typer.echo(f"- {result.side.name} is stored and not comparable with these: {fields}.")
    for text in selection.remarks:
        typer.echo(f"- {text}.")
