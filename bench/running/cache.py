"""What the runs of one process share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from bench.config import SuiteConfig

T = TypeVar("T")

_OF_ONE_RUN = {"method", "method_name", "training", "title", "chosen"}
"""What may differ between runs that share the rest."""


class RunCache:
    """What the runs of one process share, because it depends on neither the method nor the seed.

    Sources are read and checked once, rows are encoded once, metrics and their models are built once. Base weights are
    not among it: their file is memory-mapped, and mapping it again is faster than copying a kept model. One suite is
    kept at a time; the next one takes its place.
    """

    def __init__(self) -> None:
        self._suite = ""
        self._values: dict[Hashable, Any] = {}

    def open(self, config: SuiteConfig) -> None:
        """Make ready for a run: forget what was kept for another suite, profile, data or model."""
        shared = config.model_dump(mode="json", exclude=_OF_ONE_RUN)
        suite = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()
        if suite != self._suite:
            self._values.clear()
            self._suite = suite

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under a key, made on first use."""
        if key not in self._values:
            self._values[key] = make()
        value: T = self._values[key]
        return value
