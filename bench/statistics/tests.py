"""Tests that pair examples, and p-values adjusted for being many.

Paired tests ask whether two systems differ on the same examples; how much they differ, with an interval, is
`bench.statistics.differences`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError, suggest
from bench.statistics.differences import ROUNDING
from bench.statistics.intervals import BLOCK_SIZE, Aggregate, Array, check_statistics

Correction = Literal["holm", "benjamini-hochberg", "none"]


def approximate_randomization(
    aggregate: Aggregate, statistics_a: Array, statistics_b: Array, *, n_trials: int = 10_000, seed: int
) -> float:
    """Return the two-sided p-value that swapping the sides' rows at random gives a difference at least as large.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`.
        statistics_a: (n_examples, n_statistics) of A.
        statistics_b: (n_examples, n_statistics) of B, rows in the same order.
        n_trials: how many random sets of rows are swapped.
        seed: fixes the swaps.

    Returns:
        (trials at least as far + 1) / (n_trials + 1), in (0, 1]; equal sides give 1.

    Raises:
        InputError: n_trials is below 1, statistics are unlike or not finite, or a swap leaves the metric undefined.

    Source:
        Noreen 1989; Riezler and Maxwell 2005, "On some pitfalls in automatic evaluation and significance testing for
        MT"; sacreBLEU's `_paired_ar_test`, in which ties do not count. Here they do: they are as far as was observed.
    """
    if n_trials < 1:
        raise InputError(f"n_trials is {n_trials}; give 1 or more (10000 is usual)")
    check_statistics([statistics_a, statistics_b])
    middle = (statistics_a + statistics_b).sum(axis=0) / 2  # (n_statistics,)
    halves = (statistics_a - statistics_b) / 2  # (n_examples, n_statistics)
    halves = halves[halves.any(axis=1)]  # swapping equal rows changes nothing
    if not len(halves):
        return 1.0
    value_a, value_b = (float(aggregate(middle + sign * halves.sum(axis=0))) for sign in (1, -1))
    least = abs(value_a - value_b) - ROUNDING * (abs(value_a) + abs(value_b))
    generator, as_far = np.random.default_rng(seed), 0
    block = max(1, BLOCK_SIZE // len(halves))
    for start in range(0, n_trials, block):
        shape = (min(block, n_trials - start), len(halves))
        swings = np.where(generator.random(shape) < 0.5, -1.0, 1.0) @ halves  # (block, n_statistics)
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.abs(aggregate(middle + swings) - aggregate(middle - swings))
        if not np.isfinite(distances).all():
            raise InputError("a score is not finite after a swap of rows; score a metric that is bounded")
        as_far += int((distances >= least).sum())
    return (as_far + 1) / (n_trials + 1)


def mcnemar_exact(right_a: Sequence[bool] | NDArray[np.bool_], right_b: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value that A and B are right equally often.

    Args:
        right_a: (n_examples,) whether A is right, as truth values or 0 and 1.
        right_b: (n_examples,) whether B is, on the same examples in the same order.

    Returns:
        The p-value in (0, 1]; 1 where the two are right on the same examples.

    Raises:
        InputError: the two differ in length, are empty, or hold other values.

    Source:
        McNemar 1947; `scipy.stats.binomtest` on the examples on which one alone is right.
    """
    from scipy.stats import binomtest

    a, b = np.asarray(right_a), np.asarray(right_b)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise InputError(
            f"McNemar's test got shapes {a.shape} and {b.shape}; give one truth value an example for either side"
        )
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise InputError("McNemar's test is about right and wrong; give truth values, or 0 and 1")
    only_a, only_b = int((a > b).sum()), int((b > a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def adjusted(p_values: Sequence[float], method: Correction) -> list[float]:
    """Return p-values adjusted for being many, in the order given.

    Args:
        p_values: each in [0, 1].
        method: `holm` bounds the chance of any false finding, `benjamini-hochberg` the share of false ones among the
            findings, `none` leaves them as they are.

    Raises:
        InputError: a p-value is outside [0, 1], or the method is unknown.

    Source:
        Holm 1979; Benjamini and Hochberg 1995, `scipy.stats.false_discovery_control`.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise InputError(f"a p-value is {p_value}; it must lie between 0 and 1")
    given = np.asarray(p_values, dtype=np.float64)
    if method == "none" or not given.size:
        return list(p_values)
    if method == "benjamini-hochberg":
        from scipy.stats import false_discovery_control

        rates: list[float] = false_discovery_control(given, method="bh").tolist()
        return rates
    if method != "holm":
        raise InputError(f"correction is {method!r}{suggest(str(method), get_args(Correction))}")
    return _stepped_down(given, np.arange(given.size, 0, -1))


def adjusted_pairs(p_values: Sequence[float], n_methods: int) -> list[float]:
    """Return p-values of pairs of methods adjusted for being many, in the order given.

    As Holm's, with what is known of pairs: once one of all pairs among n differs, the others cannot all be equal. Of
    four methods, 6 pairs, at most 3 are then equal. The chance of any false finding stays bounded, and more is found.

    Args:
        p_values: each in [0, 1], of different pairs, all there are or some of them.
        n_methods: how many methods they are of.

    Raises:
        InputError: a p-value is outside [0, 1], or there are more of them than pairs.

    Source:
        Shaffer 1986, "Modified sequentially rejective multiple test procedures", procedure S1 with the table of its
        section 3 by recursion.
    """
    adjusted(p_values, "none")
    n_pairs, n_tests = n_methods * (n_methods - 1) // 2, len(p_values)
    if n_tests > n_pairs:
        raise InputError(f"{n_tests} p-values are given, and {n_methods} methods have {n_pairs} pairs")
    possible = sorted(_numbers_of_equal_pairs(n_methods))
    factors = [
        min(n_tests - n_different, possible[bisect_right(possible, n_pairs - n_different) - 1])
        for n_different in range(n_tests)
    ]
    return _stepped_down(np.asarray(p_values, dtype=np.float64), np.maximum(factors, 1))


@cache
def _numbers_of_equal_pairs(n_methods: int) -> frozenset[int]:
    """Return how many pairs can be equal at once: those within groups of equal methods, over all ways to group them."""
    if n_methods < 2:
        return frozenset({0})
    return frozenset(
        first * (first - 1) // 2 + rest
        for first in range(1, n_methods + 1)
        for rest in _numbers_of_equal_pairs(n_methods - first)
    )


def _stepped_down(p_values: Array, factors: NDArray[np.int64]) -> list[float]:
    """Return p-values raised by a factor each, the least p by the first factor, and never below one that was less."""
    order = np.argsort(p_values)
    result = np.empty_like(p_values)
    result[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return [float(value) for value in result]
