"""`bench sweep`: many runs at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cli.options import Json, Runs, parse_seeds
from bench.cli.progress import ConsoleProgress
from bench.cli.tables import print_table
from bench.core.errors import InputError
from bench.core.files import canonical_json
from bench.core.wording import plural
from bench.experiments.sweep import CellResult, Plan, Sweep, SweepResult, load_sweep, plan, run_sweep
from bench.experiments.sweep.file import checked_sweep
from bench.experiments.sweep.running import Tally
from bench.running.settings import RunSettings
from bench.suites.resolve import SUITE_FILE


def sweep(
    suite: Annotated[
        list[str], typer.Argument(metavar="SUITE...|FILE.toml", help="Suite folders or names; or one sweep file.")
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable, commas allowed: a name, ./file.py:Name, or all. Default: each suite's own."),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Run seeds, such as 0-4 or 0,3,7. Default: 0.")] = None,
    profile: Annotated[str | None, typer.Option(help="As `bench run`. Default: auto.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Repeatable; for every cell.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps. Default: auto.")] = None,
    offline: Annotated[
        bool | None, typer.Option("--offline", help="Fetch nothing; every network connection is refused.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="local or ray. Default: local.")] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster: auto, host:port or ray://host:port. Default: an instance of our own."),
    ] = None,
    slots: Annotated[int | None, typer.Option(help="Cells at a time. Default: one a GPU, else 1.")] = None,
    cpus_per_cell: Annotated[
        int | None, typer.Option(help="Threads of a cell. Default: an equal share of the cores.")
    ] = None,
    gpus_per_cell: Annotated[
        float | None, typer.Option(help="Part of a GPU for a cell, 0 to 1. Default: 1 where there are any.")
    ] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Show what would run, and run nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again even where a record stands.")] = False,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Run suites x methods x seeds; what is stored is skipped, and a cell that fails fails alone.

    The same command goes on where a sweep was stopped, and with more seeds or methods it runs those. Ends with 5 where
    a cell failed.
    """
    given = {
        "methods": _split(method),
        "seeds": seeds,
        "profile": profile,
        "set": set_ or None,
        "device": device,
        "offline": offline,
        "engine": engine,
        "address": address,
        "slots": slots,
        "cpus_per_cell": cpus_per_cell,
        "gpus_per_cell": gpus_per_cell,
    }
    asked = _asked(suite, {key: value for key, value in given.items() if value is not None})
    planned = plan(
        asked.suites,
        methods=asked.methods,
        seeds=parse_seeds(asked.seeds),
        profile=asked.profile,
        overrides=asked.set,
        settings=RunSettings(
            runs_root=runs, device=asked.device, offline=asked.offline, force=force, progress=ConsoleProgress()
        ),
    )
    if only_plan:
        _show_plan(planned, json=json)
        return
    with _Shown() as shown:
        result = run_sweep(planned, engine=asked.engine_settings, watch=shown.watch)
    _show_result(planned, result, json=json)
    raise typer.Exit(result.exit_code)


def _split(methods: Sequence[str] | None) -> list[str] | None:
    return [name.strip() for given in methods for name in given.split(",")] if methods else None


def _asked(suites: Sequence[str], given: dict[str, Any]) -> Sweep:
    """Return the sweep of a file, with what the command line says instead, or that of the command line alone.

    Raises:
        InputError: a key or value is wrong, or a sweep file stands among other names.
    """
    files = [name for name in suites if name.endswith(".toml") and Path(name).name != SUITE_FILE]
    if not files:
        return checked_sweep({"suites": list(suites), **given}, place="bench sweep")
    if len(suites) > 1:
        raise InputError(f"{files[0]}: a sweep file says all; give it alone, or suites")
    written = load_sweep(Path(files[0]))
    return checked_sweep({**written.model_dump(exclude_unset=True), **given}, place="bench sweep")


# --- on the way ------------------------------------------------------------------------------------------------------


