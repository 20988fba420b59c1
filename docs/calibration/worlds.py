"""Worlds in which the true difference is known, to see how often an interval covers it.

A side draws each seed's luck, a run's score of each row holds the row's difficulty (shared by both sides), the row's
liking for this side, the seed's luck and a noise of its own. All four are normal, so the truth is a normal integral.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import ndtr
from texts import REFERENCES

from bench import metrics
from bench.metrics.base import mean_of
from bench.statistics.differences import MeanDifference, mean_difference
from bench.statistics.power import Design

Array = np.ndarray
ROW, LIKING, NOISE = 1.0, 0.5, 0.7
"""Standard deviations of a row's difficulty, of its liking for one side, and of one run on one row."""
LUCK_NODES, LUCK_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
N_LEVELS, N_VARIANTS = 4, 3
CUTS = np.array([-1.0, 0.0, 1.0])
"""A text is of the level between whose cuts its quality lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is simulated."""

    metric: str
    n_seeds: tuple[int, int]
    n_examples: int = 200
    luck: float = 0.0
    """Standard deviation of a seed's luck, as quality."""
    effect: float = 0.0
    """How much better A is, as quality."""
    paired: bool = True
    """Whether runs of one seed number are set against each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found over all simulations."""

    covered: float
    """Share of 95 % intervals that hold the true difference."""
    below: float
    """Share of 90 % intervals that lie below 0: what a gate with alpha = 0.05 calls a regression."""
    above: float
    """Share of 95 % intervals that lie above 0."""
    predicted: float | None
    """Chance of an interval above 0 that `bench.statistics.power` gives for the variances and the difference that are
    true."""


def simulate(world: World, n_simulations: int, seed: int) -> Outcome:
    """Return how the intervals of `mean_difference` do in a world."""
    generator = np.random.default_rng(seed)
    aggregate, truth = AGGREGATES[world.metric](), true_difference(world)
    found = [mean_difference(aggregate, *draw(world, generator), pair_seeds=world.paired) for _ in range(n_simulations)]
    return Outcome(
        covered=float(np.mean([one.low <= truth <= one.high for one in found])),
        below=float(np.mean([one.value < 0 and one.p_value < 0.1 for one in found])),
        above=float(np.mean([one.low > 0 for one in found])),
        predicted=_predicted(found, truth) if truth else None,
    )


def draw(world: World, generator: np.random.Generator) -> tuple[dict[int, Array], dict[int, Array]]:
    """Return both sides' statistics by seed."""
    n_a, n_b = world.n_seeds
    luck = [world.luck * generator.normal(size=n) for n in (n_a, n_b)]
    rows = ROW * generator.normal(size=world.n_examples)
    statistics = STATISTICS[world.metric]
    which = generator.integers(len(REFERENCES), size=world.n_examples)
    sides = []
    for shift, lucks in zip((world.effect, 0.0), luck, strict=True):
        liked = rows + LIKING * generator.normal(size=world.n_examples) + shift
        sides.append(
            [statistics(liked + one + NOISE * generator.normal(size=len(liked)), which, generator) for one in lucks]
        )
    return dict(enumerate(sides[0])), dict(enumerate(sides[1]))


@cache
def true_difference(world: World) -> float:
    """Return A minus B over endless examples and endless seeds."""
    a, b = (TRUTHS[world.metric](shift, world.luck) for shift in (world.effect, 0.0))
    return float(a - b)


def seed_deviation(world: World) -> float:
    """Return the standard deviation that luck gives to the score of a seed, over endless examples."""
    truth = TRUTHS[world.metric]
    return float(truth(world.luck, 0.0) - truth(-world.luck, 0.0)) / 2


def chance_of_decision(
    difference: MeanDifference, *, margin: float, alpha: float, more_seeds: int = 0, more_examples: int = 0
) -> float:
    """Return the chance that the interval lies wholly on the value's side of a margin, were the value the truth."""
    gap = abs(difference.value - margin)
    return Design.of(difference).power(gap, alpha, more_seeds=more_seeds, more_examples=more_examples)


