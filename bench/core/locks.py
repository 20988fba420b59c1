"""One process at a run folder: two at once would clear away each other's half-written results."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_S = 0.2
"""How often a process that waits for a folder looks whether it is free."""


@contextmanager
def hold(folder: Path, *, wait: bool) -> Iterator[None]:
    """Keep a run folder to this process, and clear away what a killed one left beside it.

    The operating system frees the lock of a process that dies.

    Args:
        folder: the run folder; it need not be there yet.
        wait: whether to wait while another process has it.

    Raises:
        Timeout: another process has it, and `wait` is false.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=-1 if wait else 0)
    with lock.acquire(poll_interval=_POLL_S):
        for scratch in _scratch_of(folder):
            shutil.rmtree(scratch, ignore_errors=True)
        yield


def clear_scratch(folder: Path) -> None:
    """Remove the half-written folders of a run, unless a process is at it."""
    if _scratch_of(folder):
        try:
            with hold(folder, wait=False):
                pass
        except Timeout:
            return


def _scratch_of(folder: Path) -> list[Path]:
    """Return what `bench.core.files.atomic_folder` leaves where its process is killed."""
    return list(folder.parent.glob(f".{folder.name}-*/"))
