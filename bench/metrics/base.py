"""The one base class of every metric, so that one bootstrap and one paired test serve them all.

After sacreBLEU's split (`sacrebleu/metrics/base.py`): a metric turns predictions and references into *per-example
sufficient statistics*, and a pure function turns their sum into the value. Resampling examples then means summing other
rows, never scoring text again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bench.config.inputs import Inputs
from bench.core.schema import Strict
from bench.metrics.resources import NO_RESOURCES, Need, Resources
from bench.records.score import Note


class NoOptions(Strict):
    """The metric has no options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """What a metric is, for people and for comparisons."""

    name: str
    """The key under `[metrics]`."""
    title: str
    """How a table shows it, such as `ROUGE-1`."""
    unit: str
    """What the value counts, such as `fraction` or `points`."""
    low: float
    """Least possible value."""
    high: float
    """Greatest possible value; may be infinite."""
    higher_is_better: bool
    """Direction."""
    inputs: Inputs
    """What it reads; see `bench.config.metric.Inputs`."""
    source: str
    """The paper, and the library whose value is matched."""
    counts_decisions: bool = False
    """Whether the value is made of counts of right and wrong answers, so that rows that agree prove no more than they
    can (`bench.statistics.decisions`)."""


class Metric(ABC):
    """One configured metric.

    `statistics` may read what `needs` names, opened, from `resources`. `aggregate` reads spec and options alone (a
    style metric also its judge's stored summary), so that what is stored can be aggregated where no model is.
    """

    Options: ClassVar[type[Strict]] = NoOptions
    """Type of its options, the keys of `[metrics.<name>.options]`."""
    identity_is_best: ClassVar[bool] = False
    """Whether predictions that equal their references get the best value; a user's metric is held to it."""
    needs: ClassVar[frozenset[Need]] = frozenset()
    """What `statistics` reads beside predictions and references."""

    def __init__(self, spec: MetricSpec, options: Any, resources: Resources = NO_RESOURCES) -> None:
        self.spec = spec
        self.options = options
        self.resources = resources

    def check(self) -> None:
        """Refuse options or resources that do not go together; called once before the metric scores anything.

        Raises:
            InputError: they do not.
        """
        return

    def check_stored(self) -> None:
        """Refuse to aggregate stored statistics without what the record should say of them.

        Raises:
            InputError: it does not say it.
        """
        return

    def check_references(self, references: Sequence[Any]) -> None:
        """Refuse references that the metric would refuse to score, before a model is trained for them.

        Args:
            references: of a metric on texts, as `statistics` takes them.

        Raises:
            InputError: there is such a reference.
        """
        return

    @abstractmethod
    def signature(self) -> str:
        """Return the identity that two scores must share to be compared, such as `bleu|tok:13a|smooth:exp|v:2.6.0`."""

    @abstractmethod
    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return per-example sufficient statistics.

        Args:
            predictions: n_examples values of the kind `spec.inputs` names.
            references: as many references; of a text a text, or several.

        Returns:
            Array (n_examples, n_statistics).

        Raises:
            InputError: the two differ in length, are empty, or hold values of another kind.
        """

    def settled(self, predictions: Sequence[Any], references: Sequence[Any]) -> Self:
        """Return the metric with every choice made that hangs on the references, such as `auto` tokenizers.

        What is chosen is in its signature. `statistics` chooses the same by itself.

        Args:
            predictions: as `statistics` takes them.
            references: as `statistics` takes them.

        Raises:
            InputError: as `statistics`.
        """
        return self

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return what a reader of the score should know of these texts, with counts; called after `statistics`.

        Texts that were cut, words that are unknown, letters that a tokenizer drops: whatever changes a value silently.

        Args:
            predictions: as `statistics` had them, and accepted them.
            references: as `statistics` had them.
        """
        return ()

    @abstractmethod
    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value that summed statistics stand for.

        Args:
            totals: sums over examples, (..., n_statistics); leading axes are resamples.

        Returns:
            Values (...), in the spec's unit.
        """


class MeanMetric(Metric):
    """A metric that is a mean: its statistics are (n_examples, 2), sums and weights."""

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return sum / weight; see `Metric.aggregate`."""
        return mean_of(totals)


def mean_statistics(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (n_examples, 2): the value of each example, and 1 for the example itself."""
    column = np.asarray(values, dtype=np.float64)
    return np.stack([column, np.ones_like(column)], axis=1)


def mean_of(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sum / count, from totals (..., 2) to values (...)."""
    means: NDArray[np.float64] = totals[..., 0] / totals[..., 1]
    return means


def signature_of(name: str, **parts: str | int | bool) -> str:
    """Return `name|key:value|...`; truth values read `yes` and `no`."""
    texts = {key: ("yes" if value else "no") if isinstance(value, bool) else value for key, value in parts.items()}
    return "|".join([name, *(f"{key}:{value}" for key, value in texts.items())])
