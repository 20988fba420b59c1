"""JSON lines, or one JSON array, to rows: strict, so that nothing that is read has two meanings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.reading.columns import Column, Rows
from bench.metrics.reading.lines import Lines

MOST_DIGITS = 4300
"""Of a whole number; Python itself reads no longer ones."""
_SPACE = re.compile(r"[ \t\r\n]*")
_Records = list[tuple[int, Any]]
"""Line and value of each row."""


def read_json(text: Lines, wanted: Sequence[str], optional: Sequence[str]) -> Rows:
    """Read an object a line, or an array of objects; where one column is wanted, bare values do as well.

    Raises:
        InputError: a row is not JSON, is nested too deep, names a field twice, holds a number too long, or lacks a
            column; the message names file and line.
    """
    file, is_array = text.file, _is_array(text)
    records = list(_elements(text) if is_array else _lines(text))
    if not records:
        raise InputError(f"{file}: holds no row; give one JSON object a row")
    n_blank = 0 if is_array else len(text.lines) - len(records)
    notes = (f"{file}: {plural(n_blank, 'blank line')}, read as no row",) if n_blank else ()
    present = [name for name in optional if all(isinstance(value, dict) and name in value for _, value in records)]
    columns = {
        name: Column(
            file=file, lines=[line for line, _ in records], values=_values(text, records, name, wanted), typed=True
        )
        for name in (*wanted, *present)
    }
    return Rows(columns=columns, notes=(*text.notes, *notes))


def holds_records(text: Lines, field: str) -> bool:
    """Return whether the first row of a file is a JSON object with a field, on a line or first in an array."""
    first = next((line for line in text.lines if line.strip()), "").lstrip()
    if not first.startswith(("{", "[")):
        return False
    if first.startswith("["):
        first = "\n".join(text.lines).lstrip()[1:].lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and field in value


def is_object(line: str) -> bool:
    """Return whether a line is a JSON object."""
    if not (line.startswith("{") and line.rstrip().endswith("}")):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _values(text: Lines, records: _Records, name: str, wanted: Sequence[str]) -> list[Any]:
    if len(wanted) == 1 and not any(isinstance(value, dict) for _, value in records):
        return [value for _, value in records]
    for line, value in records:
        if not isinstance(value, dict):
            raise InputError(f"{text.file}:{line}: the field {name!r} is missing; it is not an object")
        if name not in value:
            keys = ", ".join(value) or "none"
            raise InputError(
                f"{text.file}:{line}: the field {name!r} is missing; its keys are {keys}; "
                "name the one that is meant, such as with --prediction-column"
            )
    return [value[name] for _, value in records]


# --- parsing ---------------------------------------------------------------------------------------------------------


class _RefusedError(ValueError):
    """JSON that Python reads, and that means nothing sure."""


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        key = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise _RefusedError(f"the field {key!r} stands twice in one object; give it once")
    return fields


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise _RefusedError(f"holds a number of {len(digits):,} digits; drop it, or write it in quotation marks")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_fields, parse_int=_whole_number)


@contextmanager
def _placed(text: Lines, line: int, start: int = 0) -> Iterator[None]:
    """Give errors of JSON a place.

    Args:
        text: the file.
        line: where a value begins.
        start: the position of that in what is decoded.
    """
    try:
        yield
    except json.JSONDecodeError as error:
        place = f"{text.file}:{line + error.doc.count(chr(10), start, error.pos)}"
        raise InputError(
            f"{place}: is not JSON ({error.msg} at column {error.colno}); give one object per line, or one array of "
            "objects"
        ) from None
    except _RefusedError as error:
        raise InputError(f"{text.file}:{line}: {error}") from None
    except RecursionError:
        raise InputError(f"{text.file}:{line}: is nested too deep to be read; give texts, numbers or lists") from None


def _lines(text: Lines) -> Iterator[tuple[int, Any]]:
    """Yield line and value of each line that is not blank."""
    for number, line in enumerate(text.lines, start=1):
        if line.strip():
            with _placed(text, number):
                value = _DECODER.decode(line)
            yield number, value


def _is_array(text: Lines) -> bool:
    """Return whether a file is one array: it begins as one, and does not hold one on every line."""
    filled = [line for line in text.lines if line.strip()]
    if not filled or not filled[0].lstrip().startswith("["):
        return False
    try:
        json.loads(filled[0])
    except (ValueError, RecursionError):
        return True
    return len(filled) == 1


def _elements(text: Lines) -> Iterator[tuple[int, Any]]:
    """Yield line and value of each element of an array."""
    content = "\n".join(text.lines)
    position = _after_space(content, content.index("[") + 1)
    line, is_open = 1 + content.count("\n", 0, position), not content.startswith("]", position)
    while is_open:
        with _placed(text, line, position):
            value, end = _DECODER.raw_decode(content, position)
            end = _after_space(content, end)
            if content[end : end + 1] not in (",", "]"):
                raise json.JSONDecodeError("Expecting ',' or ']'", content, end)
        yield line, value
        is_open = content[end] == ","
        start, position = position, _after_space(content, end + 1) if is_open else end
        line += content.count("\n", start, position)
    with _placed(text, line, position):
        if (rest := _after_space(content, position + 1)) < len(content):
            raise json.JSONDecodeError("Text after the array", content, rest)


def _after_space(content: str, position: int) -> int:
    match = _SPACE.match(content, position)
    return position if match is None else match.end()
