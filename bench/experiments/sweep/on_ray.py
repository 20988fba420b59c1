"""The Ray engine: one actor a slot, on a cluster that is there or on an instance of our own.

Every node must see the folder of runs, and have this bench installed; each actor checks both before its first cell.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.core.errors import DeviceError, InputError, RunError
from bench.experiments.sweep.cells import CellJob, CellResult, freeze_objects, run_cell
from bench.experiments.sweep.engine import Death, EngineSettings
from bench.experiments.sweep.places import gpus_here, may_use_gpus, places_here, variables
from bench.records.provenance import version
from bench.running.settings import RunSettings

CONNECT_S = 5.0
"""How long a port may take to open."""
ANSWER_S = 40.0
"""How long a cluster may take to answer; Ray itself would try for minutes, and then end the process."""
_OBJECT_STORE_BYTES = 100 * 2**20
"""Cells and outcomes are small; Ray's own default is a third of the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needs:
    """What a worker must find, and what it takes of its node."""

    token: Path
    """A file of ours in the folder of runs."""
    text: str
    """What it holds."""
    folder: Path
    """The working folder of the sweep, from which relative paths in a suite are read."""
    version: str
    """Of bench."""
    cpus: int
    gpus: float


def open_ray(engine: EngineSettings, settings: RunSettings, *, n_cells: int) -> RayEngine:
    """Connect to a cluster, or start an instance here, and return the engine on it; see `open_engine`.

    Raises:
        InputError: Ray is not installed.
        DeviceError: no node has what a cell needs.
        RunError: nothing answers at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise InputError("--engine ray: Ray is not installed; `pip install bench[ray]` brings it") from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    address = engine.address
    if address is None:
        places = places_here(engine, device=settings.device, n_cells=n_cells)
        cpus = len(places[0].cores)
        gpu_share = 0.0 if places[0].gpu is None else engine.gpus_per_cell or 1.0
        ray.init(
            address="local",
            num_cpus=cpus * len(places),
            num_gpus=len(gpus_here()) if may_use_gpus(settings.device) else 0,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
        return RayEngine(ray, settings, n_slots=len(places), cpus=cpus, gpus=gpu_share)
    _check_answer(address)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _unreachable(address, str(error)) from None
    cpus = engine.cpus_per_cell or 1
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call, unused-ignore]
    has_gpus = may_use_gpus(settings.device) and any(node.get("GPU") for node in nodes)
    share = float(has_gpus) if engine.gpus_per_cell is None else engine.gpus_per_cell
    room = sum(_room(node, cpus, share) for node in nodes)
    if not room:
        ray.shutdown()
        raise DeviceError(
            f"--address {address}: no node of the cluster has {cpus} CPU(s) and {share:g} GPU(s) for a cell; "
            "lower --cpus-per-cell or --gpus-per-cell"
        )
    return RayEngine(ray, settings, n_slots=min(engine.slots or room, n_cells), cpus=cpus, gpus=share)


def _room(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    """Return how many cells fit on a node."""
    room = node.get("CPU", 0.0) // cpus
    return int(min(room, node.get("GPU", 0.0) // gpus) if gpus else room)


class RayEngine:
    """Actors of a Ray cluster; one that is lost, alone or with its node, is started again wherever there is room."""

    def __init__(self, ray: Any, settings: RunSettings, *, n_slots: int, cpus: int, gpus: float) -> None:
        self._ray = ray
        self._n_slots = n_slots
        self._root = root = settings.runs_root.resolve()
        root.mkdir(parents=True, exist_ok=True)
        text = secrets.token_hex(8)
        token = root / f".sweep-{text}"
        token.write_text(text, encoding="utf-8")
        self._needs = _Needs(token=token, text=text, folder=Path.cwd(), version=version(), cpus=cpus, gpus=gpus)
        self._actors: dict[int, Any] = {}
        self._slot_of: dict[Any, int] = {}

    @property
    def n_slots(self) -> int:
        """Return how many cells run at a time."""
        return self._n_slots

    def give(self, slot: int, task: CellJob) -> None:
        """Send a task to the slot's actor, which is started where there is none."""
        if slot not in self._actors:
            self._actors[slot] = self._start()
        job = replace(task, settings=replace(task.settings, runs_root=self._root))
        self._slot_of[self._actors[slot].run.remote(job)] = slot

    def wait(self) -> tuple[int, CellResult | Death]:
        """Return the next slot that has an answer or has lost its actor.

        Raises:
            RunError: a node cannot take part.
        """
        ready, _ = self._ray.wait(list(self._slot_of), num_returns=1)
        slot = self._slot_of.pop(ready[0])
        try:
            answer = self._ray.get(ready[0])
        except self._ray.exceptions.RayError as error:
            del self._actors[slot]
            lines = str(error).strip().splitlines()
            return slot, Death(reason=f"{type(error).__name__}: {lines[0]}", details="\n".join(lines))
        if isinstance(answer, str):
            raise RunError(answer)
        return slot, answer

    def stop(self) -> None:
        """End all actors, and the instance if it is ours."""
        for actor in self._actors.values():
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
        self._needs.token.unlink(missing_ok=True)
        self._ray.shutdown()

    def _start(self) -> Any:
        needs = self._needs
        environment = variables(n_threads=needs.cpus) | ({} if needs.gpus else {"CUDA_VISIBLE_DEVICES": ""})
        options = {
            "num_cpus": needs.cpus,
            "num_gpus": needs.gpus,
            "max_restarts": 0,  # a cell that takes its worker down is counted here, not there
            "runtime_env": {"env_vars": environment},
        }
        return self._ray.remote(_Worker).options(**options).remote(needs)


