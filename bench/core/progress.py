"""How a run says where it is. The command line draws it; the Python API is silent unless given something else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

Advance = Callable[..., None]
"""`advance(n, loss=...)`: n more units are done; keywords are shown beside the bar."""


Announce = Callable[[str], None]
"""Told a line of what is going on."""


def no_announcement(text: str) -> None:
    """Say nothing."""


def no_advance(n: int, **figures: float) -> None:
    """Advance nothing."""


class Progress(Protocol):
    """Where a run reports to."""

    def say(self, text: str) -> None:
        """Show one line."""
        ...

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Open a stage of `total` units (None: unknown) and yield what advances it."""
        ...


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Drop the line."""

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """Yield a function that does nothing."""
        yield no_advance


@dataclass(slots=True)
class Clock:
    """Seconds by stage."""

    progress: Progress
    stages_s: dict[str, float] = field(default_factory=dict)
    _within_s: float = 0.0

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Open a stage, and time it."""
        with self.progress.stage(name, total) as advance, self.pause(name):
            yield advance

    @contextmanager
    def pause(self, name: str) -> Iterator[None]:
        """Time a stage that may stand inside another, whose own time stops meanwhile."""
        start, outer = time.perf_counter(), self._within_s
        self._within_s = 0.0
        yield
        spent = time.perf_counter() - start
        self.stages_s[name] = self.stages_s.get(name, 0.0) + spent - self._within_s
        self._within_s = outer + spent
