"""Plausible records and run folders, for tests that need results and no training.

    record = make_record(seed=1, scores__accuracy__value=0.9, config__training__epochs=5)
    write_run(tmp_path / "seed-1", record)
    make_record(evaluations=curve(accuracy=(0.5, 0.83)))       # scored along the way
    make_imitation(seed=1)                                     # one author: controls and an overlap with the text
    make_duel(seed=1)                                          # two authors: evaluations, controls and a judge

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
from bench.core.files import write_rows
from bench.records.record import RunRecord
from bench.records.store import run_folder, write_record, write_statistics

SHA = "0" * 64
N_TEST = 40
N_STEPS = 30
UNITS = {"accuracy": ("fraction", True), "f1": ("fraction", True), "loss": ("nats per token", False)}
"""The metrics of a classification record."""
SCORED = {
    "accuracy": ("fraction", True, 0.5, 0.83),
    "f1": ("fraction", True, 0.45, 0.82),
    "loss": ("nats per token", False, 0.69, 0.40),
    "common_token_ratio": ("fraction", True, 0.40, 0.60),
    "longest_overlap": ("tokens", False, 5.0, 9.0),
    "copied_8grams": ("fraction", False, 0.01, 0.04),
    "style_judge_accuracy": ("fraction", True, 0.5, 0.75),
    "style_judge_loss": ("nats per text", False, 0.9, 0.5),
    "style_probability_0": ("fraction", True, 0.48, 0.70),
    "style_probability_1": ("fraction", True, 0.51, 0.72),
}
"""Metric -> unit, whether higher is better, and what it scores before and after."""
OVERLAP_TOKENS = {"before": (3, 7), "after": (6, 12)}
"""The `longest_overlap` of samples, in turn: the longest is the second."""


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
    before = {name: SCORED[name][2] for name in config.metrics if name in SCORED}
    after = {name: SCORED[name][3] + (step if SCORED[name][1] else -step) for name in before}
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
        "scores_before": {name: score_values(name, before[name]) for name in before},
        "scores": {name: score_values(name, after[name]) for name in before},
        "changes": {name: _spread(after[name] - before[name], 0.03) | {"confidence": 0.95} for name in before},
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


def curve(n_points: int = 4, every: int = 10, **ends: tuple[float, float]) -> list[dict[str, Any]]:
    """Return evaluations that go straight from one value to another, each with an interval of 0.05 either way.

    Args:
        n_points: evaluations, the first at step 0.
        every: steps between them.
        ends: metric -> its first and its last value.
    """
    return [
        {
            "step": i * every,
            "train_loss": None if i == 0 else 1.0 - 0.1 * i,
            "scores": {name: _spread(a + (b - a) * i / (n_points - 1), 0.05) for name, (a, b) in ends.items()},
        }
        for i in range(n_points)
    ]


def judge_values(**changes: Any) -> dict[str, Any]:
    """Return the summary of a judge that is right of 75 of 80 held-out chunks, and of 60 when they are shuffled."""
    values = {
        "identity": "j" * 16,
        "weights_sha256": "e" * 64,
        "labels": ["alice", "edgar"],
        "max_length_tokens": 128,
        "n_training_chunks": 600,
        "accuracy": score_values("style_judge_accuracy", 75 / 80, n_examples=80),
        "confusion": [[38, 2], [3, 37]],
        "calibration_error": 0.031,
        "calibration": [
            {"confidence": 0.72, "accuracy": 0.7, "n_chunks": 20},
            {"confidence": 0.97, "accuracy": 1.0, "n_chunks": 60},
        ],
        "shuffled_accuracy": score_values("style_judge_accuracy", 0.75, n_examples=80),
        "others": {"unrelated": [0.3, 0.7]},
    }
    for path, value in changes.items():
        _put(values, path.split("__"), value)
    return values


_WRITING = {"window_tokens": 64, "n_samples": 4, "prompt": "", "memorised_overlap_tokens": 50, "memorised_share": 0.25}
_CAUSAL = {
    "source": {"kind": "generated", "name": "random_weights"},
    "family": "causal",
    "architecture": {"model_type": "gpt2"},
}
_PARAGRAPHS = {
    name: {"n_examples": n, "fingerprint": SHA, "source": "generated", "exact_duplicates": d, "unit": "paragraphs"}
    for name, n, d in (("train", 500, 4), ("validation", 30, 0), ("test", 60, 0), ("control unrelated", 70, 0))
}


def _text(generator: str) -> dict[str, Any]:
    return {
        "parts": [{"source": {"kind": "generated", "name": generator, "n_examples": 9, "seed": 1}, "column": "text"}]
    }


def make_imitation(seed: int = 0, **changes: Any) -> RunRecord:
    """Return a record of one author imitated: the share of common tokens 0.40 -> 0.60, nothing memorised."""
    metrics = ("common_token_ratio", "longest_overlap", "copied_8grams", "loss")
    controls = {
        name: {
            metric: score_values(metric, value, n_examples=4) for metric, value in zip(metrics[:3], values, strict=True)
        }
        for name, values in {"held-out": (0.64, 6.0, 0.02), "unrelated": (0.41, 4.0, 0.005)}.items()
    }
    values: dict[str, Any] = {
        "config__suite": "one_writer",
        "config__title": "A writer after one author",
        "config__primary_metric": "common_token_ratio",
        "config__task": {"kind": "language_modeling", "sample_tokens": 100} | _WRITING,
        "config__data": {"texts": {"gulliver": _text("prose_day")}, "controls": {"unrelated": _text("prose_night")}},
        "config__model": _CAUSAL,
        "config__method": {"kind": "full"},
        "config__method_name": "full",
        "config__metrics": {name: {} for name in metrics},
        "data__splits": _PARAGRAPHS,
        "model__base": "generated:random_weights",
        "controls": controls,
    }
    return make_record(seed, **values | changes)


def make_duel(seed: int = 0, **changes: Any) -> RunRecord:
    """Return a record of a style duel: judge accuracy 0.5 -> 0.75, evaluated at steps 0, 10, 20 and 30."""
    style = ("style_judge_accuracy", "style_judge_loss", "style_probability_0", "style_probability_1")
    base = {"source": _CAUSAL["source"], "family": "sequence_classification", "architecture": {"model_type": "bert"}}
    judge = {
        "model": base,
        "method": {"kind": "full"},
        "training": {"steps": 10, "batch_size": 8, "learning_rate": 1e-4},
        "max_length_tokens": 128,
        "minimum_accuracy": 0.8,
    }
    values: dict[str, Any] = {
        "config__suite": "two_writers",
        "config__title": "Two writers and a judge",
        "config__primary_metric": style[0],
        "config__task": {
            "kind": "style_duel",
            "over_generation": 4,
            "repetition_penalty": 1.2,
            "judge": judge,
        }
        | _WRITING,
        "config__data": {"texts": {"alice": _text("prose_day"), "edgar": _text("prose_night")}},
        "config__model": _CAUSAL,
        "config__method": {"kind": "full"},
        "config__method_name": "full",
        "config__training": {
            "steps": 30,
            "batch_size": 4,
            "learning_rate": 1e-4,
            "evaluate_every_steps": 10,
            "evaluate_metrics": list(style),
        },
        "config__metrics": {name: {} for name in (*style, "longest_overlap", "copied_8grams")},
        "data__splits": _PARAGRAPHS,
        "model__base": "generated:random_weights",
        "cost__stages_s": {"judging": 12.0, "training": 100.0, "evaluating": 50.0},
        "evaluations": curve(**{name: SCORED[name][2:] for name in style}),
        "controls": {"held-out": {style[0]: score_values(style[0], 0.9, n_examples=8)}},
        "judge": judge_values(),
    }
    return make_record(seed, **values | changes)


def write_run(folder: Path, record: RunRecord) -> Path:
    """Write a run folder that fits a record: record, predictions, statistics, curve, lock file."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(record.seed)  # noqa: S311 - made-up predictions, no secrets
    for stage, name, share in (("before", "predictions-before", 0.5), ("after", "predictions", 0.83)):
        write_rows(folder / f"{name}.jsonl", _rows(record, stage, share, draw))
    statistics = {
        stage: {name: _statistics(record, name, stage) for name in record.scores} for stage in ("before", "after")
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


def _rows(record: RunRecord, stage: str, share: float, draw: random.Random) -> list[dict[str, Any]]:
    """Return what a run predicted: labels, of which a share is right, or samples of one author or two."""
    task = record.config.task
    if task.kind == "classification":
        return [
            {
                "id": str(i),
                "input": f"Review number {i}.",
                "reference": i % 2,
                "prediction": i % 2 if draw.random() < share else 1 - i % 2,
                "loss_nats": 0.4,
            }
            for i in range(N_TEST)
        ]
    rows = []
    for author, name in enumerate(record.config.data.labels):
        for i in range(task.n_samples):
            sample = f"Sample {i} after {name}, {stage} fine-tuning."
            reference = author if task.kind == "style_duel" else f"Passage {i} of {name}."
            row = {"id": f"{name}-{i}", "input": "", "reference": reference, "prediction": sample}
            rows.append(row | {"loss_nats": 40.0, "n_targets": 20})
    return rows


def _statistics(record: RunRecord, metric: str, stage: str) -> np.ndarray:
    """Return (n_examples, n_statistics) whose aggregate is the record's score; hard rows are hard for every seed.

    The judge is wrong of each writer's first two samples, and after fine-tuning of one.
    """
    task = record.config.task
    n = N_TEST if task.kind == "classification" else task.n_samples * len(record.config.data.labels)
    score = (record.scores if stage == "after" else record.scores_before)[metric].value
    if metric in ("longest_overlap", "style_judge_accuracy"):
        if metric == "longest_overlap":
            each = np.array([float(OVERLAP_TOKENS[stage][i % 2]) for i in range(n)])
        else:
            each = np.array([float(i % task.n_samples >= {"before": 2, "after": 1}[stage]) for i in range(n)])
        return np.stack([each, np.full(n, each.mean() / score)], axis=1)
    by_row, by_seed = (np.random.default_rng(key).normal(size=n) for key in (0, [record.seed, stage == "after"]))
    spread = by_row + 0.5 * by_seed
    each = score * (1 + 0.2 * (spread - spread.mean()))
    if metric == "f1":  # hits, predicted and actual, of two classes
        return np.concatenate([np.stack([each, each], axis=1), np.ones((n, 4))], axis=1)
    return np.stack([each, np.ones(n)], axis=1)


def write_cell(root: Path, *records: RunRecord) -> list[Path]:
    """Write run folders where `bench run` would have put them, and return them."""
    return [write_run(run_folder(root, record.config, record.seed), record) for record in records]


def score_values(metric: str, value: float, n_examples: int = 872) -> dict[str, Any]:
    """Return one score, with an interval of 0.025 either way."""
    unit, higher, _, _ = SCORED[metric]
    return _spread(value, 0.025) | {
        "confidence": 0.95,
        "n_examples": n_examples,
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
