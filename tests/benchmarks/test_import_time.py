"""The command line answers `--help` or a typing mistake without paying for torch: processor time, not waiting."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import Any

ROUNDS = 3


def processor_time_s(code: str) -> float:
    """Return the processor time, user and system, that an interpreter takes to run `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_importing_the_command_line_costs_less_than_importing_torch(benchmark: Any) -> None:
    ours, torchs = [], []

    def one_round() -> None:
        ours.append(processor_time_s("import bench.cli.app"))
        torchs.append(processor_time_s("import torch"))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    ratio = min(torchs) / min(ours)
    benchmark.extra_info["ratio"] = ratio
    assert ratio > 1
