"""bench: a reproducible evaluation benchmark suite for fine-tuning.

    import bench

    record = bench.run("suites/summarization", profile="tiny")
    record.scores["rouge1"].value

Importing this package imports neither torch nor transformers; calling `run` does.
"""

from __future__ import annotations

from bench.api import load_record, run, run_seeds, score, write_report
from bench.errors import BenchError

__all__ = ["BenchError", "load_record", "run", "run_seeds", "score", "write_report"]