def _predicted(found: list[MeanDifference], truth: float) -> float:
    """Return the power at the mean of the variances found, which are unbiased, and the true difference."""
    mean = {
        name: float(np.mean([getattr(one, name) for one in found]))
        for name in ("variance_examples", "variance_seeds", "variance_interaction")
    }
    return chance_of_decision(replace(found[0], value=truth, **mean), margin=0.0, alpha=0.025)


# --- accuracy and ROUGE: a mean of each row's quality, cut or bent ---------------------------------------------------


def _right(quality: Array, which: Array, generator: np.random.Generator) -> Array:
    return np.stack([(quality > -0.5).astype(float), np.ones(len(quality))], axis=1)


def _overlap(quality: Array, which: Array, generator: np.random.Generator) -> Array:
    return np.stack([100 * ndtr(quality - 0.5), np.ones(len(quality))], axis=1)


def _spread(luck: float, more: float = 0.0) -> float:
    return math.sqrt(ROW**2 + LIKING**2 + NOISE**2 + luck**2 + more)


def _true_accuracy(shift: float, luck: float) -> float:
    return ndtr((shift + 0.5) / _spread(luck))


def _true_overlap(shift: float, luck: float) -> float:
    return 100 * ndtr((shift - 0.5) / _spread(luck, more=1.0))


# --- BLEU: rows of real statistics, of texts the worse the lower their quality ---------------------------------------


@cache
def _pool() -> Array:
    """Return (n_references, level, variant, n_statistics): BLEU's statistics of references that were spoilt."""
    generator = np.random.default_rng(0)
    texts = [
        [" ".join(_spoilt(reference.split(), 0.6 - 0.15 * level, generator)) for _ in range(N_VARIANTS)]
        for reference in REFERENCES
        for level in range(N_LEVELS)
    ]
    references = [reference for reference in REFERENCES for _ in range(N_LEVELS * N_VARIANTS)]
    table = metrics.build("sacrebleu").statistics([text for row in texts for text in row], references)
    return table.reshape(len(REFERENCES), N_LEVELS, N_VARIANTS, -1)


def _spoilt(words: list[str], share: float, generator: np.random.Generator) -> list[str]:
    """Drop, double or swap about this share of the words."""
    result: list[str] = []
    for word in words:
        kind = generator.integers(3) if generator.random() < share else 3
        if kind == 1:
            result += [word, word]
        elif kind == 2:
            result.insert(max(len(result) - 1, 0), word)
        elif kind == 3:
            result.append(word)
    return result or words[:1]


def _texts(quality: Array, which: Array, generator: np.random.Generator) -> Array:
    level = np.searchsorted(CUTS, quality)
    return _pool()[which, level, generator.integers(N_VARIANTS, size=len(quality))]


def _true_bleu(shift: float, luck: float) -> float:
    """Return BLEU of endless texts, and its mean over endless seeds by quadrature."""
    edges = np.array([-np.inf, *CUTS, np.inf]) - shift - luck * LUCK_NODES[:, None]
    shares = np.diff(ndtr(edges / _spread(0.0)), axis=-1)  # (node, level)
    totals = shares @ _pool().mean(axis=(0, 2))  # (node, n_statistics)
    return metrics.build("sacrebleu").aggregate(1e6 * totals) @ LUCK_WEIGHTS / LUCK_WEIGHTS.sum()


STATISTICS = {"accuracy": _right, "ROUGE": _overlap, "BLEU": _texts}
TRUTHS = {"accuracy": _true_accuracy, "ROUGE": _true_overlap, "BLEU": _true_bleu}
AGGREGATES: dict[str, Callable[[], Callable[[Array], Array]]] = {
    "accuracy": lambda: mean_of,
    "ROUGE": lambda: mean_of,
    "BLEU": lambda: metrics.build("sacrebleu").aggregate,
}