class _Shown:
    """One bar over all cells on a terminal; a line for each cell that ended, there and in a log."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False)  # `a.py:M: why` holds no emoji
        columns = (
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[details]}"),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("cells", total=None, details="")

    def __enter__(self) -> _Shown:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def watch(self, outcome: CellResult | None, tally: Tally) -> None:
        """Show how far the sweep is."""
        n_ended = tally.n_done + tally.n_failed
        left = "" if tally.left_s is None or n_ended == tally.n_cells else f"about {duration(tally.left_s)} left"
        failed = f"{tally.n_failed} failed" if tally.n_failed else ""
        details = ", ".join(part for part in (failed, left) if part)
        self._bar.update(self._task, total=tally.n_cells, completed=n_ended, details=details)
        if outcome is not None:
            after = f"; {left}" if left and not self._console.is_terminal else ""
            self._say(f"[{n_ended}/{tally.n_cells}] {outcome.cell.name}: {_ending(outcome)}{after}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def _ending(outcome: CellResult) -> str:
    if outcome.state == "stored":
        return "stored meanwhile by another sweep"
    if outcome.state == "retried":
        return f"{outcome.message}; it runs again"
    return f"failed: {outcome.message}" if outcome.state == "failed" else duration(outcome.seconds)


def duration(seconds: float) -> str:
    """Return seconds as people say them: `4.2 s`, `3 min 10 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


# --- before and after ------------------------------------------------------------------------------------------------


def _show_plan(planned: Plan, *, json: bool) -> None:
    known_s, n_known = planned.expected_s
    to_run = {one.folder for one in planned.to_run}
    if json:
        values = {
            "n_cells": len(planned.cells),
            "n_to_run": len(to_run),
            "expected_s": known_s if n_known else None,
            "n_expected": n_known,
            "cells": [
                _values(one.cell, one.folder) | {"done": one.done, "expected_s": one.expected_s}
                for one in planned.cells
            ],
            "not_applicable": _not_applicable(planned),
        }
        sys.stdout.write(canonical_json(values))
        return
    table = Table("suite", "profile", "method", "seeds done", "seeds to run", "a seed takes")
    for rows in _by_config(planned).values():
        config = rows[0].cell.config
        expected_s = rows[0].expected_s
        table.add_row(
            config.suite,
            config.profile,
            config.method_name,
            _seeds(row.cell.seed for row in rows if row.folder not in to_run),
            _seeds(row.cell.seed for row in rows if row.folder in to_run),
            "-" if expected_s is None else duration(expected_s),
        )
    print_table(table)
    _show_not_applicable(planned)
    n_done = len(planned.cells) - len(to_run)
    counts = f"{plural(len(planned.cells), 'cell')}: {n_done} done already, {len(to_run)} to run"
    typer.echo(f"{counts}, {len(planned.not_applicable)} not applicable.")
    if n_known:
        typer.echo(f"{n_known} of those to run should take {duration(known_s)} one after another, by stored runs.")


def _by_config(planned: Plan) -> dict[Path, list[Any]]:
    rows: dict[Path, list[Any]] = {}
    for one in planned.cells:
        rows.setdefault(one.folder.parent, []).append(one)
    return rows


def _seeds(seeds: Any) -> str:
    """Return seeds with runs of them as ranges, such as `0-4, 7`; `-` for none."""
    ranges: list[list[int]] = []
    for seed in sorted(seeds):
        if ranges and ranges[-1][1] == seed - 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges) or "-"


def _show_not_applicable(planned: Plan) -> None:
    for one in planned.not_applicable:
        typer.echo(f"{one.suite}, {one.method}: does not apply: {one.why}")


def _show_result(planned: Plan, result: SweepResult, *, json: bool) -> None:
    counts = {state: sum(one.state == state for one in result.outcomes) for state in ("done", "stored", "failed")}
    if json:
        cells = [
            _values(outcome.cell, one.folder)
            | {
                "state": outcome.state,
                "seconds": outcome.seconds,
                "message": outcome.message,
                "log": None if outcome.log is None else str(outcome.log),
            }
            for one, outcome in zip(planned.cells, result.outcomes, strict=True)
        ]
        values = {"cells": cells, "counts": counts, "not_applicable": _not_applicable(planned)}
        sys.stdout.write(canonical_json(values))
        return
    _show_not_applicable(planned)
    for outcome in result.failed:
        typer.echo(f"failed: {outcome.cell.name}: {outcome.message}")
        if outcome.log is not None:
            typer.echo(f"        {outcome.log}")
    typer.echo(
        f"{plural(len(result.outcomes), 'cell')}: {counts['done']} run, {counts['stored']} stored before, "
        f"{counts['failed']} failed."
    )


def _values(cell: Any, folder: Path) -> dict[str, Any]:
    config = cell.config
    return {
        "suite": config.suite,
        "profile": config.profile,
        "method": config.method_name,
        "seed": cell.seed,
        "config_key": folder.parent.name,
        "folder": str(folder),
    }


def _not_applicable(planned: Plan) -> list[dict[str, str]]:
    return [{"suite": one.suite, "method": one.method, "why": one.why} for one in planned.not_applicable]
