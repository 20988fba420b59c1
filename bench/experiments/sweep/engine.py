"""What an engine of a sweep is: workers in numbered slots. `open` makes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from bench.experiments.sweep.cells import CellJob, CellResult

EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Which engine runs the cells of a sweep, and what each cell gets."""

    name: EngineName = "local"
    """`local` (processes on this machine) or `ray`."""
    address: str | None = None
    """Of a Ray cluster: `auto`, `host:port` or `ray://host:port`; none: an instance of our own on this machine."""
    slots: int | None = None
    """Cells at a time, 1 or more; none: one a GPU, else as many as `cpus_per_cell` allows, else 1."""
    cpus_per_cell: int | None = None
    """Threads of a cell, 1 or more; none: an equal share of the cores."""
    gpus_per_cell: float | None = None
    """Part of a GPU for a cell, from 0 to 1; none: 1 where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A worker that ended without an answer."""

    reason: str
    """In a few words, such as `killed by SIGKILL`."""
    details: str
    """The end of what it printed."""


class Engine(Protocol):
    """Workers in numbered slots; one that was lost is replaced by the next `give`."""

    @property
    def n_slots(self) -> int:
        """Return how many cells run at a time."""
        ...

    def give(self, slot: int, task: CellJob) -> None:
        """Hand a task to an idle slot."""
        ...

    def wait(self) -> tuple[int, CellResult | Death]:
        """Return the next slot that is done, and what came of its task."""
        ...

    def stop(self) -> None:
        """End all workers, whatever they are at."""
        ...
