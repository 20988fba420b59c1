"""Plausible records and run folders, for tests that need results and no training.

    record = make_record(seed=1, scores__accuracy__value=0.9, config__training__epochs=5)
    write_run(tmp_path / "seed-1", record)

A change is a path into the record with `__` between parts. The config key follows the config, and `suite`, `profile`
and `method` follow it too.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from bench.config import SuiteConfig
from bench.record import RunRecord, run_folder, write_record, write_rows, write_statistics

SHA = "0" * 64
N_TEST = 40
N_STEPS = 30
UNITS = {"accuracy": ("fraction", True), "f1": ("fraction", True), "loss": ("nats per token", False)}


def config_values(**changes: Any) -> dict[str, Any]:
    """Return the values of a resolved `sentiment_sst2`, documented profile, without reading a suite file."""
    hub = {"kind": "hub", "id": "stanfordnlp/sst2", "revision": "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb"}
    values: dict[str, Any] = {
        "suite": "sentiment_sst2",
        "version": 1,
        "title": "DistilBERT, body frozen, on SST-2",
        "profile": "documented",
        "method_name": "frozen_body",
        "primary_metric": "accuracy",
        "task": {"kind": "classification", "max_length_tokens": 128, "padding": "max_length"},
        "data": {
            "input_column": "sentence",
            "target_column": "label",
            "labels": ["negative", "positive"],
            "train": {"source": hub | {"split": "train"}},
            "validation": {"source": hub | {"split": "validation"}},
            "test": {"source": hub | {"split": "validation"}},
        },
        "model": {
            "source": {
                "kind": "hub",
                "id": "distilbert/distilbert-base-uncased",
                "revision": "12040accade4e8a0f71eabdb258fecc2e7e948be",
            },
            "family": "sequence_classification",
        },
        "method": {"kind": "freeze", "modules": ["distilbert"]},
        "training": {"epochs": 3, "batch_size": 64, "learning_rate": 5e-5},
        "metrics": {name: {} for name in UNITS},
        "chosen": {"training.scheduler": "The recipe names none; constant is what plain Adam does."},
    }
    for path, value in changes.items():
        _put(values, path.split("__"), value)
    return values


def make_record(seed: int = 0, **changes: Any) -> RunRecord:
    """Return a record in which fine-tuning worked: accuracy 0.5 -> 0.83, losses falling.

    Args:
        seed: the run seed; scores and hashes move a little with it.
        changes: `block__field__...=value`; `config__...` goes into the config before its key is computed.
    """
    prefix = "config__"
    config = SuiteConfig.model_validate(
        config_values(**{k.removeprefix(prefix): v for k, v in changes.items() if k.startswith(prefix)})
    )
    step = 0.002 * (seed % 3)
    after = {"accuracy": 0.83 + step, "f1": 0.82 + step, "loss": 0.40 - step}
    before = {"accuracy": 0.5, "f1": 0.45, "loss": 0.69}
    values: dict[str, Any] = {
        "suite": config.suite,
        "profile": config.profile,
        "method": config.method_name,
        "seed": seed,
        "config_key": config.key,
        "config": config.model_dump(mode="json"),
        "data": {
            "fingerprint": "d" * 64,
            "splits": {
                name: {"n_examples": n, "fingerprint": SHA, "source": "hub:stanfordnlp/sst2", "exact_duplicates": d}
                for name, n, d in (("train", 67349, 12), ("validation", 872, 0), ("test", 872, 0))
            },
            "train_test_overlap": 3,
        },
        "model": {
            "base": "distilbert/distilbert-base-uncased@12040acc",
            "total_parameters": 66955010,
            "trainable_parameters": 592130,
            "trainable_share": 592130 / 66955010,
        },
        "hashes": {
            "initial_trainable": f"{seed:064x}",
            "batch_order": f"{seed + 100:064x}",
            "final_trainable": f"{seed + 200:064x}",
            "predictions": f"{seed + 300:064x}",
        },
        "scores_before": {name: _score(name, before[name]) for name in config.metrics if name in UNITS},
        "scores": {name: _score(name, after[name]) for name in config.metrics if name in UNITS},
        "changes": {
            name: _spread(after[name] - before[name], 0.03) | {"confidence": 0.95}
            for name in config.metrics
            if name in UNITS
        },
        "epochs": [
            {
                "epoch": float(i + 1),
                "step": (i + 1) * N_STEPS // 3,
                "train_loss": 0.60 - 0.1 * i - step,
                "validation_loss": 0.55 - 0.07 * i - step,
                "train_accuracy": 0.78 + 0.03 * i,
                "validation_accuracy": 0.80 + 0.015 * i + step,
            }
            for i in range(3)
        ],
        "reload_identical": True,
        "environment": {
            "bench_version": "0.1.0",
            "commit": "c" * 40,
            "dirty": False,
            "python": "3.12.1",
            "platform": "Linux-x86_64",
            "packages": {"torch": "2.9.0", "transformers": "5.0.0"},
            "device": "cpu",
            "n_threads": 2,
            "precision": config.training.precision,
            "determinism": {"use_deterministic_algorithms": "True"},
        },
        "cost": {
            "started_at": f"2026-01-01T00:0{seed % 10}:00+00:00",
            "wall_time_s": 200.0 + seed,
            "stages_s": {"loading": 4.0, "training": 180.0 + seed, "scoring": 16.0},
            "peak_memory_bytes": 1_500_000_000,
            "n_training_tokens": 9_000_000,
            "training_tokens_per_s": 50_000.0,
            "saved_bytes": 2_400_000,
        },
    }
    for path, value in changes.items():
        if not path.startswith(prefix):
            _put(values, path.split("__"), value)
    return RunRecord.model_validate(values)


def write_run(folder: Path, record: RunRecord) -> Path:
    """Write a run folder that fits a classification record: record, predictions, statistics, curve, lock file."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(record.seed)  # noqa: S311 - made-up predictions, no secrets
    references = [i % 2 for i in range(N_TEST)]
    for name, share in (("predictions-before", 0.5), ("predictions", 0.83)):
        rows = [
            {
                "id": str(i),
                "input": f"Review number {i}.",
                "reference": r,
                "prediction": r if draw.random() < share else 1 - r,
                "loss_nats": 0.4,
            }
            for i, r in enumerate(references)
        ]
        write_rows(folder / f"{name}.jsonl", rows)
    statistics = {
        stage: {name: np.full((N_TEST, 2), value + record.seed) for name in record.scores}
        for stage, value in (("before", 0.0), ("after", 1.0))
    }
    write_statistics(folder, statistics)
    write_rows(
        folder / "curve.jsonl",
        [
            {"step": i + 1, "loss": 0.7 - 0.01 * i + 0.02 * draw.random(), "learning_rate": 5e-5, "grad_norm": 0.7}
            for i in range(N_STEPS)
        ],
    )
    (folder / "config.lock.toml").write_text(f'suite = "{record.suite}"\n', encoding="utf-8")
    write_record(folder, record)
    return folder


def write_cell(root: Path, *records: RunRecord) -> list[Path]:
    """Write run folders where `bench run` would have put them, and return them."""
    return [write_run(run_folder(root, record.config, record.seed), record) for record in records]


def _score(metric: str, value: float) -> dict[str, Any]:
    unit, higher = UNITS[metric]
    return _spread(value, 0.025) | {
        "confidence": 0.95,
        "n_examples": 872,
        "unit": unit,
        "higher_is_better": higher,
        "signature": f"{metric}|v:1.7",
    }


def _spread(value: float, reach: float) -> dict[str, float]:
    return {"value": value, "low": value - reach, "high": value + reach}


def _put(values: Any, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values[int(part)] if isinstance(values, list) else values.setdefault(part, {})
    if isinstance(values, list):
        values[int(path[-1])] = value
    else:
        values[path[-1]] = json.loads(json.dumps(value))
