"""`bench reproduce`: run a stored result again, and say whether it came out the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bench.cli.command import give_json
from bench.cli.options import Baselines, Json, JsonFile, Offline
from bench.cli.progress import ConsoleProgress
from bench.cli.tables import print_table
from bench.core.errors import EXIT_REGRESSION
from bench.reports.format import number
from bench.running.original import find_original
from bench.running.reproduce import reproduce as run_again
from bench.running.reproduction import Departure, Reproduction
from bench.running.settings import RunSettings


def reproduce(
    record: Annotated[
        str, typer.Argument(help="Run folder, record.json, or a baseline's seed, such as imdb/tiny/bert#0.")
    ],
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or mps. Default: the kind that the record ran on.")
    ] = None,
    offline: Offline = False,
    keep: Annotated[Path | None, typer.Option(help="Keep the second run in this folder. Default: thrown away.")] = None,
    baselines: Baselines = None,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Run a record again from what it holds alone, and say: bitwise, within noise, or differs (exit code 1)."""
    original = find_original(record, roots=baselines)
    settings = RunSettings(device=device or original.device, offline=offline, progress=ConsoleProgress())
    done = run_again(original, settings, keep=keep)
    if not give_json(_values(done), json=json, file=json_file):
        _print(done)
    if done.outcome == "differs":
        raise typer.Exit(EXIT_REGRESSION)


def _print(done: Reproduction) -> None:
    table = Table("metric", "recorded", "again", "moved by", "may move by", title=done.original.name)
    primary = done.record.config.primary_metric
    for score in done.scores:
        table.add_row(
            score.metric,
            number(score.recorded, score.unit),
            number(score.again, score.unit),
            number(score.distance, score.unit),
            "—" if score.allowance is None else number(score.allowance, score.unit),
            style="bold" if score.metric == primary else "",
        )
    print_table(table)
    typer.echo(f"{done.outcome}: {done.why}")
    changed = [name for name, is_same in done.hashes.items() if not is_same]
    typer.echo(f"hashes that differ: {', '.join(changed) or 'none'}")
    typer.echo(f"loss: {_departed(done)}")
    for clause in done.elsewhere:
        typer.echo(f"surroundings: {clause}")


def _departed(done: Reproduction) -> str:
    if done.original.losses is None:
        return "the record was stored without the loss of each step"
    departure = done.departure
    if departure is None:
        return f"the same at all {len(done.original.losses)} steps"
    if departure.recorded is None or departure.again is None:
        return f"from step {departure.step} on, one of the two runs had ended"
    change = departure.again - departure.recorded
    return f"first departed at step {departure.step}: {departure.recorded!r}, now {departure.again!r}, {change:+.3g}"


def _values(done: Reproduction) -> dict[str, Any]:
    return {
        "record": done.original.name,
        "outcome": done.outcome,
        "why": done.why,
        "scores": {
            score.metric: {
                "recorded": score.recorded,
                "again": score.again,
                "distance": score.distance,
                "allowance": score.allowance,
            }
            for score in done.scores
        },
        "hashes": dict(done.hashes),
        "departure": None if done.departure is None else _departure_values(done.departure),
        "elsewhere": list(done.elsewhere),
    }


def _departure_values(departure: Departure) -> dict[str, Any]:
    return {"step": departure.step, "recorded": departure.recorded, "again": departure.again}
