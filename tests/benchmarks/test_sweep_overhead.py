"""What a sweep costs beside its cells, and what its plan costs. Ratios only, never seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.experiments.sweep import CellResult, EngineSettings, plan, run_sweep
from bench.experiments.sweep.running import Tally
from bench.records.store import read_record
from bench.running.settings import RunSettings
from bench.suites.resolve import builtin_suites

INTENDED_OVERHEAD = 0.03
SAFE_OVERHEAD = 0.10
N_CELLS = 10


def test_a_sweep_costs_little_beside_its_cells(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    overrides = ("training.epochs=1", "data.train.stop=400")
    planned = plan(
        ["sentiment_sst2"],
        seeds=range(2 + N_CELLS),
        profile="tiny",
        overrides=overrides,
        settings=RunSettings(runs_root=tmp_path, device="cpu"),
    )
    ends: list[float] = []

    def watch(outcome: CellResult | None, tally: Tally) -> None:
        if outcome is not None:
            ends.append(time.perf_counter())

    benchmark.pedantic(
        lambda: run_sweep(planned, engine=EngineSettings(slots=1, cpus_per_cell=1), watch=watch), rounds=1
    )
    # The first cells wait for their process to start and to settle, which happens once.
    swept_s = ends[-1] - ends[1]
    own_s = sum(read_record(one.folder).cost.wall_time_s for one in planned.cells[2:])
    overhead = swept_s / own_s - 1
    benchmark.extra_info["overhead"] = overhead
    benchmark.extra_info["intended"] = INTENDED_OVERHEAD
    assert overhead < SAFE_OVERHEAD


def test_a_plan_of_a_thousand_cells_costs_less_than_importing_torch_twice(benchmark: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "sweep", *builtin_suites(), "--method", "all", "--seeds", "0-10"]
    command += ["--profile", "tiny", "--plan", "--runs", str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(printed.rsplit(" cells:", 1)[0].rsplit("\n", 1)[1].replace(",", "")) >= 1000
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True, capture_output=True)
    torchs_s = time.perf_counter() - started
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3)
    ratio = benchmark.stats.stats.min / torchs_s
    benchmark.extra_info["ratio"] = ratio
    assert ratio < 2
