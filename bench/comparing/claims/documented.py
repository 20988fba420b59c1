"""The types of `baselines/<suite>/documented.json`: what a recipe fixes, and what it claims."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.comparing.claims.address import SEED_SPREAD, is_series
from bench.config import Scalar, Strict, SuiteConfig
from bench.core.dotted import ABSENT, value_at


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
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses it reads."""
        return (self.quantity,) if self.minus is None else (self.quantity, self.minus)

    @property
    def is_cost(self) -> bool:
        """Return whether the claim is about time or memory."""
        return self.quantity.startswith("cost.")

    @model_validator(mode="after")
    def _addresses_are_known(self) -> _Claim:
        kind = getattr(self, "kind", None)
        series = [is_series(address) for address in self.addresses]
        if SEED_SPREAD in self.addresses and (kind != "ordering" or self.minus is not None):
            raise ValueError(f"{SEED_SPREAD} is over the runs of a method: an ordering may be of it, and of it alone")
        if kind == "trend":
            if series not in ([True], [False, False]):
                raise ValueError("a trend is over a series, or is the sign of one number minus another")
        elif any(series):
            raise ValueError(f"{self.quantity} is a series; only a trend is over one, others pick a number, as [-1]")
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
    """A series falls or rises; or a difference is below or above zero.

    Epochs are few and averages over many batches, so they must fall (or rise) every time. Evaluations along the way are
    many and noisy, so they fall where later ones are more often below earlier ones than above: where Kendall's rank
    correlation with time is below zero (Mann 1945, "Nonparametric tests against trend", Econometrica 13). Whether that
    is more than the luck of seeds, `bench.comparing.claims.trends` decides.
    """

    kind: Literal["trend"]
    direction: Literal["falls", "rises"]


class OrderingClaim(_Claim):
    """Methods of a suite stand in this order."""

    kind: Literal["ordering"]
    methods: tuple[str, ...] = Field(min_length=2)
    """From the greatest to the least of the quantity."""

    @model_validator(mode="after")
    def _methods_are_unique(self) -> OrderingClaim:
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods = {', '.join(self.methods)}: name each once")
        return self


AnyClaim = ValueClaim | RangeClaim | TrendClaim | OrderingClaim
Claim = Annotated[AnyClaim, Field(discriminator="kind")]


class Documented(Strict):
    """`baselines/<suite>/documented.json`: everything a recipe claims."""

    suite: str
    recipe: str
    """The recipe, in a few words."""
    fixed: dict[str, Scalar | tuple[Scalar, ...]]
    """Path in the resolved suite (a number picks from a list) -> what the recipe has there; a list names several that
    are all the recipe's."""
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Documented:
        ids = [claim.id for claim in self.claims]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"claim id used twice: {', '.join(repeated)}")
        return self


def departures(documented: Documented, config: SuiteConfig, *, method_too: bool = True) -> tuple[str, ...]:
    """Return what a resolved suite has otherwise than the recipe, one clause a field; empty on the recipe itself.

    Args:
        documented: the recipe.
        config: the resolved suite.
        method_too: whether another method than the recipe's is a departure; not so where methods are compared.
    """
    recipe: dict[str, Any] = {"profile": "documented", **documented.fixed}
    values = config.model_dump(mode="json")
    clauses = []
    for path, allowed in recipe.items():
        if not method_too and (path == "method_name" or path.startswith("method.")):
            continue
        actual = value_at(values, path)
        choices = allowed if isinstance(allowed, tuple) else (allowed,)
        if actual not in choices:
            clauses.append(f"{path} is {_shown(actual)}, the recipe's is {' or '.join(map(_shown, choices))}")
    return tuple(clauses)


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    return "none" if value is None else str(value)
