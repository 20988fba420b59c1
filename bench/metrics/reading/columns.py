"""What a file of outputs holds, once it is read: columns of values, each with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One field of every row of a file."""

    file: Path
    lines: Sequence[int]
    """The line where each row begins, from 1."""
    values: Sequence[Any]
    typed: bool
    """Whether a number and a text differ, as in JSON; in plain text, CSV and TSV all are texts."""
    n_blank: int = 0
    """How many of the last values are blank lines, which may be rows or not."""

    def __len__(self) -> int:
        return len(self.values)

    def place(self, row: int) -> str:
        """Return `file:line` of a row, counted from 0."""
        return f"{self.file}:{self.lines[row]}"

    def first(self, n: int) -> Column:
        """Return the first n rows."""
        return replace(self, lines=self.lines[:n], values=self.values[:n], n_blank=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A file, read."""

    columns: Mapping[str, Column]
    """Name -> column: those that were wanted, and those optional ones that every row has."""
    notes: tuple[str, ...]
    """What is odd about the file: a sentence each, with its counts."""
