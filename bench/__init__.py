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
from bench.core.errors import BenchError
from bench.reports.run import write_cell_report as write_report
from bench.running.api import compare, compare_sides, load_record, run, run_seeds, score

__all__ = [
    "BenchError",
    "compare",
    "compare_sides",
    "gate",
    "load_record",
    "run",
    "run_seeds",
    "score",
    "write_report",
]
