"""How the cores and GPUs of this machine are shared out among the slots of an engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench.core.errors import DeviceError
from bench.experiments.sweep.engine import EngineSettings

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by torch and numpy when they are first imported."""


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


def places_here(engine: EngineSettings, *, device: str, n_cells: int) -> list[Place]:
    """Return the places of this machine for an engine's slots, no more than there are cells.

    Raises:
        DeviceError: there are fewer GPUs than the slots need.
    """
    gpus = gpus_here() if may_use_gpus(device) else ()
    return share_out(engine, cores=cores_here(), gpus=gpus)[:n_cells]


def may_use_gpus(device: str) -> bool:
    """Return whether cells on a device of this name, such as `auto`, may use GPUs."""
    return device in ("auto", "cuda")


def share_out(engine: EngineSettings, *, cores: Sequence[int], gpus: Sequence[str]) -> list[Place]:
    """Return a place for each slot: its cores, and its GPU where it has one.

    Without a number of slots there are as many as the GPUs give, else as the cores give `cpus_per_cell` each, else 1.
    Without `cpus_per_cell` a slot gets an equal share of the cores, at least 1. More than there are cores is no error,
    for a result may have been made with them: the slots then share cores.

    Args:
        engine: how many slots, and what each gets.
        cores: numbers of the cores of this machine that may be used.
        gpus: its GPUs, as CUDA_VISIBLE_DEVICES names them.

    Raises:
        DeviceError: there are fewer GPUs than the slots need.
    """
    slots, cpus_per_cell = engine.slots, engine.cpus_per_cell
    share = engine.gpus_per_cell if engine.gpus_per_cell is not None else float(bool(gpus))
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
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(done.stdout.split()) if done.returncode == 0 else ()
