"""Predictions: what a model said of the test rows, kept so that everything after it can be redone from disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.config.inputs import Inputs
from bench.config.metric import MetricConfig
from bench.core.errors import InputError
from bench.core.files import read_rows, write_rows
from bench.statistics.groups import Groups, number_groups

INPUT_CHARACTERS = 240

Answer = str | int | tuple[str, ...]
"""What one row asks for or gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """One model's answers to n_examples test rows, in the order of the split."""

    ids: tuple[str, ...]
    inputs: tuple[str, ...]
    """What each row asked, cut to `INPUT_CHARACTERS`; for people to read, never scored."""
    references: tuple[Answer, ...]
    """Texts, or several for one row; numbers of labels or authors; or the names of labels, one a word."""
    predictions: tuple[Answer, ...]
    """As many: texts, label numbers, or names of labels, one a word."""
    short_predictions: tuple[str, ...] | None = None
    """Texts as they stood after `task.short_new_tokens` tokens."""
    losses_nats: NDArray[np.float64]
    """(n_examples,) negative log-likelihood of each reference, summed over its tokens."""
    n_targets: NDArray[np.int64]
    """(n_examples,) tokens that each loss sums over; 1 for a label."""
    groups: tuple[str, ...] | None = None
    """What each row shares with others; none where every row stands for itself."""

    def groups_of(self, config: MetricConfig | None = None) -> Groups | None:
        """Return the number of each row's group, of the rows that a metric scores; none without groups.

        Args:
            config: which rows; default: all.
        """
        if self.groups is None:
            return None
        return number_groups(self.groups)[: None if config is None else config.first_rows]

    def inputs_of(self, inputs: Inputs, config: MetricConfig) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the predictions and references that a metric wants.

        Args:
            inputs: the kind its spec names.
            config: which rows, and whole or short predictions.

        Raises:
            InputError: short predictions are wanted and there are none.
        """
        rows = slice(config.first_rows)
        if inputs == "losses":
            return self.losses_nats[rows].tolist(), self.n_targets[rows].tolist()
        chosen = self.predictions
        if config.prediction == "short":
            if self.short_predictions is None:
                raise InputError("prediction = 'short' was asked for, but these predictions were stored without it")
            chosen = self.short_predictions
        return chosen[rows], self.references[rows]

    def write(self, path: Path) -> None:
        """Write one JSON object a row."""
        short = self.short_predictions or (None,) * len(self.ids)
        groups = self.groups or (None,) * len(self.ids)
        rows = []
        for name, group, text, reference, prediction, brief, loss, n in zip(
            self.ids,
            groups,
            self.inputs,
            self.references,
            self.predictions,
            short,
            self.losses_nats,
            self.n_targets,
            strict=True,
        ):
            row: dict[str, Any] = {"id": name, "input": text, "reference": reference, "prediction": prediction}
            if group is not None:
                row["group"] = group
            if brief is not None:
                row["short_prediction"] = brief
            rows.append(row | {"loss_nats": float(loss), "n_targets": int(n)})
        write_rows(path, rows)

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Load what `write` stored."""
        rows = read_rows(path)
        return cls(
            ids=tuple(row["id"] for row in rows),
            inputs=tuple(row["input"] for row in rows),
            references=tuple(_answer(row["reference"]) for row in rows),
            predictions=tuple(_answer(row["prediction"]) for row in rows),
            short_predictions=tuple(r["short_prediction"] for r in rows) if "short_prediction" in rows[0] else None,
            losses_nats=np.array([row["loss_nats"] for row in rows], dtype=np.float64),
            n_targets=np.array([row["n_targets"] for row in rows], dtype=np.int64),
            groups=tuple(row["group"] for row in rows) if "group" in rows[0] else None,
        )


def _answer(value: Any) -> Answer:
    answer: Answer = tuple(value) if isinstance(value, list) else value
    return answer


def label_or_text(value: Any, labels: Sequence[str]) -> str:
    """Return a label's name, its number where it has none, or the text itself; several with a stroke between them."""
    if isinstance(value, list | tuple):
        return " / ".join(label_or_text(part, labels) for part in value)
    if isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    return str(value)
