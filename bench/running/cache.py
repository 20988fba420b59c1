"""What the runs of one process share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bench.config import SplitName, SuiteConfig

if TYPE_CHECKING:
    from bench.materials.fetch import Materials
    from bench.metrics.base import Metric
    from bench.records.score import Score
    from bench.tasks.base import Item

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_OF_ONE_RUN = {"method", "method_name", "training", "title", "chosen"}
"""What may differ between runs that share the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRows:
    """What the encoded rows of a split depend on, within one suite."""

    split: SplitName
    encoded_by: Hashable
    """What `Task.encoded_by` says: the weights that made features, where there are any."""
    max_positions: int | None
    """Longest input of the model: encoding checks rows against it, and a learned prompt takes some of it."""
    device: str


class Entries(Generic[Key, Value]):
    """Values by key, each made on first use."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key; where there is none yet, the one that `make` returns."""
        if key not in self._values:
            self._values[key] = make()
        return self._values[key]

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()


class RunCache:
    """What the runs of one process share, because it depends on neither the method nor the seed.

    Sources are read and checked once, rows are encoded once, metrics and their models are built once. Base weights are
    not among it: their file is memory-mapped, and mapping it again is faster than copying a model in memory. One suite
    is held at a time; the next one takes its place.
    """

    def __init__(self) -> None:
        self._suite = ""
        self.materials: Entries[str, Materials] = Entries()
        """By what runs of a suite share."""
        self.encoded: Entries[EncodedRows, list[Item]] = Entries()
        self.metrics: Entries[str, Mapping[str, Metric]] = Entries()
        """By device: the judge that some of them need is trained on one."""
        self.controls: Entries[str, dict[str, dict[str, Score]]] = Entries()
        """Scores of texts by people, by device."""

    def open(self, config: SuiteConfig) -> str:
        """Make ready for a run, and return what identifies all that is shared.

        Values for another suite, profile, data or model are forgotten.
        """
        shared = config.model_dump(mode="json", exclude=_OF_ONE_RUN)
        suite = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()
        if suite != self._suite:
            for entries in (self.materials, self.encoded, self.metrics, self.controls):
                entries.clear()
            self._suite = suite
        return suite
