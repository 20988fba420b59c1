"""`bench show`: what would run."""

from __future__ import annotations

import tomli_w
import typer

from bench.cli import doctor_facts as inspection
from bench.cli.command import give_json
from bench.cli.options import Json, JsonFile, Method, Profile, Set, Suite
from bench.cli.progress import ConsoleProgress
from bench.core.errors import BenchError
from bench.reports.format import count, seconds, share, size
from bench.suites.profile import resolve_suite


def show(
    suite: Suite,
    profile: Profile = "auto",
    method: Method = None,
    set_: Set = None,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Show what a suite resolves to: values, parameters (counted without weights), sources, expected cost."""
    config = resolve_suite(suite, profile=profile, method=method, overrides=set_ or (), progress=ConsoleProgress())
    states = inspection.source_states(config)
    cost = inspection.expected_cost(config)
    try:
        counted, uncounted = inspection.parameters(config), ""
    except BenchError as error:
        counted, uncounted = None, str(error)
    values = config.model_dump(mode="json", exclude_none=True)
    facts = {
        "config": values,
        "config_key": config.key,
        "parameters": None if counted is None else {"total": counted.total, "trainable": counted.trainable},
        "sources": [{"used_for": s.used_for, "source": s.text, "cached": s.cached} for s in states],
        "expected_wall_time_s": None if cost is None else cost.wall_time_s,
    }
    if give_json(facts, json=json, file=json_file):
        return
    typer.echo(tomli_w.dumps(values))
    typer.echo(f"config key   {config.key}")
    if counted is None:
        typer.echo(f"parameters   not counted: {uncounted}")
    else:
        typer.echo(
            f"parameters   {count(counted.total)} in all, {count(counted.trainable)} trainable ({share(counted.share)})"
        )
    for state in states:
        typer.echo(f"source       {state.used_for}: {state.text} [{'at hand' if state.cached else 'to be fetched'}]")
    if cost is None:
        typer.echo("cost         not known: no measured baseline is stored for this profile and method")
    else:
        typer.echo(
            f"cost         {seconds(cost.wall_time_s)} and {size(cost.peak_memory_bytes)} a seed on {cost.device} "
            "(mean of the stored baseline's seeds)"
        )
