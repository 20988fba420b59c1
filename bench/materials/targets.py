"""What a row asks for: its target columns made a text or several, the number of a label, or a number for every word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.config import DataConfig
from bench.config.task import TargetKind
from bench.core.errors import InputError
from bench.materials.splits import Target
from bench.materials.tables import SourceRow


def input_of(row: SourceRow, column: str, kind: TargetKind, place: str) -> str:
    """Return the text of a row; where every word has a label, it may be a list of words, which a space joins.

    Raises:
        InputError: it is no text; the message begins with `place`.
    """
    value = row.get(column)
    if kind == "tags" and isinstance(value, list) and _is_list_of_texts(value):
        for word in value:
            if len(word.split()) != 1:
                raise InputError(f"{place}: {column} holds the word {word!r}; a word is not empty and has no space")
        return " ".join(value)
    if not isinstance(value, str):
        expected = "a text, or a list of words" if kind == "tags" else "a text"
        raise InputError(f"{place}: {column} is {value!r}, expected {expected}")
    return value


def target_of(row: SourceRow, config: DataConfig, kind: TargetKind, place: str) -> Target:
    """Return what should come out of a row.

    Args:
        row: a row of a source.
        config: the `[data]` table, which names the columns and the labels.
        kind: what the task asks for.
        place: where the row is, for messages.

    Raises:
        InputError: the columns hold something else.
    """
    if kind == "text":
        return _texts(row, config.target_columns, place)
    (column,) = config.target_columns
    value = row.get(column)
    if kind == "label":
        return _label(value, config.labels, f"{place}: {column}")
    tags = value.split() if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise InputError(f"{place}: {column} is {value!r}, expected a label for every word")
    n_words = len(input_of(row, config.input_column, kind, place).split())
    if n_words == 0:
        raise InputError(f"{place}: {config.input_column} has no words; leave the row out by data.*.where")
    if len(tags) != n_words:
        raise InputError(f"{place}: {column} has {len(tags)} labels for {n_words} words; give one for every word")
    return tuple(_label(tag, config.labels, f"{place}: {column}[{i}]") for i, tag in enumerate(tags))


def _texts(row: SourceRow, columns: Sequence[str], place: str) -> str | tuple[str, ...]:
    """Return the text of a row, or its texts where there are several; of several columns, empty ones are left out."""
    texts: list[str] = []
    for column in columns:
        value = row.get(column)
        if len(columns) > 1 and value in (None, ""):
            continue
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list) and value and _is_list_of_texts(value):
            texts += value
        else:
            raise InputError(f"{place}: {column} is {value!r}, expected a text or a list of texts")
    if not texts:
        raise InputError(f"{place}: {', '.join(columns)} are all empty; a row needs one text or more")
    return texts[0] if len(texts) == 1 else tuple(texts)


def _is_list_of_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _label(value: Any, labels: Sequence[str], place: str) -> int:
    """Return the number of a label that is given by name or number."""
    text = str(value)
    number = labels.index(text) if text in labels else int(text) if text.isdecimal() else -1
    if not 0 <= number < len(labels):
        raise InputError(f"{place} is {value!r}; allowed: 0 to {len(labels) - 1}, or {', '.join(labels)}")
    return number
