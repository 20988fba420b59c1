"""The local engine: one process a slot, pinned to its cores or GPU, kept for many cells.

A process of its own for each slot, rather than a pool: so each has its variables before anything is imported, keeps to
its suite, and tells by its exit what killed it.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NoReturn

from bench.experiments.sweep.cells import CellJob, CellResult, Stopped, freeze_objects, run_cell
from bench.experiments.sweep.engine import Death
from bench.experiments.sweep.places import Place

_STOP_S = 10.0
"""How long a worker may take to leave its cell when told to stop."""
_TAIL_BYTES = 4000
"""Of what a lost worker printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    log: Path
    """What it prints."""


class LocalEngine:
    """Processes on this machine."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._workers: dict[int, _Worker] = {}
        self._at_work: set[int] = set()
        self._logs = tempfile.TemporaryDirectory(prefix="bench-sweep-")

    @property
    def n_slots(self) -> int:
        """Return how many cells run at a time."""
        return len(self._places)

    def give(self, slot: int, task: CellJob) -> None:
        """Send a task to the slot's process, which is started where there is none."""
        if slot not in self._workers:
            self._workers[slot] = self._start(slot)
        self._at_work.add(slot)
        try:
            self._workers[slot].connection.send(task)
        except BrokenPipeError:
            return  # it died while idle; `wait` says how

    def wait(self) -> tuple[int, CellResult | Death]:
        """Return the next slot that has an answer or has lost its process."""
        slot_of = {self._workers[slot].connection: slot for slot in self._at_work}
        ready = wait(list(slot_of))  # the end of a process closes its connection
        slot = next(slot_of[connection] for connection in slot_of if connection in ready)
        self._at_work.remove(slot)
        try:
            answer: CellResult | Death = self._workers[slot].connection.recv()
        except (EOFError, OSError):
            answer = _death_of(self._workers.pop(slot))
        return slot, answer

    def stop(self) -> None:
        """Ask every process to leave its cell; one that does not is killed."""
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(_STOP_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._workers.clear()
        self._logs.cleanup()

    def _start(self, slot: int) -> _Worker:
        place = self._places[slot]
        ours, theirs = multiprocessing.Pipe()
        log = Path(self._logs.name) / f"slot-{slot}.log"
        process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(theirs, place.cores, log), name=f"bench sweep slot {slot}"
        )
        with _environment(place.variables), _deaf_to_interrupts():
            process.start()
        theirs.close()
        return _Worker(process=process, connection=ours, log=log)


def _death_of(worker: _Worker) -> Death:
    worker.process.join()
    code = worker.process.exitcode or 0
    worker.connection.close()
    if code < 0:
        reason = f"killed by {signal.Signals(-code).name}"
        reason += " (out of memory, perhaps)" if -code == signal.SIGKILL else ""
    else:
        reason = f"ended with exit code {code}"
    printed = worker.log.read_bytes() if worker.log.is_file() else b""
    return Death(reason=reason, details=printed[-_TAIL_BYTES:].decode(errors="replace"))


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for processes that are started inside the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that are started inside the block never see Ctrl-C, which is for the sweep to answer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in the worker ---------------------------------------------------------------------------------------------------


def _serve(connection: Connection, cores: Sequence[int], log: Path) -> None:
    """Run one task after another until the sweep ends."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with log.open("wb", buffering=0) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        faulthandler.enable()
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        connection.send(run_cell(connection.recv()))
        freeze_objects()
        while True:
            connection.send(run_cell(connection.recv()))
    except (EOFError, BrokenPipeError, Stopped):
        return  # the sweep is over, or was killed


def _stop(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: what the cell clears away must not be disturbed
    raise Stopped
