"""Which differences rest on right and wrong answers alone: there rows that agree prove no more than they can. Pure."""

from __future__ import annotations

import numpy as np

from bench import metrics
from bench.comparing.side import Side


def rests_on_decisions(metric: str, a: Side, b: Side) -> bool:
    """Return whether all that two sides show of a metric is which answers were right.

    Answers that agree are weak evidence that two models are alike: few rows may miss the ones on which they differ. But
    where something finer than right and wrong, such as the loss of each row, agrees to the last digit on every row of
    every seed, the models are the same, and no rows are needed to say so. Answers that are all right, or all wrong,
    stay what they are: there a model that lost much may look no different.

    Args:
        metric: that both sides have statistics of, of equal shape.
        a: one side.
        b: the other.
    """
    return metrics.spec_or_name(metric).counts_decisions and not _is_same_model(metric, a, b)


def _is_same_model(metric: str, a: Side, b: Side) -> bool:
    shared = sorted(set(a.seeds) & set(b.seeds))
    if len(shared) < min(len(a.seeds), len(b.seeds)) or _is_saturated(metric, a, b):
        return False
    for seed in shared:
        ours, theirs = a.statistics[seed], b.statistics[seed]
        if not np.array_equal(ours[metric], theirs[metric]):
            return False
        finer = [name for name in ours if name in theirs and not _counts(ours[name])]
        if not finer or not all(np.array_equal(ours[name], theirs[name]) for name in finer):
            return False
    return True


def _is_saturated(metric: str, a: Side, b: Side) -> bool:
    """Return whether every seed of both sides has the best score there is, or the worst."""
    spec = metrics.spec(metric)
    values = {*a.values(metric).values(), *b.values(metric).values()}
    return values in ({spec.low}, {spec.high})


def _counts(statistics: np.ndarray) -> bool:
    return bool((statistics == np.round(statistics)).all())
