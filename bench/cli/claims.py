"""`bench claims`: what the recipes say of themselves, and whether what is stored bears it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bench.cli.command import give_json
from bench.cli.options import Json, JsonFile, Runs
from bench.cli.tables import print_table
from bench.comparing.claims import ClaimVerdict, OrderingClaim
from bench.comparing.claims.review import Review, StoredResults, review_all
from bench.records.store import Store
from bench.reports.format import count, number, seconds

_MANY = 4
"""Values of a series that are shown in full; of a longer one, the ends."""


def claims(
    suite: Annotated[list[str] | None, typer.Argument(help="Suites. Default: all that came with bench.")] = None,
    profile: Annotated[
        str | None, typer.Option(help="Only this profile. Default: the nearest to the recipe that has any evidence.")
    ] = None,
    runs: Runs = Path("runs"),
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Show every documented claim with the verdict of the newest stored runs, or else of the measured baseline."""
    reviews = review_all(Store(runs_root=runs), suite or (), profile=profile)
    if give_json([_values(review) for review in reviews], json=json, file=json_file):
        return
    for review in reviews:
        _print(review)


def _print(review: Review) -> None:
    table = Table("claim", "measured", "verdict", "why", "section", title=_title(review), show_lines=True)
    table.columns[0].ratio, table.columns[3].ratio = 3, 2
    for verdict in review.verdicts:
        strong = verdict.outcome in ("reproduced", "not reproduced")
        table.add_row(
            verdict.claim.text,
            _measured(verdict),
            verdict.outcome,
            verdict.reason,
            verdict.claim.section,
            style="bold" if strong else "",
        )
    if not review.verdicts:
        table.add_row("No claims are written down for this suite.", "", "", "", "")
    print_table(table)


def _title(review: Review) -> str:
    evidence = review.evidence
    if evidence is None:
        return f"{review.suite} · nothing stored"
    first = evidence.records[0]
    seeds = [str(record.seed) for record in evidence.records]
    run_seeds = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
    kind = "stored run" if evidence.kind == "run" else "measured baseline"
    return f"{review.suite} · {first.profile} · {first.method} · {run_seeds} · {kind}"


def _measured(verdict: ClaimVerdict) -> str:
    if verdict.measured is None:
        return "—"
    if verdict.claim.is_cost:
        numbers = [seconds(value) if "_s" in verdict.claim.quantity else number(value) for value in verdict.measured]
    else:
        numbers = [count(value) if abs(value) >= 1000 else number(value) for value in verdict.measured]
    if isinstance(verdict.claim, OrderingClaim):
        return ", ".join(f"{method} {value}" for method, value in zip(verdict.claim.methods, numbers, strict=True))
    return " → ".join(numbers if len(numbers) <= _MANY else (numbers[0], "…", numbers[-1]))


def _values(review: Review) -> dict[str, Any]:
    return {
        "suite": review.suite,
        "recipe": review.recipe,
        "evidence": None if review.evidence is None else _evidence_values(review.evidence),
        "claims": [
            verdict.claim.model_dump(mode="json")
            | {
                "outcome": verdict.outcome,
                "measured": verdict.measured,
                "n_seeds": verdict.n_seeds,
                "n_agree": verdict.n_agree,
                "reason": verdict.reason,
            }
            for verdict in review.verdicts
        ],
    }


def _evidence_values(evidence: StoredResults) -> dict[str, Any]:
    first = evidence.records[0]
    return {
        "kind": evidence.kind,
        "profile": first.profile,
        "method": first.method,
        "config_key": first.config_key,
        "seeds": [record.seed for record in evidence.records],
    }
