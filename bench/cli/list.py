"""`bench list`: what there is to name."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from bench import metrics
from bench.cli.options import Json
from bench.cli.tables import print_table
from bench.errors import InputError
from bench.record import canonical_json
from bench.suite import builtin_suites, load_suite


def list_names(
    what: Annotated[str, typer.Argument(help="suites, methods or metrics.")] = "suites",
    suite: Annotated[str | None, typer.Option(help="Only the methods of this suite.")] = None,
    json: Json = False,
) -> None:
    """List suites, methods or metrics."""
    rows = {"suites": _suites, "methods": lambda: _methods(suite), "metrics": _metrics}
    if what not in rows:
        raise InputError(f"bench list {what!r}: not known; allowed: {', '.join(rows)}")
    found = rows[what]()
    if json:
        typer.echo(canonical_json(found), nl=False)
        return
    table = Table(*found[0])
    table.columns[0].no_wrap = True  # a name that is cut cannot be typed
    for row in found:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)


def _suites() -> list[dict[str, Any]]:
    files = [load_suite(f"suites/{name}") for name in builtin_suites()]
    return [
        {
            "suite": f"suites/{file.name}",
            "title": file.tables["title"],
            "profiles": ", ".join(file.profiles),
            "primary metric": file.tables["primary_metric"],
        }
        for file in files
    ]


def _methods(suite: str | None) -> list[dict[str, Any]]:
    rows = []
    for name in [suite] if suite else [f"suites/{name}" for name in builtin_suites()]:
        file = load_suite(name)
        for profile in file.profiles:
            for method, table in file.methods(profile).items():
                default = "default" if method == file.default_method(profile) else ""
                kind = table["kind"] + (f" {table['config']['peft_type']}" if table["kind"] == "peft" else "")
                rows.append({"suite": file.name, "profile": profile, "method": method, "kind": kind, "": default})
    return rows


def _metrics() -> list[dict[str, Any]]:
    specs = [metrics.spec(name) for name in metrics.METRIC_NAMES]
    return [
        {
            "metric": spec.name,
            "title": spec.title,
            "unit": spec.unit,
            "range": f"{spec.low:g} to {spec.high:g}",
            "better": "higher" if spec.higher_is_better else "lower",
            "inputs": spec.inputs,
            "needs": ", ".join(sorted(metrics.needs(spec.name))) or "none",
            "options": ", ".join(metrics.option_names(spec.name)) or "none",
        }
        for spec in specs
    ]
