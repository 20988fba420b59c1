"""Labels of words: the share that is right, and F1 over the entities that they spell out.

Entities are read as the conlleval script of CoNLL-2000 and nervaluate do: `B-X` begins one, `I-X` goes on
with it or, where none of its type is open, begins one, and anything else ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, Metric, MetricSpec, signature_of
from bench.metrics.inputs import check_tags

DEFINITION = 1
"""Raised when a definition in this file changes a value: no library version can tell."""

SPECS = {
    "tag_accuracy": MetricSpec(
        name="tag_accuracy",
        title="Tag accuracy",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="tags",
        source="share of words whose label is right, over all words; scikit-learn accuracy_score",
        counts_decisions=True,
    ),
    "entity_f1": MetricSpec(
        name="entity_f1",
        title="Entity F1",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="tags",
        source="Tjong Kim Sang and Buchholz 2000, conlleval; nervaluate strict F1 over all types",
        counts_decisions=True,
    ),
}

Entity = tuple[str, int, int]
"""Type, first word, last word."""


class TagAccuracy(MeanMetric):
    """Share of words whose label is right, pooled: a long row weighs more."""

    def signature(self) -> str:
        """Return `tag_accuracy|mean:word|def:1`."""
        return signature_of(self.spec.name, mean="word", **{"def": DEFINITION})

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): words that are right, and words; see `Metric.statistics`."""
        predicted, actual = check_tags(self.spec.name, predictions, references)
        pairs = zip(predicted, actual, strict=True)
        rows = [(sum(a == b for a, b in zip(*pair, strict=True)), len(pair[0])) for pair in pairs]
        statistics = np.array(rows, dtype=np.float64)
        if not statistics[:, 1].any():
            raise InputError(f"{self.spec.name}: no row has a word, so there is nothing to score")
        return statistics


class EntityF1(Metric):
    """F1 over entities, pooled over rows and types: an entity is right where type, first and last word all are."""

    def signature(self) -> str:
        """Return `entity_f1|scheme:conlleval|average:micro|zero_division:0|def:1`."""
        return signature_of(self.spec.name, scheme="conlleval", average="micro", zero_division=0, **{"def": DEFINITION})

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 3): entities that are right, predicted and actual; see `Metric.statistics`.

        Raises:
            InputError: as `Metric.statistics`, or a label is none of `O`, `B-TYPE` and `I-TYPE`.
        """
        predicted, actual = check_tags(self.spec.name, predictions, references)
        rows = []
        for marked, wanted in zip(map(self._entities, predicted), map(self._entities, actual), strict=True):
            rows.append((len(marked & wanted), len(marked), len(wanted)))
        return np.array(rows, dtype=np.float64)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 2 * right / (predicted + actual), 0 where there is no entity; see `Metric.aggregate`."""
        right, entities = totals[..., 0], totals[..., 1] + totals[..., 2]
        scores: NDArray[np.float64] = np.divide(2 * right, entities, out=np.zeros_like(right), where=entities > 0)
        return scores

    def _entities(self, tags: Sequence[Any]) -> set[Entity]:
        for tag in tags:
            if not isinstance(tag, str) or not (tag == "O" or tag.startswith(("B-", "I-"))):
                raise InputError(
                    f"{self.spec.name}: label {tag!r} names no entity; give O, and B-TYPE and I-TYPE such as B-PER"
                )
        return entities(tags)


def entities(tags: Sequence[str]) -> set[Entity]:
    """Return the entities that a row of labels spells out.

    Args:
        tags: one label a word: `O`, or `B-TYPE` or `I-TYPE`.
    """
    spans: set[Entity] = set()
    kind, start = "", 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind and (prefix != "I" or name != kind):
            spans.add((kind, start, i - 1))
            kind = ""
        if name and not kind:
            kind, start = name, i
    return spans
