"""How sure a score is: intervals over examples, paired differences, and the spread over seeds.

Everything works on per-example sufficient statistics and a metric's `aggregate`, so one bootstrap serves every metric,
corpus BLEU included, and no text is scored twice. A resample is a vector of counts (how often each example was drawn),
and its statistics are `counts @ statistics`. Measured on two CPU cores, 10,000 resamples of 10,000
examples took half a second, for a mean as for BLEU, in blocks of 32 MiB of counts.

One example says nothing about other examples: its intervals have no width and its tests report p = 1. `n_examples` is
in every result, so that a reader or a gate can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError

Array = NDArray[np.float64]
Aggregate = Callable[[Array], Array]

MOST_RESAMPLES = 10_000_000
"""More decide nothing that fewer leave open, and fill the memory."""
# Counts held at once: 32 MiB of float64. Blocks hold whole resamples, so their size cannot change a result.
BLOCK_SIZE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value and how sure it is: the base of every such result."""

    value: float
    """In the metric's unit."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    confidence: float
    """Coverage the interval aims at, in (0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapInterval(Interval):
    """A value on the examples as they are, and its percentile bootstrap interval."""

    n_resamples: int
    n_examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapDifference(BootstrapInterval):
    """A minus B on the same examples, with interval and test."""

    p_value: float
    """Two-sided, for no difference; never 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """Scores of one config under several run seeds."""

    n: int
    """Number of seeds."""
    mean: float
    standard_deviation: float | None
    """With n - 1 below; none for one seed."""
    low: float | None
    """Lower end of the t interval of the mean; none for one seed."""
    high: float | None
    """Upper end of the t interval of the mean; none for one seed."""
    confidence: float
    """Coverage the interval aims at, in (0, 1)."""


def bootstrap_interval(
    aggregate: Aggregate, statistics: Array, *, confidence: float = 0.95, n_resamples: int = 1000, seed: int
) -> BootstrapInterval:
    """Return a score with its percentile bootstrap interval over examples.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`.
        statistics: (n_examples, n_statistics), as `Metric.statistics`.
        confidence: coverage the interval aims at.
        n_resamples: how many times examples are drawn with replacement.
        seed: fixes the draws; equal seeds and sizes draw equal examples.

    Raises:
        InputError: there are no examples, a statistic or a resampled value is not finite, or a setting is out of range.

    Source:
        Efron 1979; Koehn 2004, "Statistical significance tests for machine translation evaluation"; matches
        `scipy.stats.bootstrap(method="percentile")` up to the draws.
    """
    _check(confidence, n_resamples, [statistics])
    (values,) = _resampled(aggregate, [statistics], n_resamples, seed)
    low, high = _percentiles(values, confidence)
    return BootstrapInterval(
        value=_value(aggregate, statistics),
        low=low,
        high=high,
        confidence=confidence,
        n_resamples=n_resamples,
        n_examples=len(statistics),
    )


def paired_bootstrap(
    aggregate: Aggregate,
    statistics_a: Array,
    statistics_b: Array,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int,
) -> BootstrapDifference:
    """Return A minus B, both resampled on the same examples each time.

    Args:
        aggregate: as `bootstrap_interval`.
        statistics_a: (n_examples, n_statistics) of A.
        statistics_b: (n_examples, n_statistics) of B, rows in the same order.
        confidence: as `bootstrap_interval`.
        n_resamples: as `bootstrap_interval`.
        seed: as `bootstrap_interval`.

    Raises:
        InputError: as `bootstrap_interval`, or A and B hold different numbers of examples.

    Source:
        Koehn 2004. The p-value counts centred resampled differences at least as large as the observed one, plus 1 above
        and below the line, as sacreBLEU's `significance.py` does after Riezler and Maxwell 2005. Two deliberate
        departures: differences keep their sign before they are centred, and ties count, so equal systems give p = 1.
    """
    _check(confidence, n_resamples, [statistics_a, statistics_b])
    resampled_a, resampled_b = _resampled(aggregate, [statistics_a, statistics_b], n_resamples, seed)
    differences = resampled_a - resampled_b
    value = _value(aggregate, statistics_a) - _value(aggregate, statistics_b)
    n_examples = len(statistics_a)
    low, high = _percentiles(differences, confidence)
    as_far = int((np.abs(differences - differences.mean()) >= abs(value)).sum())
    return BootstrapDifference(
        value=value,
        low=low,
        high=high,
        p_value=(as_far + 1) / (n_resamples + 1) if n_examples > 1 else 1.0,
        confidence=confidence,
        n_resamples=n_resamples,
        n_examples=n_examples,
    )


def seed_summary(values: Sequence[float], *, confidence: float = 0.95) -> SeedSummary:
    """Return mean, standard deviation and Student's t interval of scores under several run seeds.

    Args:
        values: one score per seed.
        confidence: coverage the interval aims at.

    Raises:
        InputError: there are no values, or one is not finite.

    Source:
        Student 1908; `scipy.stats.t`.
    """
    check_confidence(confidence)
    scores = np.asarray(values, dtype=np.float64)
    if scores.size == 0 or not np.isfinite(scores).all():
        raise InputError(f"a summary over seeds needs one finite score per seed, got {list(values)!r}")
    mean = float(scores.mean())
    if scores.size == 1:
        return SeedSummary(n=1, mean=mean, standard_deviation=None, low=None, high=None, confidence=confidence)
    from scipy.stats import t

    deviation = float(scores.std(ddof=1))
    reach = float(t.ppf((1 + confidence) / 2, df=scores.size - 1)) * deviation / math.sqrt(scores.size)
    return SeedSummary(
        n=scores.size,
        mean=mean,
        standard_deviation=deviation,
        low=mean - reach,
        high=mean + reach,
        confidence=confidence,
    )


# --- resampling ------------------------------------------------------------------------------------------------------


def _resampled(aggregate: Aggregate, sides: Sequence[Array], n_resamples: int, seed: int) -> list[Array]:
    """Return (n_resamples,) for each side: its score on every resample, all sides on the same examples."""
    n_examples = len(sides[0])
    generator = np.random.default_rng(seed)
    results = [np.empty(n_resamples) for _ in sides]
    block = max(1, BLOCK_SIZE // n_examples)
    for start in range(0, n_resamples, block):
        stop = min(start + block, n_resamples)
        counts = np.empty((stop - start, n_examples))
        for row in counts:
            row[:] = np.bincount(generator.integers(n_examples, size=n_examples), minlength=n_examples)
        for statistics, result in zip(sides, results, strict=True):
            result[start:stop] = aggregate(counts @ statistics)
    if not all(np.isfinite(result).all() for result in results):
        raise InputError(
            "a resampled score is not finite: some draw of the examples leaves the metric undefined; "
            "score more examples, or a metric that is bounded (loss for perplexity)"
        )
    return results


def _value(aggregate: Aggregate, statistics: Array) -> float:
    return float(aggregate(statistics.sum(axis=0)))


def _percentiles(values: Array, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _check(confidence: float, n_resamples: int, statistics: Sequence[Array]) -> None:
    check_confidence(confidence)
    if n_resamples < 1:
        raise InputError(f"n_resamples is {n_resamples}; give 1 or more (1000 is usual)")
    if n_resamples > MOST_RESAMPLES:
        raise InputError(f"n_resamples is {n_resamples:,}; give {MOST_RESAMPLES:,} or fewer (1000 is usual)")
    check_statistics(statistics)


def check_statistics(statistics: Sequence[Array]) -> None:
    """Refuse arrays that are not per-example statistics of the same examples.

    Args:
        statistics: arrays (n_examples, n_statistics).

    Raises:
        InputError: there is no array, one is empty or has a value that is not finite, or their rows differ in number.
    """
    if not statistics:
        raise InputError("there are no statistics to resample; give one array per seed")
    for array in statistics:
        if array.ndim != 2 or len(array) == 0:
            raise InputError(f"statistics have shape {array.shape}; they must be (n_examples, n_statistics), not empty")
        if len(array) != len(statistics[0]):
            raise InputError(
                f"statistics hold {len(statistics[0])} and {len(array)} examples; both must score the same test rows"
            )
        finite = np.isfinite(array).all(axis=1)
        if not finite.all():
            raise InputError(f"statistics of example {int(finite.argmin())} are not finite; mend or drop that example")


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1), with an InputError."""
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; give a share between 0 and 1, such as 0.95")
