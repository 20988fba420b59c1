"""`bench rescore`: stored predictions scored again, and what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.command import give_json
from bench.cli.notes import print_score_notes
from bench.cli.options import Json, JsonFile, Offline
from bench.cli.tables import print_table
from bench.core.errors import InputError
from bench.metrics.score_files import parse_options
from bench.metrics.user_metric import locate
from bench.records.store import Store, StoredRun, write_rescored
from bench.running.rescore import Rescored, values_of
from bench.running.rescore import rescore as rescore_run


def rescore(
    run: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or config-key folders (all seeds).")
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable; only this metric, of the run's, any other or ./file.py:Name. Default: all."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable; metric.key=value, such as rouge1.stemmer=false, in place of the run's own."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Also store the scores as rescore.json beside the record, which stays.")
    ] = False,
    offline: Offline = False,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Score stored predictions again, without training, and show per metric what moved.

    That is by the libraries installed now, by other metrics, or with other options. What a metric reads beside the
    predictions comes from the run's own config and folder. Ends with 2 or 5 where a metric could not be scored.
    """
    options = parse_options(option or ())
    names = [locate(name) for name in metric or ()]
    runs = [stored for folder in run for stored in _runs_in(folder)]
    results = {stored.folder: rescore_run(stored, names, options, offline=offline) for stored in runs}
    if write:
        for folder, value in zip(results, values_of(results), strict=True):
            write_rescored(folder, value["metrics"])
    if not give_json(values_of(results), json=json, file=json_file):
        _print(results)
    for rows in results.values():
        print_score_notes({row.metric: row.now for row in rows if row.now is not None})
    errors = [row.error for rows in results.values() for row in rows if row.error is not None]
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _runs_in(folder: Path) -> Sequence[StoredRun]:
    runs = Store(runs_root=None).runs_in(folder)
    if not runs:
        raise InputError(f"{folder}: holds no stored run; give a run folder (seed-0), or the folder of its seeds")
    return runs


def _print(results: Mapping[Path, Sequence[Rescored]]) -> None:
    from rich.table import Table
    from rich.text import Text

    for folder, rows in results.items():
        table = Table("metric", "stored", "now", "outcome", "signature", title=str(folder))
        table.columns[4].overflow = "fold"  # a signature that is cut identifies nothing
        for row in rows:
            table.add_row(
                row.metric,
                *("-" if score is None else f"{score.value:.6g}" for score in (row.stored, row.now)),
                _outcome(row),
                Text(_signatures(row)),
            )
        print_table(table)


def _outcome(row: Rescored) -> str:
    if row.outcome != "moved":
        return row.outcome
    return f"moved by {row.change:+.3g}" if row.change else "same value, other signature or interval"


def _signatures(row: Rescored) -> str:
    """Return the signature; both where they differ, and why there is none."""
    if row.error is not None:
        return str(row.error)
    signatures = dict.fromkeys(score.signature for score in (row.stored, row.now) if score is not None)
    return "\n-> ".join(signatures)
