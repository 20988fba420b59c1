"""`bench list`: what there is to name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from bench import metrics
from bench.cli.command import give_json
from bench.cli.options import Json, JsonFile
from bench.cli.tables import print_table
from bench.core.errors import InputError, suggest
from bench.suites import library, plugins
from bench.suites.resolve import SuiteFile, builtin_suites, load_suite, resolve


def list_names(
    what: Annotated[str | None, typer.Argument(help="suites (the default), methods or metrics.")] = None,
    methods: Annotated[bool, typer.Option("--methods", help="The same as `bench list methods`.")] = False,
    suite: Annotated[
        str | None, typer.Option(help="Methods for this suite: its own and all others, and why one cannot apply.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Only this profile of the suite. Default: all of them.")] = None,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """List suites, methods or metrics."""
    if methods and what not in (None, "methods"):
        raise InputError(f"bench list {what} --methods: give one of the two")
    what = "methods" if methods else what or "suites"
    rows = {"suites": _suites, "methods": lambda: _methods(suite, profile), "metrics": _metrics}
    if what not in rows:
        raise InputError(f"bench list {what!r}: not known; allowed: {', '.join(rows)}")
    if what != "methods" and (suite or profile):
        raise InputError(f"bench list {what}: --suite and --profile say which methods; use bench list methods")
    listed = rows[what]()
    if give_json(listed, json=json, file=json_file):
        return
    table = Table(*listed[0])
    table.columns[0].no_wrap = True  # a name that is cut cannot be typed
    for row in listed:
        table.add_row(*(_text(value) for value in row.values()))
    print_table(table)


def _text(value: Any) -> str:
    """Return a cell; of a method, whether it applies to each profile."""
    if not isinstance(value, dict):
        return str(value)
    refused: dict[str, list[str]] = {}
    for profile, why in value.items():
        if why is not None:
            refused.setdefault(why, []).append(profile)
    if not refused:
        return "yes"
    return "; ".join(f"not in {', '.join(profiles)}: {why}" for why, profiles in refused.items())


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


def _methods(suite: str | None, profile: str | None) -> list[dict[str, Any]]:
    """Return the methods that a suite can be run with; or, without one, those that there are with their papers."""
    if suite is None:
        if profile is not None:
            raise InputError(f"bench list methods --profile {profile}: give the suite too, with --suite")
        return [
            {"method": name, "title": library.entry(name).title, "paper": library.entry(name).paper}
            for name in library.names()
        ] + [{"method": name, "title": "installed", "paper": where} for name, where in plugins.installed().items()]
    file = load_suite(suite)
    if profile is not None and profile not in file.profiles:
        raise InputError(f"{file.shown}: profile {profile!r} is not known{suggest(profile, file.profiles)}")
    chosen = file.profiles if profile is None else (profile,)
    configs = {each: resolve(file, profile=each) for each in chosen}
    rows = _own_methods(file, chosen)
    taken = {row["method"] for row in rows}
    for name in library.names():
        if name not in taken:
            why_not = {each: library.why_not(name, config) for each, config in configs.items()}
            rows.append({"method": name, "from": "library", "title": library.entry(name).title, "applies": why_not})
    for name, where in plugins.installed().items():
        if name not in taken and name not in library.names():
            rows.append({"method": name, "from": "installed", "title": where, "applies": dict.fromkeys(chosen)})
    return rows


def _own_methods(file: SuiteFile, profiles: Sequence[str]) -> list[dict[str, Any]]:
    tables = {profile: file.methods(profile) for profile in profiles}
    rows = []
    for name in dict.fromkeys(name for methods in tables.values() for name in methods):
        table = next(methods[name] for methods in tables.values() if name in methods)
        kind = table["kind"] + (f" {table['config']['peft_type']}" if table["kind"] == "peft" else "")
        default = [profile for profile in profiles if name == file.default_method(profile)]
        applies = {profile: None if name in methods else "not defined" for profile, methods in tables.items()}
        origin = f"suite, default of {', '.join(default)}" if default else "suite"
        rows.append({"method": name, "from": origin, "title": kind, "applies": applies})
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
