"""Accuracy, and precision, recall and F1 per class, on class numbers.

Values equal scikit-learn's `accuracy_score`, `precision_score`, `recall_score` and `f1_score` with `zero_division=0`.
Macro averages run over the classes that occur among predictions or references, as scikit-learn's do; so `n_classes`
checks labels and fixes the width of the statistics, and never moves a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, Metric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_labels

# Raised when a definition in this file changes a value: no library version can tell.
DEFINITION = 1


def _spec(name: str, title: str, source: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="labels",
        source=source,
    )


SPECS = {
    "accuracy": _spec("accuracy", "Accuracy", "share of equal labels; scikit-learn accuracy_score"),
    "precision": _spec("precision", "Precision", "hits / predicted; scikit-learn precision_score"),
    "recall": _spec("recall", "Recall", "hits / actual; scikit-learn recall_score"),
    "f1": _spec("f1", "F1", "van Rijsbergen 1979, Information Retrieval, ch. 7; scikit-learn f1_score"),
}


class ClassOptions(Strict):
    """Options of accuracy."""

    n_classes: int | None = Field(default=None, ge=1)
    """How many classes there are; labels beyond it are errors. Default: as many as the data shows."""


class AverageOptions(ClassOptions):
    """Options of precision, recall and F1."""

    average: Literal["macro", "binary"] = "macro"
    """`macro`: unweighted mean over the classes that occur. `binary`: class 1 alone."""


class Accuracy(MeanMetric):
    """Share of examples whose label is right."""

    Options: ClassVar = ClassOptions
    options: ClassOptions

    def signature(self) -> str:
        """Return `accuracy|def:1`."""
        return signature_of(self.spec.name, **{"def": DEFINITION})

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): right or not, and 1; see `Metric.statistics`."""
        predicted, actual = check_labels(self.spec.name, predictions, references, self.options.n_classes)
        return mean_statistics((predicted == actual).astype(np.float64))


class PerClass(Metric):
    """Precision, recall or F1, from the margins and the diagonal of the confusion matrix.

    These 3 counts per class are all that the three scores read of the matrix: 3C numbers per example, not C².
    """

    Options: ClassVar = AverageOptions
    options: AverageOptions

    def check(self) -> None:
        """Refuse the score of class 1 of 2 where there are more classes."""
        spec, options = self.spec, self.options
        if options.average == "binary" and options.n_classes is not None and options.n_classes > 2:
            raise InputError(
                f"{spec.name}: average = 'binary' scores class 1 of 2, but n_classes = {options.n_classes}; "
                "use average = 'macro'"
            )

    def signature(self) -> str:
        """Return for instance `f1|average:macro|zero_division:0|def:1`."""
        return signature_of(self.spec.name, average=self.options.average, zero_division=0, **{"def": DEFINITION})

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 3C): one-hot hits, predicted class and actual class; see `Metric.statistics`."""
        binary = self.options.average == "binary"
        limit = 2 if binary else self.options.n_classes
        predicted, actual = check_labels(self.spec.name, predictions, references, limit)
        n_classes = limit or int(max(predicted.max(), actual.max())) + 1
        identity = np.eye(n_classes)
        hits = identity[predicted] * (predicted == actual)[:, None]  # (n_examples, C)
        return np.concatenate([hits, identity[predicted], identity[actual]], axis=1)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the average over classes, 0 for a class without a denominator; see `Metric.aggregate`."""
        hits, predicted, actual = np.split(totals, 3, axis=-1)  # (..., C) each
        above, below = {
            "precision": (hits, predicted),
            "recall": (hits, actual),
            "f1": (2 * hits, predicted + actual),
        }[self.spec.name]
        by_class = np.divide(above, below, out=np.zeros_like(hits), where=below > 0)
        if self.options.average == "binary":
            positive: NDArray[np.float64] = by_class[..., 1]
            return positive
        occurs = (predicted + actual) > 0
        average: NDArray[np.float64] = by_class.sum(axis=-1) / occurs.sum(axis=-1)
        return average
