"""`bench score A B --against REFERENCES`: two files of outputs on the same rows, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bench.cli.command import give_json
from bench.cli.notes import print_notes, print_score_notes
from bench.cli.tables import print_table
from bench.comparing.compare import MetricComparison
from bench.comparing.outputs import compare_outputs
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.base import Metric
from bench.metrics.reading.outputs import OutputColumns, check_same_rows, read_outputs
from bench.metrics.reading.values import parse_groups
from bench.metrics.score_files import score_outputs
from bench.statistics.groups import count_groups, number_groups


def score_against(
    first: Path,
    other: Path | None,
    references: Path,
    *,
    built: Sequence[Metric],
    columns: OutputColumns,
    confidence: float,
    n_resamples: int,
    seed: int,
    json: bool,
    json_file: Path | None,
) -> None:
    """Print each metric's difference, the other file minus the first, with its paired interval.

    Raises:
        InputError: there is no other file, the files are not of the same rows, or as `score_outputs`.
    """
    if other is None:
        raise InputError(f"--against {references}: sets two files of predictions against each other; give another one")
    sides = [read_outputs(file, references, columns=columns) for file in (first, other)]
    check_same_rows(*sides)
    print_notes(note for side in sides for note in side.notes)
    settings: dict[str, Any] = {"confidence": confidence, "n_resamples": n_resamples, "seed": seed}
    scored = [score_outputs(built, side, **settings) for side in sides]
    groups = None if sides[0].groups is None else number_groups(parse_groups(sides[0].groups))
    rows = compare_outputs(scored[0], scored[1], groups=groups, confidence=confidence)
    values = {
        "confidence": confidence,
        "correction": "holm",
        "first": str(first),
        "other": str(other),
        "references": str(references),
        "n_examples": len(sides[0].predictions),
        "n_groups": None if groups is None else count_groups(groups),
        "metrics": [_values(row) for row in rows],
    }
    if not give_json(values, json=json, file=json_file):
        _print(first, other, rows, confidence)
    for results in scored:
        print_score_notes({result.metric.spec.name: result.score for result in results})


def _values(row: MetricComparison) -> dict[str, Any]:
    from bench.cli.compare import metric_values

    return metric_values(row)


def _print(first: Path, other: Path, rows: Sequence[MetricComparison], confidence: float) -> None:
    from rich.table import Table

    from bench.reports.comparison import headings, row_cells

    typer.echo(f"A  {first}\nB  {other}")
    table = Table(*headings("B"), show_lines=True)
    table.columns[0].overflow = "fold"
    for row in rows:
        table.add_row(*row_cells(row))
    print_table(table)
    for row in rows:
        if row.why:
            typer.echo(f"- {row.metric}: {row.why}")
    unit, n_cells = f"{rows[0].counts}s", plural(len(rows), "cell")
    typer.echo(
        f"{100 * confidence:g} % intervals over {unit}, paired; p two-sided, adjusted by Holm over {n_cells}. "
        "They are about these outputs, not about training again."
    )
