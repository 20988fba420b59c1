"""Is a difference real: one interval over examples and seeds, tests that pair examples, and many tests at once.

Two things move a score: which examples were scored, and which seed trained the model. All seeds score the same
examples, so the two are crossed, as readers and cases are in a study of radiologists. `mean_difference` is the analysis
that such studies settled on: jackknife the metric over examples, split the variance in two, and give each part the
degrees of freedom it has. It draws nothing, so equal statistics give equal answers. docs/calibration.md shows how far
its intervals keep what they promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError, suggest
from bench.statistics.intervals import BLOCK_SIZE, Aggregate, Array, check_confidence, check_statistics

Correction = Literal["holm", "benjamini-hochberg", "none"]

# A spread below this share of the scores is rounding: 1e6 examples leave about 1e-13.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanDifference:
    """Mean score of A over its seeds minus that of B, with an interval and the variances behind it."""

    value: float
    """In the metric's unit."""
    low: float
    """Lower end; minus infinity where nothing is known of the spread."""
    high: float
    """Upper end; infinity where nothing is known of the spread."""
    confidence: float
    """Coverage the interval aims at, in (0, 1)."""
    p_value: float
    """Two-sided, for no difference; below 1 - confidence just where the interval excludes 0."""
    over: Literal["examples", "seeds", "both"]
    """What the interval would let vary. `examples`: it is about these trained models, not about training again."""
    standard_error: float
    """Of the value; infinite where nothing is known of the spread."""
    degrees_of_freedom: float
    """Of the standard error; 0 where nothing is known of the spread."""
    variance_examples: float
    """Of the value, by the spread over examples; includes `variance_interaction`."""
    variance_seeds: float
    """Of the value, by the spread over seeds; includes `variance_interaction`; 0 where no side has two seeds."""
    variance_interaction: float = 0.0
    """The part that is in both: seeds differing at random, example by example."""
    n_examples: int
    """0 where only seeds were looked at."""
    n_seeds_a: int
    n_seeds_b: int
    paired_seeds: bool
    """Both sides have the same seed numbers, and at least two."""


# --- the interval ----------------------------------------------------------------------------------------------------


def mean_difference(
    aggregate: Aggregate, a: Mapping[int, Array], b: Mapping[int, Array], *, confidence: float = 0.95
) -> MeanDifference:
    """Return mean score of A minus mean score of B, and how far other examples and other seeds could move it.

    With V_e the variance by examples, V_s that by seeds, and V_i the interaction that both hold, the variance of the
    value is V_s + max(V_e - V_i, 0), or V_e where that is more: few seeds may happen to agree, and that makes nothing
    more certain than these very models are. Each term brings its degrees of freedom. Seeds are paired where both sides
    have the same numbers: that costs degrees of freedom, and wins what two runs of one number share. Otherwise the
    sides are independent, and a side of one seed is taken to spread as the other does. One seed on both sides leaves
    V_e alone.

    Where nothing varies, equal sides give [0, 0] and p = 1. A difference that is the same on all n examples has the p
    of its sign, 2 / 2**n, and no width; where that p does not exclude 0, and for one example, the interval is infinite.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`; smooth in the totals.
        a: seed number -> (n_examples, n_statistics), as `Metric.statistics`.
        b: the same for B, of the same examples in the same order.
        confidence: coverage the interval aims at, in (0, 1).

    Raises:
        InputError: a side has no seed, statistics are unlike or not finite, or the metric is undefined without some
            example.

    Source:
        Dorfman, Berbaum and Metz 1992, "Receiver operating characteristic rating analysis" (pseudovalues of readers x
        cases); Hillis 2007, "A comparison of denominator degrees of freedom methods for multiple observer ROC
        analysis", for the variance and its degrees of freedom, to which V_e as least value and n - 1 are added here;
        Satterthwaite 1946; Welch 1947; Crawford and Howell 1998 for one against several. Why both sources of noise:
        Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks"; why crossed: Owen and
        Eckles 2012, "Bootstrapping data arrays of arbitrary order".
    """
    check_confidence(confidence)
    if not a or not b:
        raise InputError("a difference needs at least one seed on either side")
    check_statistics([*a.values(), *b.values()])
    return _from_influences(_side(aggregate, a), _side(aggregate, b), paired=_paired(a, b), confidence=confidence)