class _Worker:
    """What runs on a node, for many cells."""

    def __init__(self, needs: _Needs) -> None:
        self._needs: _Needs | None = needs

    def run(self, task: CellJob) -> CellResult | str:
        """Run a cell; return why not where this node cannot take part."""
        if self._needs is None:
            return run_cell(task)
        why = why_unfit(self._needs)
        if why is not None:
            return why
        with suppress(OSError):
            os.chdir(self._needs.folder)
        self._needs = None
        outcome = run_cell(task)
        freeze_objects()
        return outcome


def why_unfit(needs: _Needs) -> str | None:
    """Return why this machine cannot run cells of the sweep; none where it can."""
    try:
        sees_folder = needs.token.read_text(encoding="utf-8") == needs.text
    except OSError:
        sees_folder = False
    if not sees_folder:
        return (
            f"{socket.gethostname()} does not see {needs.token.parent}: the node that runs a cell stores it, so --runs "
            "must name a folder that all nodes share under one path"
        )
    if version() != needs.version:
        return f"{socket.gethostname()} has bench {version()}, the sweep {needs.version}; install the same on all nodes"
    return None


# --- connecting ------------------------------------------------------------------------------------------------------


def _check_answer(address: str) -> None:
    """Raise where no Ray answers at an address, within seconds.

    Ray's own attempt takes minutes where a port is closed, and ends the whole process; so a process of its own tries.

    Raises:
        RunError: nothing answers, or it is not Ray.
    """
    if address != "auto":
        _check_port(address)
    code = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, address], capture_output=True, text=True, check=False, timeout=ANSWER_S
        )
    except subprocess.TimeoutExpired:
        raise _unreachable(address, f"no Ray cluster answered within {ANSWER_S:g} s") from None
    if done.returncode != 0 and "Unauthenticated" in done.stderr:
        raise _unreachable(
            address, "it asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to the one its owner gave you"
        )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"the attempt ended with exit code {done.returncode}"]
        raise _unreachable(address, lines[-1])


def _check_port(address: str) -> None:
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (host and colon and port.isdecimal()):
        raise InputError(f"--address {address!r}: expected auto, host:port or ray://host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from None


def _unreachable(address: str, why: str) -> RunError:
    return RunError(
        f"--address {address}: no Ray cluster can be reached ({why}); `ray status` on its head node shows whether "
        "it is up, and without --address an instance of our own runs on this machine"
    )
