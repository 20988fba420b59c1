"""One cell of a sweep: where it is stored, who may run it, and how it ended. Every engine calls `run_cell`."""

from __future__ import annotations

import functools
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import Timeout

from bench.config import SuiteConfig
from bench.core.files import write_text
from bench.core.locks import hold
from bench.core.traces import one_line, trace_of
from bench.records.store import is_stored, run_folder
from bench.running.cache import RunCache
from bench.running.runs import run_config
from bench.running.settings import RunSettings


class Stopped(BaseException):
    """Raised inside a worker that was told to stop; no cell may take it for a failure of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCell:
    """One resolved suite under one seed."""

    config: SuiteConfig
    seed: int

    def folder(self, runs_root: Path) -> Path:
        """Return where its run is stored."""
        return run_folder(runs_root, self.config, self.seed)

    @property
    def name(self) -> str:
        """Return how messages call it."""
        config = self.config
        return f"{config.suite} · {config.profile} · {config.method_name} · seed {self.seed}"


Runner = Callable[[SuiteConfig, int, RunSettings], object]
"""What runs a cell and stores its record; found by its name in another process, so a function of a module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellJob:
    """A cell on its way to a worker."""

    cell: SweepCell
    settings: RunSettings
    run: Runner
    wait: bool = False
    """Whether to wait where another sweep is at this cell, rather than to come back with `busy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """How a cell ended."""

    cell: SweepCell
    state: Literal["stored", "done", "failed", "busy", "retried"]
    """`stored`: a record was there already. `busy`: another sweep is at it. `retried`: its worker died; once more."""
    seconds: float = 0.0
    """Spent on it by the worker."""
    message: str | None = None
    """Why it failed, in one line; none where it did not."""
    log: Path | None = None
    """The whole traceback."""


def run_stored(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Run a cell as `bench run` would."""
    run_config(config, seed, settings, _cache())


@functools.cache
def _cache() -> RunCache:
    """Return what the cells of this process share."""
    return RunCache()


def run_cell(task: CellJob) -> CellResult:
    """Run a cell unless it is stored, and say how it ended; whatever it raises fails this cell alone."""
    outcome = _attempt(task)
    if outcome.state == "failed":
        _free_memory()
    return outcome


def _attempt(task: CellJob) -> CellResult:
    cell, settings = task.cell, task.settings
    start = time.perf_counter()
    folder = cell.folder(settings.runs_root)
    try:
        with hold(folder, wait=task.wait):
            if is_stored(folder) and not settings.force:
                return CellResult(cell=cell, state="stored", seconds=time.perf_counter() - start)
            task.run(cell.config, cell.seed, settings)
            log_of(folder).unlink(missing_ok=True)
            return CellResult(cell=cell, state="done", seconds=time.perf_counter() - start)
    except Timeout:
        return CellResult(cell=cell, state="busy")
    except Stopped:
        raise
    except BaseException as error:
        log = write_log(folder, trace_of(error))
        seconds = time.perf_counter() - start
        return CellResult(cell=cell, state="failed", seconds=seconds, message=one_line(error), log=log)


def log_of(folder: Path) -> Path:
    """Return the file beside a run folder that holds the traceback of its last failure."""
    return folder.with_name(f"{folder.name}.failed.log")


def write_log(folder: Path, text: str) -> Path | None:
    """Store what a failed cell left behind, and return where; None where the disk takes nothing."""
    try:
        write_text(log_of(folder), text)
    except OSError:
        return None
    return log_of(folder)


def _free_memory() -> None:
    """Give back what a failed cell held, so that want of memory is not the next one's failure too."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def freeze_objects() -> None:
    """Freeze long-lived objects so that the collector skips them.

    A run collects garbage several times, and each time visits every object of torch and transformers, which takes most
    of the time of a small cell. A worker calls this once, after its first cell.
    """
    gc.collect()
    gc.freeze()
