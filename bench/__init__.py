"""bench: a reproducible evaluation benchmark suite for fine-tuning.

    import bench

    record = bench.run("suites/summarization", profile="tiny")
    record.scores["rouge1"].value
    bench.compare("summarization/tiny/lora", record_folder).rows
    bench.gate().exit_code

Importing this package imports nothing else: each name is imported when it is first asked for, and `run` alone imports
torch and transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import import_on_demand

if TYPE_CHECKING:
    from bench.comparing.gate import gate
    from bench.comparing.stored import compare, compare_sides
    from bench.core.errors import BenchError
    from bench.metrics.by_name import score
    from bench.records.store import read_record as load_record
    from bench.reports.run import write_cell_report as write_report
    from bench.running.runs import SeedResult, run, run_seeds

__all__ = [
    "BenchError",
    "SeedResult",
    "compare",
    "compare_sides",
    "gate",
    "load_record",
    "run",
    "run_seeds",
    "score",
    "write_report",
]

_PLACES = {
    "BenchError": "bench.core.errors:BenchError",
    "SeedResult": "bench.running.runs:SeedResult",
    "compare": "bench.comparing.stored:compare",
    "compare_sides": "bench.comparing.stored:compare_sides",
    "gate": "bench.comparing.gate:gate",
    "load_record": "bench.records.store:read_record",
    "run": "bench.running.runs:run",
    "run_seeds": "bench.running.runs:run_seeds",
    "score": "bench.metrics.by_name:score",
    "write_report": "bench.reports.run:write_cell_report",
}
"""Public name -> where it is: each is imported when it is first asked for."""


if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = import_on_demand(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
