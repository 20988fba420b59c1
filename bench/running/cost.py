"""What a run costs: time by stage, memory, tokens."""

from __future__ import annotations

import contextlib
import datetime
import resource
import sys
import time
from pathlib import Path

import torch

from bench.core.progress import Clock
from bench.records.record import Cost


class CostMeter:
    """Measures from when it is made."""

    def __init__(self, device: torch.device) -> None:
        """Begin.

        Args:
            device: where the run is; its peak memory is counted from here on.
        """
        self._started_at = datetime.datetime.now(datetime.UTC)
        self._start, self._cpu_start = time.perf_counter(), time.process_time()
        self._device = device
        _forget_peak_memory()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def cost(self, clock: Clock, *, n_training_tokens: int, saved_bytes: int) -> Cost:
        """Return what the run cost up to now.

        Args:
            clock: timed the stages, `training` among them.
            n_training_tokens: tokens of text trained on.
            saved_bytes: size of the saved weights.
        """
        is_gpu = self._device.type == "cuda"
        return Cost(
            started_at=self._started_at.isoformat(timespec="seconds"),
            wall_time_s=time.perf_counter() - self._start,
            cpu_time_s=time.process_time() - self._cpu_start,
            stages_s=clock.stages_s,
            peak_memory_bytes=_peak_memory_bytes(),
            peak_gpu_memory_bytes=torch.cuda.max_memory_allocated(self._device) if is_gpu else None,
            n_training_tokens=n_training_tokens,
            training_tokens_per_s=n_training_tokens / clock.stages_s["training"],
            saved_bytes=saved_bytes,
        )


def _forget_peak_memory() -> None:
    """Let the system count peak memory from here on, where it can (Linux), so that runs of one process do not share."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_memory_bytes() -> int:
    """Return the greatest resident memory since `_forget_peak_memory`, or that this process ever had."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes everywhere but on macOS
