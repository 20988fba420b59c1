"""Predictions on disk and the rows each metric takes from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.config import MetricConfig
from bench.records.predictions import Predictions


def _texts(**changes: Any) -> Predictions:
    values: dict[str, Any] = {
        "ids": ("a", "b", "c"),
        "inputs": ("one", "two\u2028", "three\n"),
        "references": ("the cat\u2028sat", "dog\nran", ""),
        "predictions": ("the cat sat", "a dog", "fox é"),
        "short_predictions": ("the", "a", "fox"),
        "losses_nats": np.array([1 / 3, 2.0, 1e-12]),
        "n_targets": np.array([4, 3, 1]),
    }
    return Predictions(**values | changes)


def _labels() -> Predictions:
    return Predictions(
        ids=("7", "8"), inputs=("x", "y"), references=(0, 1), predictions=(1, 1),
        losses_nats=np.array([0.1, 0.2]), n_targets=np.array([1, 1]),
    )  # fmt: skip


def _lists() -> Predictions:
    return _texts(references=(("x", "y"), "z", "w"), predictions=(("O", "NAME"), ("O",), ("O", "O")))


@pytest.mark.parametrize(
    "given",
    [_texts(), _texts(short_predictions=None), _labels(), _lists(), _texts(groups=("x", "y", "x"))],
    ids=["short", "full", "label", "several references, and a label a word", "groups"],
)
def test_written_predictions_come_back_equal_to_the_last_bit(given: Predictions, tmp_path: Path) -> None:
    given.write(tmp_path / "p.jsonl")
    got = Predictions.read(tmp_path / "p.jsonl")
    for field in ("ids", "inputs", "references", "predictions", "short_predictions", "groups"):
        assert getattr(got, field) == getattr(given, field)
    assert np.array_equal(got.losses_nats, given.losses_nats)
    assert np.array_equal(got.n_targets, given.n_targets)


def test_one_row_a_line_with_these_keys(tmp_path: Path) -> None:
    _texts().write(tmp_path / "p.jsonl")
    lines = (tmp_path / "p.jsonl").read_bytes().split(b"\n")
    assert len(lines) == 4
    assert json.loads(lines[1]) == {
        "id": "b", "input": "two\u2028", "reference": "dog\nran", "prediction": "a dog", "short_prediction": "a",
        "loss_nats": 2.0, "n_targets": 3,
    }  # fmt: skip


def test_metrics_get_whole_or_short_predictions_of_the_first_rows() -> None:
    given = _texts()
    assert given.inputs_of("texts", MetricConfig())[0] == given.predictions
    short = MetricConfig(prediction="short", first_rows=2)
    assert given.inputs_of("texts", short) == (("the", "a"), given.references[:2])
    assert given.inputs_of("losses", MetricConfig(first_rows=1)) == ([1 / 3], [4])
    assert _labels().inputs_of("labels", MetricConfig()) == ((1, 1), (0, 1))
