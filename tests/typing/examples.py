"""What users write: `mypy --strict` checks it, and `tests/core/test_public_api.py` runs what needs no training.

`Any` stays in one place: models, tensors and what the Trainer hands over are of libraries that mypy does not follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bench
from bench.config import SuiteConfig, TaskConfig
from bench.methods import Method


class LastLayer(Method):
    """Train the last layer of the encoder, and the head."""

    paper = "none"

    def __init__(self, n_layers: int = 1) -> None:
        self.n_layers = n_layers

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Freeze all other layers."""
        model.requires_grad_(False)
        for layer in model.base_model.encoder.layer[-self.n_layers :]:
            layer.requires_grad_(True)
        return model


def run_one(runs: Path) -> float:
    """Fine-tune once."""
    record = bench.run("suites/summarization", seed=0, profile="tiny", runs_root=runs)
    return record.scores["rouge1"].value


def run_many(suite: str | Path, runs: Path) -> dict[int, float]:
    """Fine-tune under several seeds with a method of one's own, and read the primary metric."""
    results: list[bench.SeedResult] = bench.run_seeds(
        suite,
        seeds=(0, 1, 2),
        profile="tiny",
        method="./mine.py:LastLayer",
        overrides=["training.learning_rate=1e-4", "method.settings.n_layers=2"],
        device="cpu",
        offline=True,
        force=False,
        report_to=["tensorboard"],
        runs_root=runs,
    )
    metric = results[0].record.config.primary_metric
    return {result.record.seed: result.record.scores[metric].value for result in results if not result.reused}


def compare_two(first: str | Path, other: str | Path) -> list[str]:
    """Compare two stored sides, and say which metrics moved."""
    comparison = bench.compare(first, other, metrics=["rouge1"], confidence=0.9, correction="none", allow=())
    return [f"{row.metric} {row.outcome}" for row in comparison.rows]


def compare_many(sides: Sequence[str | Path]) -> int:
    """Compare the first side with each of the others."""
    tables = bench.compare_sides(sides, correction="benjamini-hochberg")
    return sum(table.is_comparable for table in tables)


def gate_all(runs: Path, baselines: Path) -> int:
    """Hold stored runs to the baselines; the exit code is for CI."""
    verdict = bench.gate(runs_root=runs, baselines_root=baselines)
    return verdict.exit_code


def score_texts(predictions: Sequence[str], references: Sequence[str]) -> tuple[float, float, float]:
    """Score texts, with the interval over examples."""
    score = bench.score("rouge1", predictions, references, stemmer=False)
    return score.low, score.value, score.high


def score_labels() -> float:
    """Score labels."""
    return bench.score("accuracy", [0, 1, 1], [0, 1, 0], n_classes=2).value


def report(folder: Path, reports: Path) -> Path:
    """Load a stored run, and write its report."""
    record = bench.load_record(folder / "seed-0")
    if record.seed != 0:
        raise bench.BenchError("another seed")
    _, path = bench.write_report(folder, reports_root=reports)
    return path
