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
from typing import Literal

import numpy as np

from bench.core.errors import InputError
from bench.statistics.decisions import least_variance, upper_end
from bench.statistics.intervals import Aggregate, Array, Interval, check_confidence
from bench.statistics.jackknife import Jackknife, jackknife
from bench.statistics.spread import SeedSpread

# A spread below this share of the scores is rounding: 1e6 examples leave about 1e-13.
ROUNDING = 1e-12


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
    of_decisions: bool = False
    """A difference of shares of right answers, whose variance at a true difference has a least value
    (`bench.statistics.decisions`)."""
    paired_seeds: bool
    """Seeds are set against each other number by number: the caller asked for it, and at least two are shared."""

    def p_at_most(self, margin: float, *, sign: Literal[1, -1] = 1) -> float:
        """Return the one-sided p-value of `sign` times the true difference being at most the margin.

        Args:
            margin: in the metric's unit; below 0 to ask whether it falls short by no more than that.
            sign: -1 turns the difference, so that it is B minus A.
        """
        excess, n_draws = sign * self.value - margin, self.n_examples or min(self.n_seeds_a, self.n_seeds_b)
        if math.isinf(self.standard_error):
            return 1.0
        variance = self.variance_at(margin)
        if variance == 0 or (self.low == self.high and not self.of_decisions):  # nothing varies: coins that agree
            return 2.0**-n_draws if excess > 0 else 1.0
        from scipy.special import stdtr

        return float(stdtr(self.degrees_of_freedom, -excess / math.sqrt(variance)))

    def variance_at(self, delta: float) -> float:
        """Return the variance of the value, were the true difference `delta`."""
        least = least_variance(delta, self.n_examples) if self.of_decisions else 0.0
        return max(self.standard_error**2, least)


def mean_difference(
    aggregate: Aggregate,
    a: Mapping[int, Array],
    b: Mapping[int, Array],
    *,
    pair_seeds: bool,
    spread: SeedSpread | None = None,
    decisions: bool = False,
    confidence: float = 0.95,
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
        spread: what a family of three methods or more shows of the luck of seeds, where A and B are two of it: without
            it a family of many pairs finds differences that are not there (`bench.statistics.spread`). Seeds that are
            paired do without.
        decisions: the metric is a share of right answers, and rows that agree prove no more than they can
            (`bench.statistics.decisions`).
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
    if not a or not b:
        raise InputError("a difference needs at least one seed on either side")
    return difference(
        jackknife(aggregate, a),
        jackknife(aggregate, b),
        pair_seeds=pair_seeds,
        spread=spread,
        decisions=decisions,
        confidence=confidence,
    )


def difference(
    a: Jackknife,
    b: Jackknife,
    *,
    pair_seeds: bool,
    spread: SeedSpread | None = None,
    decisions: bool = False,
    confidence: float = 0.95,
) -> MeanDifference:
    """Return `mean_difference` of two sides that were jackknifed once, for one of many pairs.

    Raises:
        InputError: the sides hold different numbers of examples, or the confidence is out of range.
    """
    check_confidence(confidence)
    if a.n_examples != b.n_examples:
        raise InputError(
            f"statistics hold {a.n_examples} and {b.n_examples} examples; both must score the same test rows"
        )
    shared = sorted(set(a.seeds) & set(b.seeds))
    paired = pair_seeds and len(shared) > 1
    if paired:
        a, b = a.only(shared), b.only(shared)
    return _from_influences(a, b, paired=paired, spread=spread, decisions=decisions, confidence=confidence)


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
    side = jackknife(aggregate, by_seed)
    zero = Jackknife(seeds=side.seeds, values=np.zeros_like(side.values), influences=np.zeros_like(side.influences))
    return _from_influences(side, zero, paired=len(side.seeds) > 1, confidence=confidence)


def _from_influences(
    a: Jackknife,
    b: Jackknife,
    *,
    paired: bool,
    spread: SeedSpread | None = None,
    decisions: bool = False,
    confidence: float,
) -> MeanDifference:
    n_examples = a.n_examples
    by_example = a.influences.mean(axis=0) - b.influences.mean(axis=0)  # (n_examples,)
    variance_examples = float(by_example.var(ddof=1)) / n_examples if n_examples > 1 else math.inf
    seeds, freedom = _of_scores(a.values, b.values, paired=paired, spread=spread)
    interaction = 0.0
    if n_examples > 1 and max(len(a.values), len(b.values)) > 1:
        interaction, _ = _over_seeds(_residual_variance, a.influences, b.influences, paired=paired)
    return _difference(
        a.values,
        b.values,
        confidence=confidence,
        over="both" if freedom else "examples",
        variances=(variance_examples, seeds, interaction),
        seed_freedom=freedom,
        n_examples=n_examples,
        paired=paired,
        decisions=decisions,
    )


def _of_scores(a: Array, b: Array, *, paired: bool, spread: SeedSpread | None) -> tuple[float, float]:
    """Return the variance of mean(a) - mean(b) over seeds with its degrees of freedom; 0 and 0 where unknown."""
    if spread is not None and not paired:
        return spread.of_difference(a.tolist(), b.tolist())
    return _over_seeds(_variance, a, b, paired=paired) if max(len(a), len(b)) > 1 else (0.0, 0.0)


def seed_difference(
    a: Mapping[int, float],
    b: Mapping[int, float],
    *,
    pair_seeds: bool,
    spread: SeedSpread | None = None,
    confidence: float = 0.95,
) -> MeanDifference:
    """Return mean of A minus mean of B over seeds alone: for scores whose statistics are not stored.

    Args:
        a: seed number -> score.
        b: the same for B.
        pair_seeds: as in `mean_difference`.
        spread: as in `mean_difference`.
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
    shared = sorted(set(a) & set(b))
    paired = pair_seeds and len(shared) > 1
    values_a, values_b = (
        np.array([side[seed] for seed in (shared if paired else sorted(side))], dtype=np.float64) for side in (a, b)
    )
    if not (np.isfinite(values_a).all() and np.isfinite(values_b).all()):
        raise InputError(f"a difference over seeds needs finite scores, got {dict(a)!r} and {dict(b)!r}")
    variance, freedom = _of_scores(values_a, values_b, paired=paired, spread=spread)
    if not freedom:
        variance = math.inf
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
    decisions: bool = False,
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
    low, high = value - reach, value + reach
    if decisions and math.isfinite(reach) and freedom:
        quantile = float(stdtrit(freedom, (1 + confidence) / 2))
        error = 0.0 if error <= rounding else error
        low, high = -upper_end(-value, error, quantile, n_examples), upper_end(value, error, quantile, n_examples)
    return MeanDifference(
        value=value,
        low=low,
        high=high,
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
        of_decisions=decisions,
    )
