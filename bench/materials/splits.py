"""Examples and the splits that hold them: what a run reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.config import (
    SplitName,
)
from bench.records.record import DataSummary
from bench.statistics.groups import Groups, number_groups

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
ScoredSplit = Literal["test", "validation"]
Target = str | int | tuple[str, ...] | tuple[int, ...]
"""A text, the number of a label, several texts of which any would do, or the number of a label for every word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row: a text and what should come out of it."""

    id: str
    """Stable over runs and machines."""
    input: str
    target: Target
    group: str | None = None
    """What it shares with other rows; none where every row stands for itself."""

    @property
    def number(self) -> int:
        """The number of its label or author.

        Raises:
            TypeError: it has texts.
        """
        if not isinstance(self.target, int):
            raise TypeError(f"{self.id}: its target is {self.target!r}, no number")
        return self.target

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the labels of its words; none where something else comes out."""
        values = self.target if isinstance(self.target, tuple) else ()
        return tuple(value for value in values if isinstance(value, int))

    @property
    def references(self) -> tuple[str, ...]:
        """The texts that may come out, the first of which is trained on; none where labels come out."""
        texts = self.target if isinstance(self.target, tuple) else (self.target,)
        return tuple(text for text in texts if isinstance(text, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of one run; of continuous texts, one example a text."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    controls: tuple[Example, ...] = ()
    """Continuous texts that are never trained on, by name."""
    summary: DataSummary


def groups_of(examples: Sequence[Example]) -> Groups | None:
    """Return the number of each row's group, (n_examples,); none where every row stands for itself."""
    names = [example.group for example in examples]
    return None if None in names else number_groups(names)


def normalised(text: str) -> str:
    """Return a text without its case and spacing, as leaks and repetitions are looked for."""
    return " ".join(text.casefold().split())


def digest(values: Iterable[list[Any]]) -> str:
    """Return one sha256 over lists of JSON values, in order, as 64 hex digits."""
    sha256 = hashlib.sha256()
    for value in values:
        sha256.update(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    return sha256.hexdigest()
