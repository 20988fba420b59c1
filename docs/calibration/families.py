"""Families of methods: how often some pair of equal methods is told apart, and how often a better one is.

A run is right of a row where the row's ease, the method's liking for it, the seed's luck and a noise of the run add up
to more than a threshold, set so that every method is right of 80 % whatever its luck. All are normal. Scores are means,
so thousands of boards fit into arrays: `p_values` is the formula of `bench.statistics.differences` for all pairs at
once, and a test holds it to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtr, ndtri, stdtr

from bench.statistics.spread import FEWEST_METHODS, PRIOR_SEEDS
from bench.statistics.tests import adjusted, adjusted_pairs

Array = np.ndarray
EASE, LIKING, NOISE, ACCURACY = 1.0, 0.5, 0.7, 0.8
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Equal methods on a board."""

    n_seeds: int
    n_examples: int
    lucks: tuple[float, ...]
    """Of each method, the standard deviation of a seed's luck, as quality."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boards:
    """What many boards say of their methods; all that intervals need."""

    family: Family
    means: Array
    """(n_boards, n_methods) over seeds."""
    variances: Array
    """(n_boards, n_methods) over seeds, of one seed."""
    residuals: Array
    """(n_boards, n_methods) of one seed, by chance row by row."""
    covariances: Array
    """(n_boards, n_methods, n_methods) over rows, of the means over seeds."""


def thresholds(lucks: tuple[float, ...]) -> Array:
    """Return the quality above which a run is right, so that each method's accuracy is the same."""
    return -ndtri(ACCURACY) * np.sqrt(EASE**2 + LIKING**2 + NOISE**2 + np.square(lucks))


def seed_deviation(luck: float) -> float:
    """Return the standard deviation that luck gives to a seed's accuracy, over endless rows."""
    (threshold,) = thresholds((luck,))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    right = ndtr((luck * nodes - threshold) / np.sqrt(EASE**2 + LIKING**2 + NOISE**2))
    mean = right @ weights / weights.sum()
    return float(np.sqrt((right - mean) ** 2 @ weights / weights.sum()))


def right_answers(family: Family, generator: np.random.Generator) -> Array:
    """Return (n_methods, n_seeds, n_examples): 1 where a run is right of a row."""
    n_methods, shape = len(family.lucks), (len(family.lucks), family.n_seeds, family.n_examples)
    lucks = np.asarray(family.lucks, dtype=np.float32)[:, None]
    ease = EASE * generator.standard_normal((1, family.n_examples), dtype=np.float32)
    liked = ease + LIKING * generator.standard_normal((n_methods, family.n_examples), dtype=np.float32)
    quality = NOISE * generator.standard_normal(shape, dtype=np.float32) + liked[:, None]
    quality += (lucks * generator.standard_normal(shape[:2], dtype=np.float32))[:, :, None]
    return (quality > thresholds(family.lucks).astype(np.float32)[:, None, None]).astype(np.float32)


def draw_boards(family: Family, n_boards: int, seed: int) -> Boards:
    """Return boards, each with rows and seeds of its own."""
    generator = np.random.default_rng(seed)
    k, s, n = len(family.lucks), family.n_seeds, family.n_examples
    means, variances, residuals = np.empty((n_boards, k)), np.empty((n_boards, k)), np.empty((n_boards, k))
    covariances = np.empty((n_boards, k, k))
    for board in range(n_boards):
        right = right_answers(family, generator)
        scores, by_row = right.mean(axis=2), right.mean(axis=1)
        means[board] = scores.mean(axis=1)
        variances[board] = scores.var(axis=1, ddof=1)
        covariances[board] = np.cov(by_row)
        squares = (
            right.sum(axis=(1, 2))
            - n * (scores**2).sum(axis=1)
            - s * (by_row**2).sum(axis=1)
            + n * s * means[board] ** 2
        )
        residuals[board] = squares / ((s - 1) * (n - 1) * n)
    return Boards(family=family, means=means, variances=variances, residuals=residuals, covariances=covariances)


