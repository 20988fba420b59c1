"""What an engine is, and how cores and GPUs are shared out among its slots."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.core.errors import DeviceError, InputError
from bench.experiments.sweep.cells import CellJob, CellResult, Settings
from bench.experiments.sweep.file import EngineName

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by torch and numpy when they are first imported."""


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


def open_engine(
    name: EngineName,
    settings: Settings,
    *,
    n_cells: int,
    slots: int | None,
    cpus_per_cell: int | None,
    gpus_per_cell: float | None,
    address: str | None,
) -> Engine:
    """Return an engine that is ready to be given cells; arguments as `bench.experiments.sweep.run_sweep`.

    Raises:
        InputError: the engine has no such setting, or is not installed.
        RunError: it cannot be reached, or has not what a cell needs.
    """
    if name == "local":
        if address is not None:
            raise InputError(f"--address {address}: the local engine has none; add --engine ray")
        from bench.experiments.sweep.local import LocalEngine

        places = share_out(
            cores=cores_here(),
            gpus=gpus_here() if settings.device in ("auto", "cuda") else (),
            slots=slots,
            cpus_per_cell=cpus_per_cell,
            gpus_per_cell=gpus_per_cell,
        )
        return LocalEngine(places[:n_cells])
    from bench.experiments.sweep.on_ray import open_ray

    return open_ray(
        settings,
        n_cells=n_cells,
        slots=slots,
        cpus_per_cell=cpus_per_cell,
        gpus_per_cell=gpus_per_cell,
        address=address,
    )


# --- places ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What of this machine a slot may use."""

    cores: tuple[int, ...]
    """Numbers of the processor cores it is pinned to; one may be listed twice."""
    gpu: str | None
    """The GPU it sees; none: it sees none."""

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables that must stand before torch is imported."""
        return variables(n_threads=len(self.cores)) | {"CUDA_VISIBLE_DEVICES": self.gpu or ""}


def variables(*, n_threads: int) -> dict[str, str]:
    """Return the environment variables that give a worker its number of threads."""
    return dict.fromkeys(_THREAD_VARIABLES, str(n_threads))


def share_out(
    *,
    cores: Sequence[int],
    gpus: Sequence[str],
    slots: int | None,
    cpus_per_cell: int | None,
    gpus_per_cell: float | None,
) -> list[Place]:
    """Return a place for each slot: its cores, and its GPU where it has one.

    Args:
        cores: numbers of the cores of this machine that may be used.
        gpus: its GPUs, as CUDA_VISIBLE_DEVICES names them.
        slots: how many; default: as many as the GPUs give, else as the cores give `cpus_per_cell` each, else 1.
        cpus_per_cell: threads of a slot; default: an equal share of the cores, at least 1. More than there are cores
            is no error, for a result may have been made with them: the slots then share cores.
        gpus_per_cell: part of a GPU for a slot, from 0 to 1; default: 1 where there are GPUs.

    Raises:
        DeviceError: there are fewer GPUs than the slots need.
    """
    share = gpus_per_cell if gpus_per_cell is not None else float(bool(gpus))
    on_one = int(1 / share) if share else 0
    if slots is None and share:
        slots = max(1, len(gpus) * on_one)
    if slots is None:
        slots = max(1, len(cores) // cpus_per_cell) if cpus_per_cell else 1
    if share and slots > len(gpus) * on_one:
        raise DeviceError(
            f"--slots {slots} with --gpus-per-cell {share:g}: this machine shows {len(gpus)} GPU(s); "
            "lower either, or give --gpus-per-cell 0 for cells on the processor"
        )
    n_threads = cpus_per_cell or max(1, len(cores) // slots)
    return [
        Place(
            cores=tuple(cores[(slot * n_threads + i) % len(cores)] for i in range(n_threads)),
            gpu=gpus[slot // on_one] if share else None,
        )
        for slot in range(slots)
    ]


def cores_here() -> tuple[int, ...]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def gpus_here() -> tuple[str, ...]:
    """Return the CUDA devices that this process may use, without loading torch."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return tuple(name.strip() for name in given.split(",") if name.strip() not in ("", "-1"))
    if shutil.which("nvidia-smi") is None:
        return ()
    asked = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(done.stdout.split()) if done.returncode == 0 else ()
