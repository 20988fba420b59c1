"""Scores that count right answers: what rows that all agree can rule out.

Thirty rows that are right on both sides vary by nothing, and a standard error of 0 would call the two sides equal for
certain. But a side that is wrong once in twenty gets thirty rows right every fifth time. So the variance that a
difference of `delta` would have is never taken to be less than `delta` (1 - `delta`) / n: the least that n rows can
have where one side is right and the other wrong on a share `delta` of them.
"""

from __future__ import annotations

import math


def least_variance(delta: float, n_examples: int) -> float:
    """Return the least variance of a difference of two shares of right answers, were the true difference `delta`.

    Args:
        delta: the true difference, in [-1, 1].
        n_examples: rows, or groups of rows, that both sides answered; at least 1.

    Source:
        Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
        design": the variance at the hypothesis, at its least over the share of rows on which the sides differ.
    """
    size = min(abs(delta), 1.0)
    return size * (1 - size) / n_examples


def upper_end(value: float, error: float, quantile: float, n_examples: int) -> float:
    """Return the largest true difference that is not rejected.

    Args:
        value: the difference found.
        error: its standard error, from what rows and seeds show; 0 where nothing varies.
        quantile: of the standardised difference, above 0: the interval's reach in standard errors.
        n_examples: as in `least_variance`.

    Returns:
        The greater of `value` + `quantile` * `error` and the score end: the larger root of
        (delta - value)^2 = quantile^2 * delta (1 - delta) / n.
    """
    end = value + quantile * error
    k = quantile**2 / n_examples
    square = k * (k + 4 * value * (1 - value))
    if end < 0 or square < 0:
        return end
    return max(end, min((2 * value + k + math.sqrt(square)) / (2 * (1 + k)), 1.0))
