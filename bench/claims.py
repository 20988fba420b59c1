"""Documented claims: what a recipe says of itself, and whether stored runs bear it out. Pure; reads no files.

A claim points at a number of a `RunRecord` by an address of this small, closed language:

    scores.<metric>              value on the test split after fine-tuning, in the metric's unit
    scores_before.<metric>       the same before
    epochs.<field>               one value an epoch, such as `epochs.train_loss`; trends only
    epochs.<field>[i]            one epoch, counted from 0, or from -1 at the end
    model.<field>                a parameter count, or `trainable_share`
    cost.<field>                 such as `cost.wall_time_s`
    cost.stages_s.<name>         seconds of one stage

How a claim is judged:

- A value or a range is judged only where everything in `Documented.fixed` (profile included) is as the recipe has it;
  elsewhere it is `not comparable`; `departures` names the fields that differ.
- A trend is judged there in the same words; elsewhere it is `same direction` or `other direction`, on a stand-in.
- Time and memory are facts about a device. A claim on `cost` that names no device is never judged.
- Over several seeds the mean is judged, and how many seeds would be judged alike on their own is said beside it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.config import Scalar, Strict, SuiteConfig
from bench.errors import InputError
from bench.record import Cost, EpochSummary, ModelSummary, RunRecord

Outcome = Literal["reproduced", "not reproduced", "same direction", "other direction", "not comparable", "not measured"]

_ADDRESS = re.compile(r"(?P<block>[a-z_]+)\.(?P<field>\w+(\.\w+)?)(\[(?P<index>-?\d+)\])?")
_METRIC_BLOCKS = ("scores", "scores_before")
_FIELDS = {
    "epochs": frozenset(EpochSummary.model_fields) - {"epoch", "step"},
    "model": frozenset(ModelSummary.model_fields) - {"base"},
    "cost": frozenset(Cost.model_fields) - {"started_at", "stages_s"},
}
_MISSING = object()


# --- the address language --------------------------------------------------------------------------------------------


def _parse(quantity: str) -> tuple[str, str, int | None]:
    """Split an address into block, field and epoch index.

    Raises:
        ValueError: it is not an address of this language.
    """
    match = _ADDRESS.fullmatch(quantity)
    block, name, index = (match["block"], match["field"], match["index"]) if match else ("", "", None)
    if block in _METRIC_BLOCKS:
        known = "." not in name
    elif block == "cost" and name.startswith("stages_s."):
        known = True
    else:
        known = name in _FIELDS.get(block, frozenset())
    if not known or (index is not None and block != "epochs"):
        raise ValueError(
            f"quantity {quantity!r} is not an address; allowed: scores.<metric>, scores_before.<metric>, "
            "epochs.<field>, epochs.<field>[i], model.<field>, cost.<field>, cost.stages_s.<name>"
        )
    return block, name, None if index is None else int(index)


def is_series(quantity: str) -> bool:
    """Return whether an address names one value an epoch instead of a single number."""
    block, _, index = _parse(quantity)
    return block == "epochs" and index is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why an address has no value in a record."""

    reason: str


def read(record: RunRecord, quantity: str) -> tuple[float, ...] | Missing:
    """Return the number or numbers that an address names in a record.

    Args:
        record: the record.
        quantity: an address.

    Returns:
        One number, or one an epoch for a series; `Missing` where the record does not hold it.

    Raises:
        ValueError: the address is not one of the language.
    """
    block, name, index = _parse(quantity)
    if block in _METRIC_BLOCKS:
        score = getattr(record, block).get(name)
        return Missing(reason=f"{name} was not scored") if score is None else (score.value,)
    if block == "epochs":
        return _read_epochs(record.epochs, name, index)
    if block == "cost" and name.startswith("stages_s."):
        value = record.cost.stages_s.get(name.removeprefix("stages_s."))
    else:
        value = getattr(getattr(record, block), name)
    return Missing(reason=f"{quantity} was not recorded") if value is None else (float(value),)


def _read_epochs(epochs: Sequence[EpochSummary], name: str, index: int | None) -> tuple[float, ...] | Missing:
    values = [getattr(epoch, name) for epoch in epochs]
    if any(value is None for value in values):
        return Missing(reason=f"epochs.{name} was not recorded")
    if index is None:
        return tuple(values)
    if not -len(values) <= index < len(values):
        return Missing(reason=f"the run has {len(values)} epoch(s), the claim is about number {index}, from 0")
    return (values[index],)


# --- claims ----------------------------------------------------------------------------------------------------------


