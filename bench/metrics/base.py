"""The one protocol every metric follows, so that one bootstrap and one paired test serve them all.

After sacreBLEU's split (`sacrebleu/metrics/base.py`): a metric turns predictions and references into *per-example
sufficient statistics*, and a pure function turns their sum into the value. Resampling examples then means summing other
rows, never scoring text again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.config.metric import Inputs


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
    """`texts`: predicted and reference strings. `labels`: class numbers. `losses`: summed negative log-likelihood in
    nats as predictions, token counts as references. `generations`: texts as predictions; references are not looked
    at. `styles`: texts as predictions, and the number of the author each is meant to be by as references."""
    source: str
    """The paper, and the library whose value is matched."""


class Metric(Protocol):
    """One configured metric."""

    spec: MetricSpec

    def signature(self) -> str:
        """Return the identity that two scores must share to be compared, such as `bleu|tok:13a|smooth:exp|v:2.6.0`."""
        ...

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return per-example sufficient statistics.

        Args:
            predictions: n_examples values of the kind `spec.inputs` names.
            references: as many references.

        Returns:
            Array (n_examples, n_statistics).

        Raises:
            InputError: the two differ in length, are empty, or hold values of another kind.
        """
        ...

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value that summed statistics stand for.

        Args:
            totals: sums over examples, (..., n_statistics); leading axes are resamples.

        Returns:
            Values (...), in the spec's unit.
        """
        ...
