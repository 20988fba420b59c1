"""`bench baseline`: list, show and verify stored baselines, and promote runs to one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.cli.command import Command, give_json
from bench.cli.options import Baselines, Json, JsonFile
from bench.cli.tables import print_table
from bench.comparing.gate.promotion import promote as promote_runs
from bench.comparing.summary import estimate
from bench.comparing.verification import Verification, verify
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.records.baselines import MAX_BYTES, Baseline
from bench.records.store import Store, StoredBaseline
from bench.reports.format import number, size

baseline = typer.Typer(help="List, show and verify stored baselines, or make one of stored runs.", no_args_is_help=True)


@baseline.command("list", cls=Command)
def list_baselines(baselines: Baselines = None) -> None:
    """Name every measured baseline, with its seeds, its date and why it was made."""
    for stored in Store(roots=baselines).baselines():
        baseline = stored.baseline
        typer.echo(f"{stored.name}  {plural(len(baseline.seeds), 'seed')}  {baseline.created}  {baseline.reason}")


@baseline.command("show", cls=Command)
def show(
    name: Annotated[str, typer.Argument(help="suite/profile/method, or the baseline's JSON file.")],
    baselines: Baselines = None,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Show what a baseline holds: scores by seed, noise, where it comes from, who made it and why."""
    stored = Store(roots=baselines).locate_baseline(name)
    if give_json(stored.baseline.model_dump(mode="json"), json=json, file=json_file):
        return
    print_table(_scores(stored))
    for label, value in _facts(stored):
        typer.echo(f"{label + ':':<13} {value}")


def _scores(stored: StoredBaseline) -> Table:
    baseline = stored.baseline
    table = Table("metric", *(f"seed {seed.seed}" for seed in baseline.seeds), "mean", "sd", "noise", "signature")
    table.title = str(stored.name)
    for metric in baseline.config.metrics:
        scores = baseline.scores(metric)
        if not scores:
            continue
        summary, noise = estimate(scores), baseline.noise and baseline.noise.metrics.get(metric)
        spread = summary.standard_deviation
        table.add_row(
            f"{metric} {'↑' if scores[0].higher_is_better else '↓'}",
            *(number(score.value, score.unit) for score in scores),
            number(summary.value, scores[0].unit),
            "—" if spread is None else number(spread, scores[0].unit),
            "—" if not noise else number(noise.device, scores[0].unit),
            scores[0].signature,
            style="bold" if metric == baseline.config.primary_metric else "",
        )
    return table


def _facts(stored: StoredBaseline) -> list[tuple[str, str]]:
    baseline = stored.baseline
    environments = [seed.environment for seed in baseline.seeds]
    commits = dict.fromkeys(f"{e.commit or 'no commit'}{' (dirty)' if e.dirty else ''}" for e in environments)
    facts = [
        ("data", baseline.data.fingerprint),
        ("base", baseline.model.base),
        ("config key", baseline.config_key),
        ("commit", ", ".join(commits)),
        ("device", ", ".join(dict.fromkeys(e.device for e in environments))),
        ("noise", _noise(baseline)),
        ("on disk", f"{size(stored.n_bytes)} of {size(MAX_BYTES)} at most"),
        ("promoted", f"{baseline.created}, by {baseline.promoted_by or 'nobody noted'}"),
        ("reason", baseline.reason),
        *(("waived", waived) for waived in baseline.waived),
    ]
    if baseline.replaces_sha256 is not None:
        facts.append(("replaces", baseline.replaces_sha256))
    if baseline.statistics_left_out is not None:
        facts.append(("left out", f"statistics per example: {baseline.statistics_left_out}"))
    return facts


def _noise(baseline: Baseline) -> str:
    floor = baseline.noise
    if floor is None:
        name = f"suites/{baseline.suite} --profile {baseline.profile} --method {baseline.method}"
        return f"not measured; `bench noise {name} --store`"
    repeats = "bitwise equal" if floor.bitwise else "not bitwise equal"
    return f"{plural(floor.n_repeats, 'repeat')} on {floor.device}, {repeats}; {plural(floor.n_seeds, 'seed')}"


@baseline.command(cls=Command)
def promote(
    run_folder: Annotated[
        list[Path], typer.Argument(help="Run folders, or the config-key folder that holds several seed-*.")
    ],
    reason: Annotated[str, typer.Option(help="Why these runs become the baseline; it is stored and shown.")],
    baselines: Annotated[Path, typer.Option(help="Where baselines are stored.")] = Path("baselines"),
    policy: Annotated[
        Path | None, typer.Option(help="Policy whose min_seeds counts. Default: policy.toml in --baselines.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable; dirty, mixed, few-seeds or incomparable: accept it, and note it there."),
    ] = None,
) -> None:
    """Make the stored runs of one config the measured baseline of their suite, profile and method.

    Refused: runs of code, a suite, a method or a metric that no commit holds, seeds by different code, fewer seeds than
    the policy asks for, and runs that cannot be compared with the baseline they replace.
    """
    done = promote_runs(run_folder, reason=reason, root=baselines, policy=policy, allow=allow or ())
    typer.echo(done.path)
    for waived in done.baseline.waived:
        typer.echo(f"allowed, {waived}", err=True)
    if done.baseline.statistics_left_out:
        typer.echo(f"without per-example statistics: {done.baseline.statistics_left_out}", err=True)
    if done.replaced is not None and done.replaced.noise is not None:
        typer.echo("the noise of the baseline before was not taken over; `bench noise --store` measures it", err=True)


@baseline.command("verify", cls=Command)
def verify_baselines(
    name: Annotated[list[str] | None, typer.Argument(help="Baselines. Default: all.")] = None,
    baselines: Baselines = None,
) -> None:
    """Check hashes, config keys, sizes, and every score that the stored statistics give again."""
    store = Store(roots=baselines)
    chosen = [store.locate_baseline(given) for given in name] if name else store.baselines()
    verifications = [verify(stored) for stored in chosen]
    for verification in verifications:
        typer.echo(_verification_line(verification))
    typer.echo(
        f"{plural(len(verifications), 'baseline')}, "
        f"{size(sum(verification.n_bytes for verification in verifications))} together; {size(MAX_BYTES)} each at most"
    )
    broken = [verification for verification in verifications if verification.problems]
    if broken:
        files = "; ".join(f"{verification.stored.path}: {'; '.join(verification.problems)}" for verification in broken)
        raise InputError(f"{files}; restore the file from version control, or promote the runs again")


def _verification_line(verification: Verification) -> str:
    name = verification.stored.name
    if verification.problems:
        return f"{name}  {plural(len(verification.problems), 'problem')}"
    skipped = f", not computed again: {'; '.join(verification.skipped)}" if verification.skipped else ""
    return f"{name}  holds, {plural(verification.n_values, 'score')} computed again{skipped}"
