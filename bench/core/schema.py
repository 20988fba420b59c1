"""The base of every type that is read from a file: suite, record, baseline, policy."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.core.errors import InputError

Model = TypeVar("Model", bound=BaseModel)

Scalar = bool | int | float | str | None
"""A value that TOML and JSON both hold, tables and lists aside."""


class Strict(BaseModel):
    """Base of every table: frozen, unknown keys are errors, field docstrings are kept for `bench show`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def validate(model: type[Model], values: Any, *, place: object, mend: str = "") -> Model:
    """Return values as a type of ours.

    Args:
        model: the type.
        values: what a file held.
        place: the file, for the message.
        mend: what to do where they do not fit; default: the message ends with the value that was got.

    Raises:
        InputError: they do not fit; the message names the first field that does not.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        ending = f"; {mend}" if mend else f", got {first['input']!r}"
        raise InputError(f"{place}: {field}: {first['msg']}{ending}") from None
