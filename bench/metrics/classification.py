"""Accuracy, and precision, recall and F1 per class, on labels that are whole numbers or names.

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
from bench.core.wording import plural
from bench.metrics.base import MeanMetric, Metric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import LARGEST, Labels, brief, check_labels
from bench.records.score import Note

# Raised when a definition in this file changes a value: no library version can tell.
DEFINITION = 1
_MOST_NUMBERS = 1 << 29
"""In the statistics of a metric: 4 GiB."""
_MOST_NAMED = 8
"""Labels that a message lists."""


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
        counts_decisions=True,
    )


SPECS = {
    "accuracy": _spec("accuracy", "Accuracy", "share of equal labels; scikit-learn accuracy_score"),
    "precision": _spec("precision", "Precision", "hits / predicted; scikit-learn precision_score"),
    "recall": _spec("recall", "Recall", "hits / actual; scikit-learn recall_score"),
    "f1": _spec("f1", "F1", "van Rijsbergen 1979, Information Retrieval, ch. 7; scikit-learn f1_score"),
}


class LabelMetric(Metric):
    """A metric on labels."""

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return how many predictions are names that no reference has: a misspelt label, or no label at all."""
        known = set(references)
        n_unknown, n = sum(isinstance(label, str) and label not in known for label in predictions), len(predictions)
        if not n_unknown:
            return ()
        text = f"{n_unknown:,} of {plural(n, 'prediction')} are labels that no reference has"
        return (Note(text=text, count=n_unknown, of=n),)


class ClassOptions(Strict):
    """Options of accuracy."""

    n_classes: int | None = Field(default=None, ge=1, le=LARGEST)
    """How many classes there are; labels beyond it are errors. Default: as many as the data shows."""


class AverageOptions(ClassOptions):
    """Options of precision, recall and F1."""

    average: Literal["macro", "weighted", "micro", "binary", "class"] = "macro"
    """`macro`: unweighted mean over the classes that occur. `weighted`: mean over classes, by how often each is right.
    `micro`: over all examples, which is accuracy. `binary`: the positive one of two classes. `class`: the one of any
    number that `positive_label` names."""
    positive_label: int | str | None = None
    """The label that `binary` (default: 1) or `class` scores, a number or a name."""


