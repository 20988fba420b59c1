"""Sweeps: suites x methods x seeds as cells, run by an engine, each at most once.

    planned = plan(["suites/imdb"], methods=["full", "lora"], seeds=range(5), profile="tiny")
    result = run_sweep(planned, engine=EngineSettings(slots=4))
    result.failed

What is stored is never run again, so a sweep that was stopped, killed or given more seeds is the same call once more.
"""

from __future__ import annotations

from bench.experiments.sweep.cells import CellResult, SweepCell
from bench.experiments.sweep.engine import EngineSettings
from bench.experiments.sweep.file import Sweep, load_sweep
from bench.experiments.sweep.planning import NotApplicable, Plan, Planned, plan
from bench.experiments.sweep.running import SweepResult, run_sweep

__all__ = [
    "CellResult",
    "EngineSettings",
    "NotApplicable",
    "Plan",
    "Planned",
    "Sweep",
    "SweepCell",
    "SweepResult",
    "load_sweep",
    "plan",
    "run_sweep",
]