def mean_score(aggregate: Aggregate, by_seed: Mapping[int, Array], *, confidence: float = 0.95) -> MeanDifference:
    """Return the mean score over seeds, and how far other examples and other seeds could move it.

    It is the difference from a side that scores 0 whatever the example and seed, so all of `mean_difference` holds.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`; smooth in the totals.
        by_seed: seed number -> (n_examples, n_statistics), as `Metric.statistics`.
        confidence: coverage the interval aims at, in (0, 1).

    Raises:
        InputError: there is no seed, statistics are unlike or not finite, or the metric is undefined without some
            example.
    """
    check_confidence(confidence)
    if not by_seed:
        raise InputError("a mean score needs at least one seed")
    check_statistics([*by_seed.values()])
    values, influences = _side(aggregate, by_seed)
    zero = np.zeros_like(values), np.zeros_like(influences)
    return _from_influences((values, influences), zero, paired=len(values) > 1, confidence=confidence)


def _from_influences(
    a: tuple[Array, Array], b: tuple[Array, Array], *, paired: bool, confidence: float
) -> MeanDifference:
    """Return the difference of two sides, each as `_side` has them."""
    (values_a, influences_a), (values_b, influences_b) = a, b
    n_examples = influences_a.shape[1]
    by_example = influences_a.mean(axis=0) - influences_b.mean(axis=0)  # (n_examples,)
    variance_examples = float(by_example.var(ddof=1)) / n_examples if n_examples > 1 else math.inf
    seeds, interaction, freedom = 0.0, 0.0, 0.0
    if len(values_a) > 1 or len(values_b) > 1:
        seeds, freedom = _over_seeds(_variance, values_a, values_b, paired=paired)
        if n_examples > 1:
            interaction, _ = _over_seeds(_residual_variance, influences_a, influences_b, paired=paired)
    return _difference(
        values_a,
        values_b,
        confidence=confidence,
        over="both" if freedom else "examples",
        variances=(variance_examples, seeds, interaction),
        seed_freedom=freedom,
        n_examples=n_examples,
        paired=paired,
    )


def seed_difference(a: Mapping[int, float], b: Mapping[int, float], *, confidence: float = 0.95) -> MeanDifference:
    """Return mean of A minus mean of B over seeds alone: for scores whose statistics are not stored.

    Args:
        a: seed number -> score.
        b: the same for B; paired where the numbers are the same, as in `mean_difference`.
        confidence: coverage the interval aims at, in (0, 1).

    Raises:
        InputError: a side has no seed, or a score is not finite.

    Source:
        `scipy.stats.ttest_1samp` on paired differences, else Welch 1947; Crawford and Howell 1998 for one against
        several.
    """
    check_confidence(confidence)
    if not a or not b:
        raise InputError("a difference needs at least one seed on either side")
    values_a, values_b = (np.array([side[seed] for seed in sorted(side)], dtype=np.float64) for side in (a, b))
    if not (np.isfinite(values_a).all() and np.isfinite(values_b).all()):
        raise InputError(f"a difference over seeds needs finite scores, got {dict(a)!r} and {dict(b)!r}")
    paired = _paired(a, b)
    variance, freedom = math.inf, 0.0
    if len(a) > 1 or len(b) > 1:
        variance, freedom = _over_seeds(_variance, values_a, values_b, paired=paired)
    return _difference(
        values_a,
        values_b,
        confidence=confidence,
        over="seeds",
        variances=(0.0, variance, 0.0),
        seed_freedom=freedom,
        n_examples=0,
        paired=paired,
    )


def combined(
    examples: float, seeds: float, interaction: float, *, n_examples: int, seed_freedom: float
) -> tuple[float, float]:
    """Return variance and degrees of freedom of a difference from its parts.

    Args:
        examples: variance of the value by examples, as in `MeanDifference`.
        seeds: variance of the value by seeds.
        interaction: what both hold.
        n_examples: 0 where only seeds were looked at.
        seed_freedom: degrees of freedom of `seeds`; 0 where it is not known, and then `examples` is all there is.

    Source:
        Hillis 2007; Satterthwaite 1946.
    """
    if not seed_freedom:
        return examples + seeds, max(n_examples - 1, 0)
    if math.isinf(examples):
        return examples, 0.0
    rest = max(examples - interaction, 0.0)
    variance = max(seeds + rest, examples)
    most = seed_freedom + max(n_examples - 1, 0)
    below = seeds**2 / seed_freedom + (rest**2 / (n_examples - 1) if n_examples > 1 else 0.0)
    return variance, min(variance**2 / below, most) if below else most


