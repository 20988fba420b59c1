"""What a row asks for: its target columns made a text or several, the number of a label, or a number for every word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.config import DataConfig
from bench.config.task import TargetKind
from bench.core.errors import InputError
from bench.materials.splits import Target
from bench.materials.tables import SourceRow

_MOST_LABELS = 100
"""More different values than this are no labels to paste into a suite file."""


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


def target_of(
    row: SourceRow, config: DataConfig, kind: TargetKind, place: str, reader: LabelReader | None = None
) -> Target:
    """Return what should come out of a row.

    Args:
        row: a row of a source.
        config: the `[data]` table, which names the columns and the labels.
        kind: what the task asks for.
        place: where the row is, for messages.
        reader: what reads the labels of all rows; none reads this one alone.

    Raises:
        InputError: the columns hold something else.
    """
    reader = reader or LabelReader(labels=config.labels)
    if kind == "text":
        return _texts(row, config.target_columns, place)
    (column,) = config.target_columns
    value = row.get(column)
    if kind == "label":
        return reader.number(value, f"{place}: {column}")
    tags = value.split() if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise InputError(f"{place}: {column} is {value!r}, expected a label for every word")
    n_words = len(input_of(row, config.input_column, kind, place).split())
    if n_words == 0:
        raise InputError(f"{place}: {config.input_column} has no words; leave the row out by data.*.where")
    if len(tags) != n_words:
        raise InputError(f"{place}: {column} has {len(tags)} labels for {n_words} words; give one for every word")
    return tuple(reader.number(tag, f"{place}: {column}[{i}]") for i, tag in enumerate(tags))


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


LabelsAre = Literal["names", "numbers"]
"""How rows give their labels."""


@dataclass(slots=True, kw_only=True)
class LabelReader:
    """Turns the labels of rows into numbers, and holds all rows of a suite to one way of giving them.

    Labels are names, or positions from 0. Where the names of a suite are numbers themselves, such as stars from 1 to
    5, labels are names: `0` is no star then, and not the first of them.
    """

    labels: Sequence[str]
    """Names, in the order of `data.labels`."""
    first: dict[LabelsAre, str] = field(default_factory=dict)
    """Way -> the first row that gave its label so, for messages."""

    @property
    def labels_are(self) -> LabelsAre | None:
        """Return how the rows read so far give their labels; none where no row was read."""
        return next(iter(self.first), None)

    def number(self, value: Any, place: str) -> int:
        """Return the number of a label.

        Args:
            value: the label as the row has it.
            place: row and column, for messages.

        Raises:
            UnknownLabelError: it is no label of the suite.
            InputError: an earlier row gave its label the other way.
        """
        text = str(value)
        if text in self.labels:
            number = self.labels.index(text)
        elif self._is_number(text):
            number = int(text)
        else:
            raise UnknownLabelError(f"{place} is {value!r}; allowed: {self._allowed}")
        way: LabelsAre = "names" if text in self.labels else "numbers"
        self.first.setdefault(way, f"{place} is {value!r}")
        if len(self.first) > 1:
            names, numbers = self.first["names"], self.first["numbers"]
            raise InputError(
                f"{names}, which is a name, but {numbers}, which is a number; give the labels of all rows one way"
            )
        return number

    def _is_number(self, text: str) -> bool:
        if any(label.isdecimal() for label in self.labels):
            return False
        return text.isascii() and text.isdecimal() and str(int(text)) == text and int(text) < len(self.labels)

    @property
    def _allowed(self) -> str:
        names = ", ".join(self.labels)
        if any(label.isdecimal() for label in self.labels):
            return names
        return f"0 to {len(self.labels) - 1}, or {names}"


class UnknownLabelError(InputError):
    """A row has a label that the suite does not name."""


def labels_in(rows: Iterable[SourceRow], column: str, kind: TargetKind) -> tuple[str, ...]:
    """Return the distinct labels of a column, ready for `data.labels`: numbers in their order, else by the alphabet."""
    values: set[str] = set()
    for row in rows:
        value = row.get(column)
        if kind == "tags":
            parts = value.split() if isinstance(value, str) else value
            values.update(map(str, parts if isinstance(parts, list) else ()))
        elif value not in (None, ""):
            values.add(str(value))
    numeric = all(text.isascii() and text.isdecimal() for text in values)
    return tuple(sorted(values, key=(lambda text: (int(text), text)) if numeric else None))


def as_key(labels: Sequence[str]) -> str:
    """Return labels as the line of a suite file that names them; none but how many there are, where they are many."""
    if len(labels) > _MOST_LABELS:
        return f"{len(labels):,} different values, which look like no labels"
    return f"data.labels = {json.dumps(list(labels), ensure_ascii=False)}"
