"""How far seeds move a score, learned from a family of methods: a variance that few seeds cannot make small by chance.

Two or three seeds of a method agree now and then, and its variance over seeds is then near 0 by luck. One pair of
methods at 5 % hardly suffers. A family of many pairs does: it looks for the luckiest of them, far out in the tails, and
finds it (eight equal methods with three seeds: some pair was told apart in up to 11 % of the families). All methods
together have many more degrees of freedom, but they need not spread alike, so each keeps most of its own:

- the variance of each method is drawn toward the family's mean, as if two more seeds had shown that mean: with
  w = 2 / (2 + n - 1), it is w * (mean of the family) + (1 - w) * (its own);
- it is never below its own, so a method with more luck than the others is not taken for one of them;
- its degrees of freedom are those that the mix would have were all spreads equal, counted so that a pair in which one
  side has nearly all the variance has half of them.

docs/calibration.md shows what that keeps at 3, 5 and 10 seeds, for equal and unequal luck, and what it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

PRIOR_SEEDS = 2.0
"""How many degrees of freedom the family's mean counts for beside a method's own. Chosen by simulation among 0.5 to 8
and infinity (plain pooling): the least that holds 6 % everywhere on the page. More costs power where methods differ."""
FEWEST_METHODS = 3
"""Two methods show no more of each other than Welch's interval uses already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSpread:
    """What a family of methods shows of the variance of one score over seeds."""

    variance: float
    """Mean over methods, weighted by their degrees of freedom; in the metric's unit squared."""
    freedom: float
    """Degrees of freedom of `variance`: seeds less one, summed over methods."""
    n_methods: int
    """With two seeds or more."""

    def of_method(self, scores: Sequence[float]) -> tuple[float, float]:
        """Return the variance of one seed of a method of the family, and its degrees of freedom.

        Args:
            scores: of the method, one a seed; of one seed alone the family's mean is all there is.
        """
        own_freedom = len(scores) - 1
        weight = PRIOR_SEEDS / (PRIOR_SEEDS + own_freedom)
        rest = (1 - weight) ** 2
        if not own_freedom:
            return self.variance, self.freedom / 2
        own = float(np.var(scores, ddof=1))
        variance = max(weight * self.variance + (1 - weight) * own, own)
        return variance, 1 / (2 * (1 - rest) / self.freedom + rest / own_freedom)

    def of_difference(self, a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
        """Return the variance of mean(a) - mean(b) over seeds, and its degrees of freedom.

        Args:
            a: scores of one method, one a seed.
            b: of another, independent of them.

        Source:
            Smyth 2004, "Linear models and empirical Bayes methods for assessing differential expression in microarray
            experiments", for drawing variances toward their mean; Welch 1947 for the sum of the two.
        """
        (variance_a, freedom_a), (variance_b, freedom_b) = self.of_method(a), self.of_method(b)
        u, v = variance_a / len(a), variance_b / len(b)
        if u + v == 0:
            return 0.0, self.freedom
        return u + v, (u + v) ** 2 / (u**2 / freedom_a + v**2 / freedom_b)


def seed_spread(scores: Iterable[Sequence[float]]) -> SeedSpread | None:
    """Return what a family shows; none where fewer than three methods have two seeds.

    Args:
        scores: for each method its scores, one a seed.
    """
    several = [np.asarray(of_method, dtype=np.float64) for of_method in scores if len(of_method) > 1]
    if len(several) < FEWEST_METHODS:
        return None
    freedoms = [len(of_method) - 1 for of_method in several]
    sums = [float(of_method.var(ddof=1)) * freedom for of_method, freedom in zip(several, freedoms, strict=True)]
    return SeedSpread(variance=sum(sums) / sum(freedoms), freedom=float(sum(freedoms)), n_methods=len(several))
