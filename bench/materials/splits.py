"""Examples and the splits that hold them: what a run reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from bench.config import (
    SplitName,
)
from bench.records.record import DataSummary

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
Announce = Callable[[str], None]
ScoredSplit = Literal["test", "validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row: a text and what should come out of it."""

    id: str
    """Stable over runs and machines."""
    input: str
    target: str | int
    """A text, or the number of a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of one run; of continuous texts, one example a text."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    controls: tuple[Example, ...] = ()
    """Continuous texts that are never trained on, by name."""
    summary: DataSummary


def normalised(text: str) -> str:
    """Return a text without its case and spacing, as leaks and repetitions are looked for."""
    return " ".join(text.casefold().split())


def digest(values: Iterable[list[Any]]) -> str:
    """Return one sha256 over lists of JSON values, in order, as 64 hex digits."""
    sha256 = hashlib.sha256()
    for value in values:
        sha256.update(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    return sha256.hexdigest()
