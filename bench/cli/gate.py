"""`bench gate`: hold stored runs to the stored baselines, and end with a code that CI can trust."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Runs
from bench.cli.tables import print_table
from bench.comparing.gate import Verdict
from bench.comparing.gate import gate as held_to
from bench.core.errors import InputError
from bench.core.files import write_text
from bench.reports.gate import (
    HEADERS,
    append_text,
    cells,
    json_text,
    junit,
    markdown,
    method_note,
    origin_lines,
    summary,
    why_lines,
)

_STYLES = {
    "regression": "red",
    "stale": "magenta",
    "not comparable": "magenta",
    "missing": "magenta",
    "inconclusive": "yellow",
}


def gate(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Run folders, or config-key folders that hold several seed-*. "
            "Default: the stored runs of every suite that the policy names, of the config that it has now."
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy file. Default: policy.toml in the folder of baselines.")
    ] = None,
    runs: Runs = Path("runs"),
    baselines: Annotated[
        Path | None,
        typer.Option(help="Where baselines are stored. Default: ./baselines, then the built-in ones."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable; config, commit, version, dirty or mixed: judge runs that would be stale, and say so."
        ),
    ] = None,
    sequential: Annotated[
        bool,
        typer.Option(
            "--sequential",
            help="Look after every seed, by number, and stop at the first look that decides; alpha holds over all.",
        ),
    ] = False,
    max_seeds: Annotated[
        int | None,
        typer.Option(help="With --sequential: the most seeds there will ever be. Default: max_seeds of the policy."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json-file", metavar="FILE", help="Write the verdict as JSON, at full precision.")
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdict as JUnit XML.")
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option(
            "--markdown", metavar="FILE", help='Add the verdict as Markdown to a file, such as "$GITHUB_STEP_SUMMARY".'
        ),
    ] = None,
) -> None:
    """Compare stored runs with stored baselines by a policy; 0 pass, 1 regression, 3 inconclusive, 4 not comparable.

    4 is also for stale runs: of another config than the suite has now, or by other code than the code at hand.
    """
    if max_seeds is not None and not sequential:
        raise InputError("--max-seeds bounds the looks of --sequential; give both, or neither")
    verdict = held_to(
        run or (),
        policy=policy,
        runs_root=runs,
        baselines_root=baselines,
        allow=allow or (),
        sequential=sequential,
        max_seeds=max_seeds,
    )
    _print(verdict)
    if json_file is not None:
        write_text(json_file, json_text(verdict))
    if junit_file is not None:
        write_text(junit_file, junit(verdict))
    if markdown_file is not None:
        append_text(markdown_file, markdown(verdict))
    raise typer.Exit(verdict.exit_code)


def _print(verdict: Verdict) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(*HEADERS, title=f"bench gate: {summary(verdict)}", show_lines=True)
    table.columns[0].overflow = table.columns[1].overflow = "fold"  # a name that is cut names nothing
    table.columns[-1].ratio = 1
    for row in verdict.rows:
        style = _STYLES.get(row.outcome, "") if row.decides and not row.is_tolerated else "dim"
        table.add_row(*(escape(text) for text in cells(row)), style="" if row.outcome == "pass" else style)
    print_table(table)
    for line in (*why_lines(verdict), *origin_lines(verdict), *verdict.notes, *verdict.failures, method_note(verdict)):
        typer.echo(line)