class _Claim(Strict):
    """What every claim says."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name, unique in the file."""
    text: str
    """The claim in words."""
    section: str
    """Where in the recipe it stands."""
    quantity: str
    """Address of the number it is about."""
    minus: str | None = None
    """Address of a number to subtract from it."""
    device: str | None = None
    """Device class that a claim on `cost` is about, as records name it; none where the recipe names none."""

    @property
    def is_cost(self) -> bool:
        """Return whether the claim is about time or memory."""
        return self.quantity.startswith("cost.")

    @model_validator(mode="after")
    def _addresses_are_known(self) -> _Claim:
        series = [is_series(address) for address in (self.quantity, self.minus) if address is not None]
        if getattr(self, "kind", None) == "trend":
            if series not in ([True], [False, False]):
                raise ValueError("a trend is over a series, or is the sign of one number minus another")
        elif any(series):
            raise ValueError(f"{self.quantity} is a series; a value or a range needs one number, such as [-1] picks")
        return self


class ValueClaim(_Claim):
    """The quantity is this number, give or take."""

    kind: Literal["value"]
    value: float
    """What the recipe says."""
    tolerance: float = Field(ge=0)
    """Largest distance that still reproduces it; ours, since the recipe gives none."""
    tolerance_why: str
    """Why this tolerance."""


class RangeClaim(_Claim):
    """The quantity lies in a range."""

    kind: Literal["range"]
    low: float
    high: float
    bounds_why: str
    """Why these bounds, where the recipe says it in words."""

    @model_validator(mode="after")
    def _ordered(self) -> RangeClaim:
        if self.low > self.high:
            raise ValueError(f"low = {self.low} must not exceed high = {self.high}")
        return self


class TrendClaim(_Claim):
    """A series falls or rises at every step; or a difference is below or above zero."""

    kind: Literal["trend"]
    direction: Literal["falls", "rises"]


Claim = Annotated[ValueClaim | RangeClaim | TrendClaim, Field(discriminator="kind")]


class Documented(Strict):
    """`baselines/<suite>/documented.json`: everything a recipe claims."""

    suite: str
    recipe: str
    """The recipe, in a few words."""
    fixed: dict[str, Scalar | tuple[Scalar, ...]]
    """Path in the resolved suite -> what the recipe has there; a list names several that are all the recipe's."""
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Documented:
        ids = [claim.id for claim in self.claims]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"claim id used twice: {', '.join(repeated)}")
        return self


# --- judging ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimVerdict:
    """One claim against the runs of one config."""

    claim: ValueClaim | RangeClaim | TrendClaim
    outcome: Outcome
    measured: tuple[float, ...] | None
    """Mean over seeds: one number, or one an epoch; none where nothing was measured."""
    n_seeds: int
    """Seeds the mean is over."""
    n_agree: int | None
    """Seeds that would be judged like the mean; none where nothing was judged."""
    reason: str
    """Why the outcome is what it is, one clause."""


def departures(documented: Documented, config: SuiteConfig) -> tuple[str, ...]:
    """Return what a resolved suite has otherwise than the recipe, one clause a field; empty on the recipe itself."""
    wanted: dict[str, Any] = {"profile": "documented", **documented.fixed}
    values = config.model_dump(mode="json")
    found = []
    for path, allowed in wanted.items():
        here: Any = values
        for part in path.split("."):
            here = here.get(part, _MISSING) if isinstance(here, dict) else _MISSING
        choices = allowed if isinstance(allowed, tuple) else (allowed,)
        if here not in choices:
            found.append(f"{path} is {_shown(here)}, the recipe's is {' or '.join(map(_shown, choices))}")
    return tuple(found)


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "absent"
    return "none" if value is None else str(value)


def judge(documented: Documented, records: Sequence[RunRecord]) -> tuple[ClaimVerdict, ...]:
    """Judge every claim of a recipe against the runs of one config.

    Args:
        documented: the claims.
        records: one record a seed, all of one config key.

    Returns:
        One verdict a claim, in the claims' order.

    Raises:
        InputError: there is no record, the records are of several configs, or of another suite.
    """
    if not records:
        raise InputError(f"{documented.suite}: no run to judge the documented claims by; `bench run` makes one")
    keys = sorted({record.config_key for record in records})
    if len(keys) > 1:
        raise InputError(f"{documented.suite}: records of several configs ({', '.join(keys)}); judge one at a time")
    if records[0].suite != documented.suite:
        raise InputError(f"claims of {documented.suite!r} cannot be judged by runs of {records[0].suite!r}")
    other = departures(documented, records[0].config)
    return tuple(_judge(claim, records, other) for claim in documented.claims)


