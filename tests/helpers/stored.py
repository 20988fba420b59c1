"""Small stored runs and baselines with real statistics per example, for tests of the gate.

    store(tmp_path, run={"accuracy": [0.8, 0.8, 0.8]}, baseline={"accuracy": [0.9, 0.9, 0.9]}, policy={...})

writes `runs`, `baselines`, `baselines/policy.toml` and `suites/sentiment_sst2`, the suite whose runs they are: a test
that gates them works in `tmp_path`. Runs are by the code at hand. A side is `{accuracy, loss, n, seeds, changes,
predictions, faults}`: a score a seed, the number of test rows, the seed numbers, changes of the record as `make_record`
takes them, whether predictions are stored, what is broken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from factories import config_values, make_record
from safetensors.numpy import save_file

from bench.config import SuiteConfig
from bench.core.files import write_rows
from bench.records.making import from_runs
from bench.records.provenance import code_at_hand
from bench.records.store import read_statistics, run_folder, write_baseline, write_record, write_statistics

SUITE, METHOD = "sentiment_sst2", "frozen_body"
_SUITE = {"profile": "tiny", "metrics": {"accuracy": {}, "loss": {}}}
"""In what the suite differs from `factories.config_values`."""


def shared() -> dict[str, Any]:
    """Return the changes of a record that make it a run of the suite, by the code at hand."""
    code = code_at_hand()
    return {
        **{f"config__{name}": value for name, value in _SUITE.items()},
        "schema_version": 2,
        "environment__bench_version": code.version,
        "environment__commit": code.commit,
        "environment__dirty": code.dirty,
        "environment__code_sha256": code.sha256,
    }


def suite_config(**changes: Any) -> SuiteConfig:
    """Return the suite's config; `changes` as `factories.config_values` takes them."""
    return SuiteConfig.model_validate(config_values(**_SUITE, **changes))


def write_suite(root: Path, *configs: SuiteConfig) -> Path:
    """Write a suite that resolves to configs, one a profile, under `root`, and return its file."""
    profiles = {}
    for config in configs:
        values = config.model_dump(mode="json", exclude_none=True)
        suite, profile, method = (values.pop(name) for name in ("suite", "profile", "method_name"))
        profiles[profile] = values | {"method": method, "methods": {method: values["method"]}}
    values = {"suite": suite, "method": method, "methods": {}, "profiles": profiles}
    file = root / "suites" / suite / "suite.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tomli_w.dumps(values), encoding="utf-8")
    return file


def right(share: float, n: int, seed: int) -> np.ndarray:
    """Return (n,) of 0 and 1, that share of them 1: easy rows mostly, and each seed has rows of its own."""
    hardness = np.arange(n) / n + 0.2 * np.random.default_rng([seed, round(share * n)]).normal(size=n)
    answers = np.zeros(n)
    answers[np.argsort(hardness)[: round(share * n)]] = 1.0
    return answers


def nats(loss: float, n: int, seed: int) -> np.ndarray:
    """Return (n,) losses with that mean, hard rows the same for every seed but for a little."""
    spread = np.random.default_rng(5).normal(size=n) + 0.3 * np.random.default_rng([seed, round(1e6 * loss)]).normal(
        size=n
    )
    return loss + 0.1 * loss * (spread - spread.mean())


def write_side(root: Path, side: dict[str, Any]) -> list[Path]:
    """Write the run folders of a side."""
    folders = []
    accuracies = side["accuracy"]
    losses = side.get("loss", [0.4] * len(accuracies))
    n, seeds = side.get("n", 400), side.get("seeds", range(len(accuracies)))
    for seed, accuracy, loss in zip(seeds, accuracies, losses, strict=True):
        rows = {"accuracy": right(accuracy, n, seed), "loss": nats(loss, n, seed)}
        statistics = {name: np.stack([values, np.ones(n)], axis=1) for name, values in rows.items()}
        settings = shared() | side.get("changes", {})
        statistics = {name: array for name, array in statistics.items() if name in settings["config__metrics"]}
        scores = {f"scores__{name}__value": float(rows[name].sum() / n) for name in statistics}
        sizes = {f"scores__{name}__n_examples": n for name in statistics}
        record = make_record(seed, **{**settings, **scores, **sizes})
        folder = run_folder(root, record.config, seed)
        folder.mkdir(parents=True)
        write_statistics(folder, {"before": statistics, "after": statistics})
        write_rows(folder / "curve.jsonl", [{"step": 1, "loss": 0.7}])
        if side.get("predictions"):
            write_rows(
                folder / "predictions.jsonl", [_prediction(i, bool(ok)) for i, ok in enumerate(rows["accuracy"])]
            )
        write_record(folder, record)
        folders.append(folder)
    return folders


def _prediction(i: int, is_right: bool) -> dict[str, Any]:
    reference = i % 2
    return {
        "id": f"row-{i}",
        "input": f"sentence {i}",
        "reference": reference,
        "prediction": reference if is_right else 1 - reference,
    }


def store(root: Path, *, run: dict[str, Any] | None, baseline: dict[str, Any] | None, policy: dict[str, Any]) -> None:
    """Write suite, runs, baseline and policy under `root`."""
    write_suite(root, suite_config())
    if run is not None:
        folders = write_side(root / "runs", run)
        for fault in run.get("faults", ()):
            _FAULTS[fault](folders[-1])
    if baseline is not None:
        stored, statistics = from_runs(write_side(root / "promoted", baseline), reason="first")
        if "no statistics" in baseline.get("faults", ()):
            stored = stored.model_copy(update={"statistics_sha256": None, "statistics_left_out": "too many bytes"})
            statistics = None
        path = write_baseline(stored, statistics, root=root / "baselines")
        if "older schema" in baseline.get("faults", ()):
            path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 1'), encoding="utf-8")
        if "other bytes" in baseline.get("faults", ()):
            path.with_suffix(".safetensors").write_bytes(b"other bytes")
    (root / "baselines").mkdir(exist_ok=True)
    (root / "baselines" / "policy.toml").write_text(tomli_w.dumps(policy), encoding="utf-8")


def _put_nan(folder: Path) -> None:
    n = len(read_statistics(folder)["after"]["accuracy"])
    save_file({"after/accuracy": np.full((n, 2), np.nan)}, folder / "statistics.safetensors")


def _empty(folder: Path) -> None:
    save_file({"after/accuracy": np.zeros((0, 2))}, folder / "statistics.safetensors")


def _lose_statistics(folder: Path) -> None:
    (folder / "statistics.safetensors").unlink()


def _swap_statistics(folder: Path) -> None:
    stored = read_statistics(folder)["after"]
    write_statistics(folder, {"before": stored, "after": {**stored, "accuracy": 0 * stored["accuracy"] + [0.0, 1.0]}})


def _edit(folder: Path, change: dict[str, Any], *, without: str = "") -> None:
    values = json.loads((folder / "record.json").read_text(encoding="utf-8")) | change
    if without:
        del values["scores"][without]
    (folder / "record.json").write_text(json.dumps(values), encoding="utf-8")


_FAULTS = {
    "nan": _put_nan,
    "empty": _empty,
    "no statistics": _lose_statistics,
    "statistics of another run": _swap_statistics,
    "future schema": lambda folder: _edit(folder, {"schema_version": 99}),
    "one seed lacks a score": lambda folder: _edit(folder, {}, without="accuracy"),
    "not json": lambda folder: (folder / "record.json").write_text("{", encoding="utf-8"),
    "two of one seed": lambda folder: _edit(folder, {"seed": 0}),
}
"""What is broken -> how, in the run folder of the last seed."""