class Accuracy(LabelMetric, MeanMetric):
    """Share of examples whose label is right."""

    Options: ClassVar = ClassOptions
    options: ClassOptions

    def signature(self) -> str:
        """Return `accuracy|def:1`."""
        return signature_of(self.spec.name, **{"def": DEFINITION})

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): right or not, and 1; see `Metric.statistics`."""
        labels = check_labels(self.spec.name, predictions, references, self.options.n_classes)
        return mean_statistics((labels.predicted == labels.actual).astype(np.float64))


class PerClass(LabelMetric):
    """Precision, recall or F1, from the margins and the diagonal of the confusion matrix.

    These 3 counts per class are all that the three scores read of the matrix: 3C numbers per example, not C². C is
    `n_classes`, or where that is not given the number of labels that occur; 1 where all classes are pooled, and 2 (the
    others, and it) where one is scored.
    """

    Options: ClassVar = AverageOptions
    options: AverageOptions

    def check(self) -> None:
        """Refuse options that do not go together."""
        name, average, label, n_classes = (
            self.spec.name,
            self.options.average,
            self.options.positive_label,
            self.options.n_classes,
        )
        if average == "binary" and n_classes is not None and n_classes > 2:
            raise InputError(
                f"{name}: average = 'binary' scores class 1 of 2, but n_classes = {n_classes}; "
                "use average = 'macro', or 'class' with a positive_label"
            )
        if label is not None and average not in ("binary", "class"):
            raise InputError(f"{name}: positive_label = {label!r} needs average = 'binary' or 'class', not {average!r}")
        if label is None and average == "class":
            raise InputError(f"{name}: average = 'class' needs a positive_label: the class that is scored")

    def signature(self) -> str:
        """Return for instance `f1|average:macro|zero_division:0|def:1`."""
        label = self.options.positive_label
        positive: dict[str, str] = {} if label is None else {"positive": repr(label)}
        return signature_of(
            self.spec.name, average=self.options.average, **positive, zero_division=0, **{"def": DEFINITION}
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 3C): one-hot hits, predicted class and actual class; see `Metric.statistics`.

        Raises:
            InputError: as `Metric.statistics`, or the labels are not those that the options speak of.
        """
        name = self.spec.name
        labels = check_labels(name, predictions, references, self.options.n_classes)
        if self.options.average == "binary" and self.options.positive_label is None:
            if isinstance(labels.classes[0], str):
                names = _listed(labels.classes)
                raise InputError(f"{name}: average = 'binary' needs a positive_label where labels are names: {names}")
            labels = check_labels(name, predictions, references, 2)
        n_classes, predicted, actual = len(labels.classes), labels.predicted, labels.actual
        if self.options.average == "micro":
            n_classes, predicted, actual = 1, np.zeros_like(predicted), np.zeros_like(actual)
        elif self.options.average in ("binary", "class"):
            positive = self._positive(labels)
            n_classes, predicted, actual = 2, predicted == positive, actual == positive
        n = len(predicted)
        if 3 * n * n_classes > _MOST_NUMBERS:
            raise InputError(
                f"{name}: {n_classes:,} classes in {n:,} examples need more than {_MOST_NUMBERS * 8 >> 30} GiB of "
                "memory; use average = 'micro' or 'class', or fewer classes"
            )
        statistics = np.zeros((n, 3, n_classes))
        rows, hits = np.arange(n), labels.predicted == labels.actual
        statistics[rows[hits], 0, actual[hits].astype(np.int64)] = 1
        statistics[rows, 1, predicted.astype(np.int64)] = 1
        statistics[rows, 2, actual.astype(np.int64)] = 1
        return statistics.reshape(n, 3 * n_classes)

    def _positive(self, labels: Labels) -> int:
        """Return the position of the class that is scored."""
        name, average = self.spec.name, self.options.average
        label = 1 if self.options.positive_label is None else self.options.positive_label
        n_seen = len({*labels.predicted.tolist(), *labels.actual.tolist()})
        if average == "binary" and n_seen > 2:
            raise InputError(
                f"{name}: average = 'binary' scores one of two classes, but {n_seen} occur; use average = 'class'"
            )
        if label in labels.classes:
            return labels.classes.index(label)
        if average == "binary" and n_seen < 2:
            return -1  # it never occurs, and the other class does
        raise InputError(f"{name}: positive_label = {label!r} never occurs; the labels are {_listed(labels.classes)}")

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the average over classes, 0 for a class without a denominator; see `Metric.aggregate`."""
        hits, predicted, actual = np.split(totals, 3, axis=-1)  # (..., C) each
        above, below = {
            "precision": (hits, predicted),
            "recall": (hits, actual),
            "f1": (2 * hits, predicted + actual),
        }[self.spec.name]
        by_class = np.divide(above, below, out=np.zeros_like(hits), where=below > 0)
        average: NDArray[np.float64]
        match self.options.average:
            case "binary" | "class":
                average = by_class[..., 1]
            case "micro":
                average = by_class[..., 0]
            case "weighted":
                average = (by_class * actual).sum(axis=-1) / actual.sum(axis=-1)
            case "macro":
                average = by_class.sum(axis=-1) / ((predicted + actual) > 0).sum(axis=-1)
        return average


def _listed(classes: Sequence[int | str]) -> str:
    more = f" and {len(classes) - _MOST_NAMED:,} more" if len(classes) > _MOST_NAMED else ""
    return f"{', '.join(brief(label) for label in classes[:_MOST_NAMED])}{more}"
