"""`bench sweep`: many runs at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.cli.command import give_json
from bench.cli.options import Force, Json, JsonFile, Runs, parse_seeds
from bench.cli.progress import ConsoleProgress
from bench.cli.tables import print_table
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.experiments.sweep import (
    CellResult,
    NotApplicable,
    Plan,
    Planned,
    Sweep,
    SweepCell,
    SweepResult,
    load_sweep,
    plan,
    run_sweep,
)
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
    force: Force = False,
    runs: Runs = Path("runs"),
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Run suites x methods x seeds; what is stored is skipped, and a cell that fails fails alone.

    The same command goes on where a sweep was stopped, and with more seeds or methods it runs those. Ends with 5 where
    a cell failed.
    """
    options = {
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
    written = _asked(suite, {key: value for key, value in options.items() if value is not None})
    planned = plan(
        written.suites,
        methods=written.methods,
        seeds=parse_seeds(written.seeds),
        profile=written.profile,
        overrides=written.set,
        settings=RunSettings(
            runs_root=runs, device=written.device, offline=written.offline, force=force, progress=ConsoleProgress()
        ),
    )
    _show_reused(planned)
    if only_plan:
        if not give_json(_plan_values(planned), json=json, file=json_file):
            _show_plan(planned)
        return
    with _Shown() as display:
        result = run_sweep(planned, engine=written.engine_settings, watch=display.watch)
    if not give_json(_result_values(planned, result), json=json, file=json_file):
        _show_result(result)
    raise typer.Exit(result.exit_code)


def _split(methods: Sequence[str] | None) -> list[str] | None:
    return [name.strip() for given in methods for name in given.split(",")] if methods else None


def _asked(suites: Sequence[str], options: dict[str, Any]) -> Sweep:
    """Return the sweep of a file, with what the command line says instead, or that of the command line alone.

    Raises:
        InputError: a key or value is wrong, or a sweep file stands among other names.
    """
    files = [name for name in suites if name.endswith(".toml") and Path(name).name != SUITE_FILE]
    if not files:
        return checked_sweep({"suites": list(suites), **options}, place="bench sweep")
    if len(suites) > 1:
        raise InputError(f"{files[0]}: a sweep file says all; give it alone, or suites")
    in_file = load_sweep(Path(files[0]))
    return checked_sweep({**in_file.model_dump(exclude_unset=True), **options}, place="bench sweep")


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


def _plan_values(planned: Plan) -> dict[str, Any]:
    known_s, n_known = planned.expected_s
    return {
        "n_cells": len(planned.cells),
        "n_to_run": len(planned.to_run),
        "expected_s": known_s if n_known else None,
        "n_expected": n_known,
        "cells": [
            _values(cell.cell, cell.folder)
            | {"done": cell.done, "made_otherwise": cell.made_otherwise, "expected_s": cell.expected_s}
            for cell in planned.cells
        ],
        "not_applicable": _not_applicable(planned.not_applicable),
    }


def _show_reused(planned: Plan) -> None:
    """Say on standard error which stored cells are used again though other code or libraries made them."""
    cells: dict[str, int] = {}
    for cell in planned.cells:
        if cell.made_otherwise:
            cells[cell.made_otherwise] = cells.get(cell.made_otherwise, 0) + 1
    for otherwise, n_cells in cells.items():
        typer.echo(
            f"{plural(n_cells, 'stored cell')} by other code or libraries used again (--force runs them again): "
            f"{otherwise}",
            err=True,
        )


def _show_plan(planned: Plan) -> None:
    known_s, n_known = planned.expected_s
    to_run = {cell.folder for cell in planned.to_run}
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
    _show_not_applicable(planned.not_applicable)
    n_done = len(planned.cells) - len(to_run)
    counts = f"{plural(len(planned.cells), 'cell')}: {n_done} done already, {len(to_run)} to run"
    typer.echo(f"{counts}, {len(planned.not_applicable)} not applicable.")
    if n_known:
        typer.echo(f"{n_known} of those to run should take {duration(known_s)} one after another, by stored runs.")


def _by_config(planned: Plan) -> dict[Path, list[Planned]]:
    rows: dict[Path, list[Planned]] = {}
    for cell in planned.cells:
        rows.setdefault(cell.folder.parent, []).append(cell)
    return rows


def _seeds(seeds: Iterable[int]) -> str:
    """Return seeds with runs of them as ranges, such as `0-4, 7`; `-` for none."""
    ranges: list[list[int]] = []
    for seed in sorted(seeds):
        if ranges and ranges[-1][1] == seed - 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges) or "-"


def _show_not_applicable(methods: Sequence[NotApplicable]) -> None:
    for method in methods:
        typer.echo(f"{method.suite}, {method.method}: does not apply: {method.why}")


def _result_values(planned: Plan, result: SweepResult) -> dict[str, Any]:
    cells = [
        _values(outcome.cell, cell.folder)
        | {
            "state": outcome.state,
            "seconds": outcome.seconds,
            "message": outcome.message,
            "log": None if outcome.log is None else str(outcome.log),
        }
        for cell, outcome in zip(planned.cells, result.outcomes, strict=True)
    ]
    return {"cells": cells, "counts": _counts(result), "not_applicable": _not_applicable(result.not_applicable)}


def _counts(result: SweepResult) -> dict[str, int]:
    states = [outcome.state for outcome in result.outcomes]
    return {state: states.count(state) for state in ("done", "stored", "failed")}


def _show_result(result: SweepResult) -> None:
    counts = _counts(result)
    _show_not_applicable(result.not_applicable)
    for outcome in result.failed:
        typer.echo(f"failed: {outcome.cell.name}: {outcome.message}")
        if outcome.log is not None:
            typer.echo(f"        {outcome.log}")
    typer.echo(
        f"{plural(len(result.outcomes), 'cell')}: {counts['done']} run, {counts['stored']} stored before, "
        f"{counts['failed']} failed."
    )


def _values(cell: SweepCell, folder: Path) -> dict[str, Any]:
    config = cell.config
    return {
        "suite": config.suite,
        "profile": config.profile,
        "method": config.method_name,
        "seed": cell.seed,
        "config_key": folder.parent.name,
        "folder": str(folder),
    }


def _not_applicable(methods: Sequence[NotApplicable]) -> list[dict[str, str]]:
    return [{"suite": method.suite, "method": method.method, "why": method.why} for method in methods]
