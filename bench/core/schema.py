"""The base of every type that is read from a file: suite, record, baseline, policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bench.core.errors import InputError

Model = TypeVar("Model", bound=BaseModel)

Scalar = bool | int | float | str | None
"""A value that TOML and JSON both hold, tables and lists aside."""


class Strict(BaseModel):
    """Base of every table: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing in which values do not fit a type."""

    kind: Literal["unknown key", "missing key", "wrong value"]
    location: tuple[int | str, ...]
    """Keys and positions that lead to it; empty where it is about the whole."""
    message: str
    """What is wrong, in words."""
    value: Any
    """What stands there."""

    @property
    def field(self) -> str:
        """Return the location as a dotted path."""
        return ".".join(map(str, self.location))

    @property
    def got(self) -> str:
        """Return the value, where it is short enough to be shown."""
        return "" if isinstance(self.value, Mapping | BaseModel) else f" (got {self.value!r})"


def validate(
    model: type[Model],
    values: Any,
    *,
    place: object = "",
    mend: str = "",
    strict: bool | None = None,
    explain: Callable[[Fault], str] | None = None,
) -> Model:
    """Return values as a type of ours. This is the one place that turns pydantic's errors into ours.

    Args:
        model: the type.
        values: what a file held.
        place: the file, for the message.
        mend: what to do where they do not fit; default: the message ends with the value that was got.
        strict: whether a value of another type is refused, rather than turned into the field's.
        explain: writes the whole message instead. It is told of an unknown key before all else: a key that is spelt
            wrong is missing as well, and the wrong spelling says more.

    Raises:
        InputError: they do not fit; the message names the first field that does not.
    """
    try:
        return model.model_validate(values, strict=strict)
    except ValidationError as error:
        faults = [_fault(details) for details in error.errors()]
    if explain is not None:
        raise InputError(explain(min(faults, key=lambda fault: fault.kind != "unknown key")))
    first = faults[0]
    ending = f"; {mend}" if mend else f", got {first.value!r}"
    raise InputError(f"{place}: {first.field or 'the file'}: {first.message}{ending}")


def _fault(details: ErrorDetails) -> Fault:
    kinds: dict[str, Literal["unknown key", "missing key"]] = {
        "extra_forbidden": "unknown key",
        "missing": "missing key",
    }
    return Fault(
        kind=kinds.get(details["type"], "wrong value"),
        location=details["loc"],
        message=details["msg"],
        value=details["input"],
    )
