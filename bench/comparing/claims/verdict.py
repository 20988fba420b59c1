"""What judging a claim gives, and the steps that every kind of claim shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.comparing.claims.address import Missing, read
from bench.comparing.claims.documented import AnyClaim
from bench.comparing.claims.trends import Direction
from bench.records.record import RunRecord

ClaimOutcome = Literal[
    "reproduced", "not reproduced", "same direction", "other direction", "undecided", "not comparable", "not measured"
]
"""`undecided`: which way a trend or an ordering goes is within what seeds do by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """One claim against the runs of one config; an ordering, against those of several methods."""

    claim: AnyClaim
    outcome: ClaimOutcome
    measured: tuple[float, ...] | None
    """Mean over seeds: one number, one an epoch or evaluation, or one a method for an ordering, in its methods' order;
    none where nothing was measured."""
    n_seeds: int
    """Seeds the mean is over; for an ordering, seeds that every method ran."""
    n_agree: int | None
    """Seeds that would be judged like the mean, or, where it is undecided, that go the claimed way; none where nothing
    was judged, or no seed can be on its own."""
    reason: str
    """Why the outcome is what it is, one clause."""


def unjudged(
    claim: AnyClaim,
    outcome: Literal["not comparable", "not measured"],
    reason: str,
    *,
    n_seeds: int,
    measured: tuple[float, ...] | None = None,
) -> ClaimVerdict:
    """Return the verdict on a claim that says nothing about these runs, and why."""
    return ClaimVerdict(claim=claim, outcome=outcome, measured=measured, n_seeds=n_seeds, n_agree=None, reason=reason)


def outcome_of(*, holds: bool, on_recipe: bool) -> ClaimOutcome:
    """Return the word for a claim that holds or not, on the recipe itself or on a stand-in."""
    if on_recipe:
        return "reproduced" if holds else "not reproduced"
    return "same direction" if holds else "other direction"


def outcome_of_direction(direction: Direction, *, on_recipe: bool) -> ClaimOutcome:
    """Return the word for a trend or an ordering, on the recipe itself or on a stand-in."""
    return "undecided" if direction == "undecided" else outcome_of(holds=direction == "as claimed", on_recipe=on_recipe)


def measure(claim: AnyClaim, record: RunRecord) -> tuple[float, ...] | Missing:
    """Return what a claim is about in one record: its quantity, less `minus` where it has one."""
    first = read(record, claim.quantity)
    if claim.minus is None or isinstance(first, Missing):
        return first
    second = read(record, claim.minus)
    return second if isinstance(second, Missing) else (first[0] - second[0],)


def first_of(other: Sequence[str]) -> str:
    """Return the first departure and how many there are beside it; `departures` has them all."""
    n_more = len(other) - 1
    return other[0] + (f", and {n_more} more field{'s' if n_more > 1 else ''}" if n_more else "")


def on_stand_in(other: Sequence[str]) -> str:
    """Return the end of a reason: that these runs are not the recipe; empty where they are."""
    return f"; on a stand-in: {first_of(other)}" if other else ""


def device_departure(claim: AnyClaim, records: Sequence[RunRecord]) -> str | None:
    """Return why a claim on time or memory says nothing about these runs, or None where it does."""
    if not claim.is_cost:
        return None
    devices = sorted({record.environment.device for record in records})
    if claim.device is None:
        return f"device: the recipe names none, these runs used {', '.join(devices)}"
    if devices != [claim.device]:
        return f"device is {', '.join(devices)}, the claim's is {claim.device}"
    return None
