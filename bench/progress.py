"""How a run says where it is. The command line draws it; the Python API is silent unless given something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[..., None]
"""`advance(n, loss=...)`: n more units are done; keywords are shown beside the bar."""


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
        yield lambda n, **shown: None
