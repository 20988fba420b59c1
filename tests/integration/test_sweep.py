"""Whole sweeps of miniature runs: killed and gone on with, on processes and on Ray, and always the same records."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny

from bench.experiments.sweep import EngineSettings, Plan, plan, run_sweep
from bench.running.settings import RunSettings

pytestmark = pytest.mark.integration
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray, the extra `ray`, is not installed")

SUITE, METHODS, SEEDS = "sentiment_sst2", ("head_only", "full", "bitfit"), "0-7"
"""24 cells."""
OVERRIDES = (*tiny.CLASSIFY, "data.train.stop=20", "training.epochs=1")
LIMIT_S = 240


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def _plan(root: Path, *, n_seeds: int = 8) -> Plan:
    return plan(
        [SUITE],
        methods=METHODS,
        seeds=range(n_seeds),
        profile="tiny",
        overrides=OVERRIDES,
        settings=RunSettings(runs_root=root, device="cpu"),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the runs of a sweep that nobody disturbed."""
    root = tmp_path_factory.mktemp("whole")
    result = run_sweep(_plan(root), engine=EngineSettings(slots=2, cpus_per_cell=1))
    assert [(o.state, o.message) for o in result.outcomes] == [("done", None)] * 24
    return root


def _records(root: Path) -> dict[str, Any]:
    """Return every record without its cost, and without the commit, which may change while the tests run."""
    records = {}
    for file in sorted(root.rglob("record.json")):
        values = json.loads(file.read_text(encoding="utf-8"))
        assert values.pop("cost")
        for name in ("commit", "dirty"):
            del values["environment"][name]
        records[file.relative_to(root).as_posix()] = values
    return records


def _scratch(root: Path) -> list[Path]:
    return list(root.rglob(".seed-*-*"))


class Sweep:
    """A `bench sweep` in a session of its own, so that all of it can be killed at once."""

    def __init__(self, root: Path, *options: str) -> None:
        given = [f"--set={override}" for override in OVERRIDES]
        given += ["--method", ",".join(METHODS), "--seeds", SEEDS, "--profile", "tiny", "--device", "cpu"]
        given += ["--slots", "2", "--cpus-per-cell", "1", "--runs", str(root), *options]
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench", "sweep", SUITE, *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, n_done: int) -> None:
        """Return when that many cells are done."""
        until = time.monotonic() + LIMIT_S
        while len(list(self.root.glob("*/*/*/*/seed-*/record.json"))) < n_done:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.02)

    def end(self) -> str:
        """Return what it printed, once it ended well."""
        printed = self.process.communicate(timeout=LIMIT_S)[0]
        assert self.process.returncode == 0, printed
        return printed

    def kill(self) -> None:
        """Kill everything that it started, with no chance to clear up."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def test_a_sweep_killed_twice_goes_on_and_ends_as_if_it_had_not_been(whole: Path, tmp_path: Path) -> None:
    draw = random.Random()  # noqa: S311 - another moment every time; nothing may depend on it
    for n_done in (draw.randint(1, 8), draw.randint(9, 16)):
        sweep = Sweep(tmp_path)
        sweep.wait_for(n_done)
        time.sleep(draw.random())
        sweep.kill()
    printed = Sweep(tmp_path).end()
    assert _records(tmp_path) == _records(whole)
    assert not _scratch(tmp_path)
    assert "24 cells: " in printed
    assert " 0 failed." in printed
    again = run_sweep(_plan(tmp_path))
    assert {outcome.state for outcome in again.outcomes} == {"stored"}


@needs_ray
def test_a_sweep_on_ray_outlives_a_worker_and_gives_the_same_records(whole: Path, tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, "--engine", "ray", "--seeds", "0-2")
    sweep.wait_for(2)
    actors = [one for one in psutil.Process(sweep.process.pid).children(recursive=True) if _is_actor(one)]
    assert len(actors) == 2
    actors[0].kill()
    printed = sweep.end()
    expected = {name: values for name, values in _records(whole).items() if values["seed"] < 3}
    assert len(expected) == 9
    assert _records(tmp_path) == expected
    assert not _scratch(tmp_path)
    assert not list(tmp_path.glob(".sweep-*"))
    assert "its worker was lost" in printed


def _is_actor(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any("ray::" in part for part in process.cmdline()) and "_Worker" in process.cmdline()[0]
    return False
