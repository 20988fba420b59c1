"""Columns of a file to what a metric takes: texts, labels, numbers; each refusal names file and line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from bench.config.inputs import Inputs
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.inputs import LARGEST, brief, half_of_a_pair
from bench.metrics.reading.columns import Column
from bench.metrics.reading.json_rows import MOST_DIGITS

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")


def parse(inputs: Inputs, predictions: Column, references: Column | None) -> tuple[list[Any], list[Any]]:
    """Return predictions and references as a metric takes them.

    Args:
        inputs: the kind its spec names.
        predictions: as a file held them.
        references: as many; none where there are none, and then none are returned.

    Raises:
        InputError: a value is of another kind; the message names file and line.
    """
    if references is None:
        return _each(_text, predictions), []
    match inputs:
        case "texts":
            return _each(_text, predictions), _each(_reference, references)
        case "labels":
            return _labels(predictions, references)
        case "losses":
            return _each(_loss, predictions), _each(_count, references)
        case "generations":
            return _each(_text, predictions), list(references.values)
        case "styles":
            return _each(_text, predictions), _each(_whole_number, references)
        case "tags":
            return _tags(predictions, references)


def parse_groups(groups: Column) -> list[str]:
    """Return the name of each row's group.

    Raises:
        InputError: a name is neither a text nor a whole number, or is empty; the message names file and line.
    """
    return _each(_group, groups)


def _group(place: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(f"{place}: {_as_json(value)} names no group; give a text or a whole number")
    return _text(place, str(value).strip())


def _each(parse_one: Callable[[str, Any], Any], column: Column) -> list[Any]:
    return [parse_one(column.place(row), value) for row, value in enumerate(column.values)]


def _text(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{place}: {_as_json(value)} is not a text; give a JSON string (it may be empty)")
    if half := half_of_a_pair(value):
        raise InputError(f"{place}: {half}")
    return value


def _as_json(value: Any) -> str:
    """Return a value as a message shows it, in JSON's words where they differ from Python's."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return brief(value)


def _reference(place: str, value: Any) -> str | list[str]:
    return [_text(place, text) for text in value] if isinstance(value, list) and value else _text(place, value)


# --- numbers ---------------------------------------------------------------------------------------------------------


def _number_in(value: Any) -> int | None:
    """Return the whole number that a value is or spells; one too long for Python becomes one too large."""
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        digits = value.strip()
        return int(digits) if len(digits) <= MOST_DIGITS else LARGEST + 1
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole_number(place: str, value: Any) -> int:
    number = _number_in(value)
    if number is None:
        raise InputError(f"{place}: {brief(value)} is not a whole number; labels, authors and token counts are")
    if abs(number) > LARGEST:
        raise InputError(f"{place}: {brief(value)} is past 64 bits; give a number from -{LARGEST} to {LARGEST}")
    return number


def _count(place: str, value: Any) -> int:
    number = _whole_number(place, value)
    if number < 1:
        raise InputError(f"{place}: {number} is not a token count; give 1 or more, and drop rows without tokens")
    return number


def _loss(place: str, value: Any) -> float:
    try:
        if not isinstance(value, int | float | str) or isinstance(value, bool) or "_" in str(value):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise InputError(f"{place}: {brief(value)} is not a number; losses are sums in nats") from None
    if not math.isfinite(number) or number < 0:
        raise InputError(f"{place}: {brief(value)} is not a loss; give a finite number of nats, 0 or above")
    return number


# --- labels ----------------------------------------------------------------------------------------------------------


def _labels(predictions: Column, references: Column) -> tuple[list[Any], list[Any]]:
    """Return labels as whole numbers, or as names where no label on either side is a number."""
    columns = (predictions, references)
    names = [name for column in columns if (name := _first(column, _is_name)) is not None]
    numbers = [number for column in columns if (number := _first(column, _is_number)) is not None]
    if names and not numbers:
        return _each(_label_name, predictions), _each(_label_name, references)
    if names and numbers:
        raise InputError(
            f"{names[0]} is not a whole number, and {numbers[0]} is one; labels are whole numbers or names, never "
            "both (names that look like numbers are texts in a .jsonl file)"
        )
    return _each(_label_number, predictions), _each(_label_number, references)


def _first(column: Column, is_wanted: Callable[[Column, Any], bool]) -> str | None:
    """Return place and value of the first row of a kind."""
    for row, value in enumerate(column.values):
        if is_wanted(column, value):
            return f"{column.place(row)}: {brief(value)}"
    return None


def _is_name(column: Column, value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and _number_in(value) is None


def _is_number(column: Column, value: Any) -> bool:
    """Return whether a value can be no name: a text in JSON can, be it of digits."""
    return _number_in(value) is not None and not (column.typed and isinstance(value, str))


def _label_number(place: str, value: Any) -> int:
    number = _whole_number(place, value)
    if number < 0:
        raise InputError(f"{place}: {number} is not a class number; give whole numbers from 0, or names")
    return number


def _label_name(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place}: {brief(value)} is not the name of a label; give a text that is not empty")
    return _text(place, value.strip())


def _tags(predictions: Column, references: Column) -> tuple[list[Any], list[Any]]:
    rows = _each(_row_of_tags, predictions), _each(_row_of_tags, references)
    for row, (predicted, actual) in enumerate(zip(*rows, strict=True)):
        if len(predicted) != len(actual):
            raise InputError(
                f"{predictions.place(row)}: has {plural(len(predicted), 'label')}, but {references.place(row)} has "
                f"{len(actual)}; give one label a word on both sides"
            )
    return rows


def _row_of_tags(place: str, value: Any) -> list[Any]:
    tags = value.split() if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise InputError(f"{place}: {brief(value)} is no list of labels; give one label a word")
    for tag in tags:
        if isinstance(tag, str):
            _text(place, tag)
        else:
            _whole_number(place, tag)
    return tags
