"""bench: a reproducible evaluation benchmark suite for fine-tuning.

    import bench

    record = bench.run("suites/summarization", profile="tiny")
    record.scores["rouge1"].value
    bench.compare("summarization/tiny/lora", record_folder).rows
    bench.gate().exit_code

Importing this package imports neither torch nor transformers; calling `run` does.
"""

from __future__ import annotations

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
