"""What stands in for a run: a record is stored at once, or something goes wrong. Workers find these by name."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

from bench.config import SuiteConfig
from bench.core.errors import TrainingError
from bench.core.files import atomic_folder
from bench.records.store import run_folder
from bench.running.settings import RunSettings


def store(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Store a record that says where it ran."""
    affinity = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    values = {
        "pid": os.getpid(),
        "suite": config.suite,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "cores": affinity,
        "cost": {"wall_time_s": 2.0},
        "environment": {"device": "cpu"},
    }
    with atomic_folder(run_folder(settings.runs_root, config, seed)) as folder:
        (folder / "record.json").write_text(json.dumps(values), encoding="utf-8")


def store_slowly(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Store after a while, and count how often that was asked for."""
    with (settings.runs_root / f"asked-{seed}").open("a", encoding="utf-8") as file:
        file.write("once\n")
    time.sleep(0.3)
    store(config, seed, settings)


def record_of(folder: Path) -> dict[str, Any]:
    """Return what `store` stored."""
    values: dict[str, Any] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return values


def fail_on_seed_1(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Store, but for one seed."""
    if seed == 1:
        raise TrainingError("the loss left the numbers;\n lower training.learning_rate")
    if seed == 2:
        raise ZeroDivisionError("by zero")
    store(config, seed, settings)


def exit_on_seed_1(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Leave the interpreter, as a script that was never meant to be imported might."""
    if seed == 1:
        raise SystemExit(3)
    store(config, seed, settings)


def killed_on_seed_1(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Take the worker down, in mid-run."""
    if seed == 1:
        _die(config, seed, settings)
    store(config, seed, settings)


def killed_once(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Take the worker down the first time; where the scratch folder still lies the second time, fail."""
    marker = settings.runs_root / f"was-here-{seed}"
    if seed == 1 and not marker.exists():
        marker.touch()
        _die(config, seed, settings)
    store(config, seed, settings)


def sleep(config: SuiteConfig, seed: int, settings: RunSettings) -> None:
    """Stay in mid-run for as long as a test could last."""
    with atomic_folder(run_folder(settings.runs_root, config, seed)):
        (settings.runs_root / f"asleep-{seed}").touch()
        time.sleep(300)


def _die(config: SuiteConfig, seed: int, settings: RunSettings) -> NoReturn:
    with atomic_folder(run_folder(settings.runs_root, config, seed)):
        print("the last words", flush=True)  # noqa: T201 - they belong into the log
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")
