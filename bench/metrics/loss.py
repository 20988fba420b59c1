"""Cross-entropy per token, and perplexity: its exponential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import MeanMetric, MetricSpec, mean_of, signature_of
from bench.metrics.inputs import check_losses

SPECS = {
    "loss": MetricSpec(
        name="loss",
        title="Loss",
        unit="nats per token",
        low=0.0,
        high=float("inf"),
        higher_is_better=False,
        inputs="losses",
        source="mean negative log-likelihood: sum over all tokens / number of tokens; torch cross_entropy",
    ),
    "perplexity": MetricSpec(
        name="perplexity",
        title="Perplexity",
        unit="perplexity",
        low=1.0,
        high=float("inf"),
        higher_is_better=False,
        inputs="losses",
        source="Jelinek et al. 1977; exp(sum of negative log-likelihood / number of tokens)",
    ),
}


class Loss(MeanMetric):
    """Mean over tokens, so that a long example weighs more than a short one."""

    def signature(self) -> str:
        """Return for instance `loss|mean:token|log:e`."""
        return signature_of(self.spec.name, mean="token", log="e")

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): summed negative log-likelihood in nats, and tokens; see `Metric.statistics`."""
        return np.stack(check_losses(self.spec.name, predictions, references), axis=1)


class Perplexity(Loss):
    """Exponential of the loss; infinite where the loss passes 709 nats per token."""

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return exp(nats per token); see `Metric.aggregate`."""
        with np.errstate(over="ignore"):
            perplexity: NDArray[np.float64] = np.exp(mean_of(totals))
        return perplexity