def _judge(
    claim: ValueClaim | RangeClaim | TrendClaim, records: Sequence[RunRecord], other: tuple[str, ...]
) -> ClaimVerdict:
    values: list[tuple[float, ...]] = []
    for record in records:
        value = _measure(claim, record)
        if isinstance(value, Missing):
            return _unjudged(claim, "not measured", records, f"{value.reason} (seed {record.seed})")
        values.append(value)
    if len({len(value) for value in values}) > 1:
        return _unjudged(claim, "not measured", records, "the seeds recorded different numbers of epochs")
    mean = tuple(sum(column) / len(column) for column in zip(*values, strict=True))
    if isinstance(claim, TrendClaim) and is_series(claim.quantity) and len(mean) < 2:
        reason = f"a trend needs two epochs, the run has {len(mean)}"
        return _unjudged(claim, "not measured", records, reason, mean)
    if claim.is_cost:
        elsewhere = _device_departure(claim, records)
        if elsewhere:
            return _unjudged(claim, "not comparable", records, elsewhere, mean)
    if other and not isinstance(claim, TrendClaim):
        return _unjudged(claim, "not comparable", records, _first_of(other), mean)
    holds = _holds(claim, mean)
    n_agree = sum(_holds(claim, value) == holds for value in values)
    return ClaimVerdict(
        claim=claim,
        outcome=_outcome(holds=holds, on_recipe=not other),
        measured=mean,
        n_seeds=len(records),
        n_agree=n_agree,
        reason=_rule(claim) + (f"; on a stand-in: {_first_of(other)}" if other else ""),
    )


def _first_of(other: tuple[str, ...]) -> str:
    """Return the first departure and how many there are beside it; `departures` has them all."""
    n_more = len(other) - 1
    return other[0] + (f", and {n_more} more field{'s' if n_more > 1 else ''}" if n_more else "")


def _unjudged(
    claim: ValueClaim | RangeClaim | TrendClaim,
    outcome: Outcome,
    records: Sequence[RunRecord],
    reason: str,
    measured: tuple[float, ...] | None = None,
) -> ClaimVerdict:
    return ClaimVerdict(
        claim=claim, outcome=outcome, measured=measured, n_seeds=len(records), n_agree=None, reason=reason
    )


def _measure(claim: _Claim, record: RunRecord) -> tuple[float, ...] | Missing:
    first = read(record, claim.quantity)
    if claim.minus is None or isinstance(first, Missing):
        return first
    second = read(record, claim.minus)
    return second if isinstance(second, Missing) else (first[0] - second[0],)


def _device_departure(claim: _Claim, records: Sequence[RunRecord]) -> str | None:
    """Return why a claim on time or memory says nothing about these runs, or None where it does."""
    devices = sorted({record.environment.device for record in records})
    if claim.device is None:
        return f"device: the recipe names none, these runs used {', '.join(devices)}"
    if devices != [claim.device]:
        return f"device is {', '.join(devices)}, the claim's is {claim.device}"
    return None


def _holds(claim: ValueClaim | RangeClaim | TrendClaim, value: tuple[float, ...]) -> bool:
    if isinstance(claim, ValueClaim):
        # A value that stands exactly on the tolerance reproduces; 1e-12 keeps 0.833 + 0.025 from losing to rounding.
        return abs(value[0] - claim.value) <= claim.tolerance + 1e-12 * max(1.0, abs(claim.value))
    if isinstance(claim, RangeClaim):
        return claim.low <= value[0] <= claim.high
    steps = [b - a for a, b in itertools.pairwise(value)] if len(value) > 1 else list(value)
    return all(step < 0 for step in steps) if claim.direction == "falls" else all(step > 0 for step in steps)


def _rule(claim: ValueClaim | RangeClaim | TrendClaim) -> str:
    """Return the test that was applied, in words."""
    if isinstance(claim, ValueClaim):
        return f"within {claim.tolerance:g} of {claim.value:g}"
    if isinstance(claim, RangeClaim):
        return f"between {claim.low:g} and {claim.high:g}"
    if is_series(claim.quantity):
        return f"{claim.direction} every epoch"
    return f"the difference is {'below' if claim.direction == 'falls' else 'above'} zero"


def _outcome(*, holds: bool, on_recipe: bool) -> Outcome:
    if on_recipe:
        return "reproduced" if holds else "not reproduced"
    return "same direction" if holds else "other direction"
