"""How large a difference is, with one interval over examples and seeds.

Two things move a score: which examples were scored, and which seed trained the model. All seeds score the same
examples, so the two are crossed, as readers and cases are in a study of radiologists. `mean_difference` is the analysis
that such studies settled on: jackknife the metric over examples, split the variance in two, and give each part the
degrees of freedom it has. It draws nothing, so equal statistics give equal answers. docs/calibration.md shows how far
its intervals keep what they promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from bench.core.errors import InputError
from bench.statistics.intervals import Aggregate, Array, Interval, check_confidence, check_statistics

# A spread below this share of the scores is rounding: 1e6 examples leave about 1e-13.
ROUNDING = 1e-12
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanDifference(Interval):
    """Mean score of A over its seeds minus that of B, with an interval and the variances behind it.

    The ends are infinite where nothing is known of the spread.
    """

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
    """Seeds of A that the value is of: where seeds are paired, the shared ones alone."""
    n_seeds_b: int
    """As `n_seeds_a`, of B."""
    paired_seeds: bool
    """Seeds are set against each other number by number: the caller asked for it, and at least two are shared."""


def mean_difference(
    aggregate: Aggregate, a: Mapping[int, Array], b: Mapping[int, Array], *, pair_seeds: bool, confidence: float = 0.95
) -> MeanDifference:
    """Return mean score of A minus mean score of B, and how far other examples and other seeds could move it.

    With V_e the variance by examples, V_s that by seeds, and V_i the interaction that both hold, the variance of the
    value is V_s + max(V_e - V_i, 0), or V_e where that is more: few seeds may happen to agree, and that makes nothing
    more certain than these very models are. Each term brings its degrees of freedom.

    Pairing seeds costs degrees of freedom, and wins what two runs of one number share. Whether they share anything is
    known to the caller, so it is the caller's choice (`bench.comparing.pairing.pairs_seeds`), never made by what the
    scores say. Paired are the numbers that both sides have, if at least two; a number that one side alone has is left
    out, since nothing stands against it: of seeds 0-2 beside 0-4 the difference is that of 0-2 on both sides. Otherwise
    all seeds count, the sides are independent, and a side of one seed is taken to spread as the other does. One seed on
    both sides leaves V_e alone.

    Where nothing varies, equal sides give [0, 0] and p = 1. A difference that is the same on all n examples has the p
    of its sign, 2 / 2**n, and no width; where that p does not exclude 0, and for one example, the interval is infinite.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`; smooth in the totals.
        a: seed number -> (n_examples, n_statistics), as `Metric.statistics`.
        b: the same for B, of the same examples in the same order.
        pair_seeds: set runs of one seed number against each other, where two numbers or more are shared.
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
    a, b, paired = _seeds_that_count(a, b, pair_seeds=pair_seeds)
    return _from_influences(_side(aggregate, a), _side(aggregate, b), paired=paired, confidence=confidence)


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


def seed_difference(
    a: Mapping[int, float], b: Mapping[int, float], *, pair_seeds: bool, confidence: float = 0.95
) -> MeanDifference:
    """Return mean of A minus mean of B over seeds alone: for scores whose statistics are not stored.

    Args:
        a: seed number -> score.
        b: the same for B.
        pair_seeds: as in `mean_difference`.
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
    used_a, used_b, paired = _seeds_that_count(a, b, pair_seeds=pair_seeds)
    values_a, values_b = (
        np.array([side[seed] for seed in sorted(side)], dtype=np.float64) for side in (used_a, used_b)
    )
    if not (np.isfinite(values_a).all() and np.isfinite(values_b).all()):
        raise InputError(f"a difference over seeds needs finite scores, got {dict(a)!r} and {dict(b)!r}")
    variance, freedom = math.inf, 0.0
    if len(values_a) > 1 or len(values_b) > 1:
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


def _seeds_that_count(
    a: Mapping[int, _T], b: Mapping[int, _T], *, pair_seeds: bool
) -> tuple[Mapping[int, _T], Mapping[int, _T], bool]:
    """Return what of each side the difference is made of, and whether seeds are paired; see `mean_difference`."""
    shared = sorted(set(a) & set(b))
    if not pair_seeds or len(shared) < 2:
        return a, b, False
    return {seed: a[seed] for seed in shared}, {seed: b[seed] for seed in shared}, True


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
