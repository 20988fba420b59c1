"""Claims of a made-up recipe, and their verdicts on made-up records."""

from __future__ import annotations

from typing import Any

from factories import make_record

from bench.comparing.claims import Documented, judge_claims
from bench.records.record import RunRecord

ACCURACY = {
    "id": "accuracy",
    "kind": "value",
    "text": "Accuracy is 0.833.",
    "section": "claims",
    "quantity": "scores.accuracy",
    "value": 0.833,
    "tolerance": 0.025,
    "tolerance_why": "binomial",
}
FALLS = {
    "id": "falls",
    "kind": "trend",
    "text": "The loss falls.",
    "section": "claims",
    "quantity": "epochs.train_loss",
    "direction": "falls",
}
TIME = {
    "id": "time",
    "kind": "range",
    "text": "About 4 minutes.",
    "section": "claims",
    "quantity": "cost.wall_time_s",
    "low": 120.0,
    "high": 360.0,
    "bounds_why": "half to one and a half",
}

ORDER = {
    "id": "order",
    "kind": "ordering",
    "text": "Full is best.",
    "section": "claims",
    "quantity": "scores.accuracy",
    "methods": ["full", "frozen_body", "lora"],
}
CURVE = (0.5, 0.7, 0.6, 0.8, 0.81, 0.82, 0.83)
"""Accuracy at steps 0, 10, ..., 60."""


def evaluations(*accuracies: float) -> list[dict[str, Any]]:
    """Return evaluations every ten steps, with a training loss from the second on: 1.0, 0.9, ..."""
    return [
        {
            "step": 10 * i,
            "train_loss": None if i == 0 else 1.1 - 0.1 * i,
            "scores": {"accuracy": {"value": value, "low": value - 0.1, "high": value + 0.1}},
        }
        for i, value in enumerate(accuracies)
    ]


def curved(seed: int = 0, accuracies: tuple[float, ...] = CURVE, **changes: Any) -> RunRecord:
    return make_record(seed, evaluations=evaluations(*accuracies), **changes)


def score(value: float) -> dict[str, Any]:
    return {
        "value": value, "low": 0.0, "high": 1.0, "confidence": 0.95, "n_examples": 64, "unit": "fraction",
        "higher_is_better": True, "signature": "s",
    }  # fmt: skip


def documented(*claims: dict[str, Any], **fixed: Any) -> Documented:
    return Documented.model_validate(
        {"suite": "sentiment_sst2", "recipe": "a recipe", "fixed": fixed, "claims": list(claims)}
    )


def verdict_of(claim: dict[str, Any], *records: Any, **fixed: Any) -> Any:
    return judge_claims(documented(claim, **fixed), records)[0]
