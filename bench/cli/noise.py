"""`bench noise`: how far the scores of a suite move by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.cli.command import give_json
from bench.cli.options import Baselines, Device, Json, JsonFile, Method, Offline, Profile, Runs, Set, Suite, parse_seeds
from bench.cli.progress import ConsoleProgress
from bench.cli.tables import print_table
from bench.config import SuiteConfig
from bench.core.errors import NotComparableError
from bench.core.wording import plural
from bench.records.noise import draws_initial_weights
from bench.records.store import ResultName, Store, StoredBaseline, write_noise
from bench.reports.format import number
from bench.running.repeats import MeasuredNoise, measure_noise
from bench.running.settings import RunSettings
from bench.suites.profile import resolve_suite


def noise(
    suite: Suite,
    profile: Profile = "auto",
    method: Method = None,
    repeats: Annotated[int, typer.Option(help="Whole runs of the first seed, 2 or more.")] = 3,
    seeds: Annotated[str, typer.Option(help="Run seeds, such as 0-2; stored ones are not run again.")] = "0-2",
    set_: Set = None,
    device: Device = "auto",
    offline: Offline = False,
    runs: Runs = Path("runs"),
    keep: Annotated[Path | None, typer.Option(help="Keep the repeats in this folder. Default: thrown away.")] = None,
    store: Annotated[bool, typer.Option("--store", help="Write the noise into the stored baseline.")] = False,
    baselines: Baselines = None,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Run one seed several times and several seeds once, and show how far each score moves.

    It fails where another seed leaves the initial weights or the batch order as they were, or the same seed does not.
    """
    settings = RunSettings(runs_root=runs, device=device, offline=offline, progress=ConsoleProgress())
    config = resolve_suite(
        suite, profile=profile, method=method, overrides=set_ or (), offline=offline, progress=settings.progress
    )
    stored_in = _baseline_of(config, baselines) if store else None
    measured = measure_noise(config, settings, n_repeats=repeats, seeds=parse_seeds(seeds), keep=keep)
    if not give_json(measured.floor.model_dump(mode="json"), json=json, file=json_file):
        _print(measured)
    if stored_in is not None:
        write_noise(stored_in, measured.floor)
        typer.echo(f"stored in {stored_in.path}", err=True)


def _baseline_of(config: SuiteConfig, roots: list[Path] | None) -> StoredBaseline:
    """Return the baseline of this very config.

    Raises:
        NotComparableError: there is none, or it is of another config.
    """
    name = ResultName(config.suite, config.profile, config.method_name)
    stored = Store(roots=roots).baseline_of(name)
    if stored is None:
        raise NotComparableError(f"--store: there is no baseline {name}; make it with `bench baseline promote`")
    if stored.baseline.config.key != config.key:
        raise NotComparableError(f"--store: {stored.path} is of another config; leave out --set, or promote these runs")
    return stored


def _print(measured: MeasuredNoise) -> None:
    config, floor = measured.config, measured.floor
    table = Table("metric", "value", "device noise", "sd over seeds")
    table.title = f"{config.suite} · {config.profile} · {config.method_name} · {floor.device}"
    for metric, noise in floor.metrics.items():
        score = measured.repeats[0].scores[metric]
        table.add_row(
            f"{metric} {'↑' if score.higher_is_better else '↓'}",
            number(score.value, score.unit),
            number(noise.device, score.unit),
            "—" if noise.seeds is None else number(noise.seeds, score.unit),
            style="bold" if metric == config.primary_metric else "",
        )
    print_table(table)
    same = "the same weights and predictions, bit by bit" if floor.bitwise else "other weights or predictions each time"
    typer.echo(f"{plural(floor.n_repeats, 'run')} of seed {measured.repeats[0].seed}: {same}.")
    changed = "initial weights and batch order" if draws_initial_weights(measured.repeats[0]) else "batch order"
    alone = "" if draws_initial_weights(measured.repeats[0]) else "; the method draws no initial weights"
    if floor.n_seeds > 1:
        typer.echo(f"{plural(floor.n_seeds, 'seed')}: each changes {changed}{alone}.")
