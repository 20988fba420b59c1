"""Documented claims, and what the runs say of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from bench.comparing.claims import ClaimVerdict
from bench.comparing.summary import RunSummary
from bench.reports.format import cell, count, number, plain, seconds, table
from bench.reports.run.curves import thinned

MAX_MEASURED = 8
"""Values of a series that the table of claims shows."""


def claims(summary: RunSummary) -> Iterable[str]:
    """Yield every claim with its verdict, where these runs are not the recipe, and why a number may be off."""
    if not summary.claims:
        yield "No claims are written down for this suite."
        return
    yield f"Claims of the recipe, {cell(summary.recipe or summary.config.suite)}."
    yield claim_table(summary.claims)
    if summary.departures:
        lines = [f"- {cell(departure)}" for departure in summary.departures]
        yield _folded("Where these runs are not the recipe", lines)
    if len(summary.records) > 1:
        yield "The mean over seeds is judged."
    choices = [
        f"- {cell(v.claim.text)} {why}"
        for v in summary.claims
        if (why := getattr(v.claim, "tolerance_why", None) or getattr(v.claim, "bounds_why", None))
    ]
    if choices:
        yield _folded("How far a number may be off, and why", choices)


def claim_table(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return one line a claim: what it says, what was measured, and the verdict with its reason."""
    return table(
        ("claim", "measured", "verdict", "seeds that agree", "why"),
        [
            (cell(v.claim.text), _measured(v), _outcome(v), _agreeing(v), cell(v.reason, max_characters=400))
            for v in verdicts
        ],
    )


def _folded(summary: str, lines: Sequence[str]) -> str:
    return "\n".join(chain(("<details>", f"<summary>{summary}</summary>", ""), lines, ("", "</details>")))


def _measured(verdict: ClaimVerdict) -> str:
    if verdict.measured is None:
        return "—"
    if verdict.claim.quantity.startswith(("cost.wall_time_s", "cost.stages_s.")):
        return seconds(verdict.measured[0])
    numbers = [count(value) if abs(value) >= 1000 else number(value) for value in verdict.measured]
    if verdict.claim.kind == "ordering":
        return ", ".join(f"{cell(name)} {value}" for name, value in zip(verdict.claim.methods, numbers, strict=True))
    places = thinned(len(numbers), MAX_MEASURED)
    return " → ".join(numbers[i] for i in places) + (
        f" ({len(places)} of {len(numbers)})" if len(places) < len(numbers) else ""
    )


def _outcome(verdict: ClaimVerdict) -> str:
    strong = verdict.outcome in ("reproduced", "not reproduced")
    return f"**{verdict.outcome}**" if strong else verdict.outcome


def _agreeing(verdict: ClaimVerdict) -> str:
    return "—" if verdict.n_agree is None else f"{verdict.n_agree} of {verdict.n_seeds}"


def documented(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return the numbers that claims about one metric give, and whether they came out."""
    return "<br>".join(f"{_said(verdict)} ({verdict.outcome})" for verdict in verdicts) or "—"


def _said(verdict: ClaimVerdict) -> str:
    """Return the number or direction that a claim gives."""
    claim = verdict.claim
    if claim.kind == "value":
        return plain(claim.value)
    if claim.kind == "ordering":
        return " > ".join(cell(method) for method in claim.methods)
    return f"{plain(claim.low)} to {plain(claim.high)}" if claim.kind == "range" else claim.direction