def pairs_of(n_methods: int) -> tuple[Array, Array]:
    """Return the two methods of each pair."""
    pairs = np.array([*combinations(range(n_methods), 2)])
    return pairs[:, 0], pairs[:, 1]


def p_values(boards: Boards, means: Array | None = None, *, pooled: bool) -> Array:
    """Return (n_boards, n_pairs) two-sided p-values, not corrected.

    Args:
        boards: as drawn.
        means: other scores than the boards', to plant a difference.
        pooled: by the spread of the whole family (`bench.statistics.spread`); else each pair by its own.
    """
    s, n, k = boards.family.n_seeds, boards.family.n_examples, len(boards.family.lucks)
    means = boards.means if means is None else means
    first, second = pairs_of(k)
    own, freedom = boards.variances, s - 1.0
    if pooled and k >= FEWEST_METHODS:
        weight = PRIOR_SEEDS / (PRIOR_SEEDS + freedom)
        rest = (1 - weight) ** 2
        own = np.maximum(weight * own.mean(axis=1, keepdims=True) + (1 - weight) * own, own)
        freedom = 1 / (2 * (1 - rest) / (k * freedom) + rest / freedom)
    u, v = own[:, first] / s, own[:, second] / s
    diagonal = np.einsum("bii->bi", boards.covariances)
    examples = (diagonal[:, first] + diagonal[:, second] - 2 * boards.covariances[:, first, second]) / n
    interaction = (boards.residuals[:, first] + boards.residuals[:, second]) / s
    seeds, others = u + v, np.maximum(examples - interaction, 0.0)
    variance = np.maximum(seeds + others, examples)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_seeds = np.where(seeds > 0, seeds**2 / ((u**2 + v**2) / freedom), 2 * freedom)
        of_all = variance**2 / (seeds**2 / of_seeds + others**2 / (n - 1))
        statistic = np.abs(means[:, first] - means[:, second]) / np.sqrt(variance)
    of_all = np.minimum(np.where(np.isfinite(of_all), of_all, np.inf), of_seeds + n - 1)
    return np.where(variance > 0, 2 * stdtr(of_all, -statistic), 1.0)


def told_apart(boards: Boards, means: Array | None = None, *, pooled: bool) -> Array:
    """Return (n_boards, n_pairs): whether a board tells each pair apart.

    Args:
        boards: as drawn.
        means: as `p_values`.
        pooled: as a leaderboard does it now; else by each pair's own spread and Holm's correction.
    """
    k = len(boards.family.lucks)
    given = p_values(boards, means, pooled=pooled)
    correct = (lambda p: adjusted_pairs(p, k)) if pooled else (lambda p: adjusted(p, "holm"))
    apart = np.zeros(given.shape, dtype=bool)
    for board in np.flatnonzero(given.min(axis=1) < ALPHA):
        apart[board] = np.array(correct(given[board].tolist())) < ALPHA
    return apart


def family_wise_error(boards: Boards, *, pooled: bool) -> float:
    """Return how often a board tells some pair apart, all methods being equal."""
    return float(
        (p_values(boards, pooled=pooled).min(axis=1) * len(pairs_of(len(boards.family.lucks))[0]) < ALPHA).mean()
    )


def power(boards: Boards, gain: float, *, pooled: bool) -> float:
    """Return the share of a better method's pairs that are told apart, mean over which method it is that is better.

    Args:
        boards: of equal methods.
        gain: how much better one is, as accuracy.
        pooled: as `told_apart`.
    """
    first, second = pairs_of(len(boards.family.lucks))
    found = []
    for method in dict.fromkeys((0, len(boards.family.lucks) - 1)):
        means = boards.means.copy()
        means[:, method] += gain
        its = (first == method) | (second == method)
        weight = sum(luck == boards.family.lucks[method] for luck in boards.family.lucks)
        found.append((told_apart(boards, means, pooled=pooled)[:, its].mean(), weight))
    shares, weights = zip(*found, strict=True)
    return float(np.average(shares, weights=weights))