def _side(aggregate: Aggregate, by_seed: Mapping[int, Array]) -> tuple[Array, Array]:
    """Return the score of each seed (n_seeds,), and what each example adds to it (n_seeds, n_examples).

    That is its pseudovalue less the score: (n - 1) * (score - score without the example). Of a mean it is the
    example's own distance from the mean.
    """
    values, influences = [], []
    for seed in sorted(by_seed):
        statistics = by_seed[seed]
        totals = statistics.sum(axis=0)
        value = float(aggregate(totals))
        influence = np.zeros(1)
        if len(statistics) > 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                influence = (len(statistics) - 1) * (value - aggregate(totals - statistics))
        if not (math.isfinite(value) and np.isfinite(influence).all()):
            raise InputError(
                f"seed {seed}: the score is not finite, or not without example {int(np.isfinite(influence).argmin())}; "
                "score more examples, or a metric that is bounded (loss for perplexity)"
            )
        values.append(value)
        influences.append(influence)
    return np.array(values), np.stack(influences)


def _paired(a: Mapping[int, object], b: Mapping[int, object]) -> bool:
    return set(a) == set(b) and len(a) > 1


def _variance(values: Array) -> float:
    """Return the variance over seeds of (n_seeds,)."""
    return float(values.var(ddof=1))


def _residual_variance(influences: Array) -> float:
    """Return the variance over seeds that is due to examples alone: the residual mean square over n_examples."""
    n_seeds, n_examples = influences.shape
    residuals = influences - influences.mean(axis=0) - influences.mean(axis=1, keepdims=True) + influences.mean()
    return float((residuals**2).sum() / ((n_seeds - 1) * (n_examples - 1) * n_examples))


def _over_seeds(spread: Callable[[Array], float], a: Array, b: Array, *, paired: bool) -> tuple[float, float]:
    """Return the variance of mean(a) - mean(b) over seeds, and its degrees of freedom.

    Args:
        spread: the variance among at least two seeds.
        a: (n_seeds_a, ...).
        b: (n_seeds_b, ...); one side at least has two seeds.
        paired: seeds of the two sides belong together, in order.
    """
    n_a, n_b = len(a), len(b)
    if paired:
        return spread(a - b) / n_a, n_a - 1.0
    if n_a == 1 or n_b == 1:
        several = a if n_a > 1 else b
        return spread(several) * (1 / n_a + 1 / n_b), len(several) - 1
    u, v = spread(a) / n_a, spread(b) / n_b
    if u + v == 0:
        return 0.0, n_a + n_b - 2
    return u + v, (u + v) ** 2 / (u**2 / (n_a - 1) + v**2 / (n_b - 1))


def _difference(
    a: Array,
    b: Array,
    *,
    confidence: float,
    over: Literal["examples", "seeds", "both"],
    variances: tuple[float, float, float],
    seed_freedom: float,
    n_examples: int,
    paired: bool,
) -> MeanDifference:
    from scipy.special import stdtr, stdtrit

    value = float(a.mean() - b.mean())
    examples, seeds, interaction = variances
    variance, freedom = combined(examples, seeds, interaction, n_examples=n_examples, seed_freedom=seed_freedom)
    error = math.sqrt(variance)
    rounding = ROUNDING * float(np.abs([*a, *b]).max())
    if math.isinf(error):
        reach, p_value = math.inf, 1.0
    elif error <= rounding:
        same = abs(value) <= rounding
        p_value = 1.0 if same else 2.0 ** (1 - (n_examples or min(len(a), len(b))))
        reach = 0.0 if same or p_value < 1 - confidence else math.inf
    else:
        reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
        p_value = 2 * float(stdtr(freedom, -abs(value) / error))
    return MeanDifference(
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=confidence,
        p_value=p_value,
        over=over,
        standard_error=error,
        degrees_of_freedom=freedom,
        variance_examples=examples,
        variance_seeds=seeds,
        variance_interaction=interaction,
        n_examples=n_examples,
        n_seeds_a=len(a),
        n_seeds_b=len(b),
        paired_seeds=paired,
    )


# --- tests that pair examples ----------------------------------------------------------------------------------------


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


# --- many tests at once ----------------------------------------------------------------------------------------------


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

        found: list[float] = false_discovery_control(given, method="bh").tolist()
        return found
    if method != "holm":
        raise InputError(f"correction is {method!r}{suggest(str(method), get_args(Correction))}")
    order = np.argsort(given)
    raised = given[order] * np.arange(given.size, 0, -1)
    result = np.empty_like(given)
    result[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return [float(value) for value in result]
