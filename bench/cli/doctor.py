"""`bench doctor`: what can run here."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from bench.cli import doctor_facts as inspection
from bench.cli.command import give_json
from bench.cli.options import Json, JsonFile
from bench.cli.tables import print_table
from bench.reports.format import size


def doctor(
    network: Annotated[bool, typer.Option("--network", help="Also ask whether the model hub answers.")] = False,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Show what this machine can run, and what is missing."""
    machine = inspection.machine()
    missing = inspection.missing_packages()
    rows = inspection.readiness()
    wordnet = inspection.nltk_wordnet()
    if network:
        from bench.materials.sources import is_hub_reachable

        machine["hub_reachable"] = is_hub_reachable()
    values = {**machine, "missing_packages": missing, "suites": rows, "wordnet": wordnet}
    if give_json(values, json=json, file=json_file):
        return
    facts = {
        **{key: value for key, value in machine.items() if key != "packages"},
        "memory_bytes": size(machine["memory_bytes"]),
        "cache_free_bytes": size(machine["cache_free_bytes"]),
        "devices": ", ".join(machine["devices"]),
        "packages": ", ".join(f"{name} {version}" for name, version in machine["packages"].items()),
        "missing packages": ", ".join(missing) or "none",
        "METEOR": "with WordNet synonyms" if wordnet else "exact and stem matches (no WordNet data is installed)",
    }
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        typer.echo(f"{key.removesuffix('_bytes'):<{width}}  {value}")
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    print_table(table)
