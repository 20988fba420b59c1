"""Two files of outputs on the same rows, set against each other metric by metric: the other minus the first. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bench.comparing.compare import RIGHT_OR_WRONG, TOO_FEW, MetricComparison
from bench.core.errors import InputError
from bench.metrics.score_files import ScoredMetric
from bench.statistics.differences import mean_difference
from bench.statistics.groups import Groups, sum_within
from bench.statistics.intervals import paired_bootstrap
from bench.statistics.tests import Correction, adjusted, approximate_randomization, mcnemar_exact


def compare_outputs(
    first: Sequence[ScoredMetric],
    other: Sequence[ScoredMetric],
    *,
    groups: Groups | None = None,
    confidence: float = 0.95,
    correction: Correction = "holm",
    n_resamples: int = 2000,
) -> tuple[MetricComparison, ...]:
    """Return a comparison for each metric: `a` is the other, `b` the first, paired row by row.

    The interval lets the rows vary, or groups of them, and says nothing of another training of what made the outputs.

    Args:
        first: every metric on the first file.
        other: the same metrics on the other, of the same rows in the same order.
        groups: (n_examples,) which rows belong together; none where every row stands for itself.
        confidence: coverage the intervals aim at, in (0, 1).
        correction: of the p-values, over all metrics.
        n_resamples: of the bootstrap test beside the interval.

    Raises:
        InputError: a metric scored the two in different ways, or a setting is out of range.
    """
    rows = [
        _row(ours, theirs, groups, confidence=confidence, n_resamples=n_resamples)
        for ours, theirs in zip(other, first, strict=True)
    ]
    known = iter(adjusted([row.difference.p_value for row in rows if row.difference is not None], correction))
    return tuple(replace(row, p_adjusted=None if row.difference is None else next(known)) for row in rows)


def _row(
    a: ScoredMetric, b: ScoredMetric, groups: Groups | None, *, confidence: float, n_resamples: int
) -> MetricComparison:
    name, aggregate = a.metric.spec.name, a.metric.aggregate
    if a.score.signature != b.score.signature:
        raise InputError(
            f"{name}: the two files were scored in different ways, {a.score.signature} and {b.score.signature}; "
            "name the options that differ, such as the tokenizer"
        )
    sums_a, sums_b = (sum_within(side.statistics, groups) for side in (a, b))
    difference = mean_difference(aggregate, {0: sums_a}, {0: sums_b}, pair_seeds=False, confidence=confidence)
    is_known = math.isfinite(difference.low) and math.isfinite(difference.high)
    p_values = {}
    if is_known:
        p_values["bootstrap"] = paired_bootstrap(aggregate, sums_a, sums_b, n_resamples=n_resamples, seed=0).p_value
        p_values["approximate randomization"] = approximate_randomization(aggregate, sums_a, sums_b, seed=0)
        if name in RIGHT_OR_WRONG and groups is None:
            p_values["McNemar"] = mcnemar_exact(sums_a[:, 0] > 0, sums_b[:, 0] > 0)
    return MetricComparison(
        metric=name,
        unit=a.score.unit,
        higher_is_better=a.score.higher_is_better,
        signature=a.score.signature,
        a=a.score.value,
        b=b.score.value,
        difference=difference if is_known else None,
        why=None if is_known else TOO_FEW,
        p_values=p_values,
        p_adjusted=None,
        noise=None,
        counts="example" if groups is None else "group",
    )
