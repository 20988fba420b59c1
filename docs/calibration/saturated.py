"""Shares of right answers near the ends: how often the gate passes a drop that stands on the margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import ROUNDING, difference
from bench.statistics.jackknife import Jackknife, jackknife
from calibration.section import Row, Section
from calibration.worlds import LIKING, NOISE, ROW

Array = np.ndarray
N_SIMULATIONS = 2000
MARGINS = (0.01, 0.03, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturated:
    """What is simulated: a baseline that is right nearly always, and no luck of seeds."""

    accuracy: float
    """Of the baseline."""
    n_examples: int
    n_seeds: int


WORLDS = [
    Saturated(accuracy=accuracy, n_examples=n_examples, n_seeds=n_seeds)
    for n_seeds in (1, 3)
    for n_examples in (30, 400, 2000)
    for accuracy in (0.9, 0.95, 0.99, 0.995, 1.0)
]


def draw_qualities(world: Saturated, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return (n_seeds, n_examples) of the run and of the baseline, in standard deviations: low on rows hard for all."""
    shape = (world.n_seeds, world.n_examples)
    rows = ROW * generator.standard_normal(world.n_examples)
    run, baseline = (
        rows + LIKING * generator.standard_normal(world.n_examples) + NOISE * generator.standard_normal(shape)
        for _ in range(2)
    )
    deviation = np.sqrt(ROW**2 + LIKING**2 + NOISE**2)
    return run / deviation, baseline / deviation


def side(qualities: Array, accuracy: float) -> Jackknife:
    """Return a side that is right of a share `accuracy` of all rows there are."""
    return jackknife(mean_of, {s: mean_statistics(one > -ndtri(accuracy)) for s, one in enumerate(qualities)})


def passes(run: Jackknife, baseline: Jackknife, margin: float, *, decisions: bool) -> bool:
    """Return whether the whole interval of a gate at alpha = 0.05 lies within the margin."""
    found = difference(run, baseline, pair_seeds=True, decisions=decisions, confidence=0.9)
    return found.low >= -margin - ROUNDING


def row(world: Saturated) -> Row:
    """Return a world's row: at each margin false passes, then passes of a run that is as good as the baseline."""
    generator = np.random.default_rng(17)
    losses = [*MARGINS, 0.0]
    counts = np.zeros((2, 2, len(MARGINS)))  # with and without a least variance, worse and equal
    for _ in range(N_SIMULATIONS):
        of_run, of_baseline = draw_qualities(world, generator)
        baseline = side(of_baseline, world.accuracy)
        *worse, equal = (side(of_run, world.accuracy - loss) for loss in losses)
        for of_choice, decisions in zip(counts, (True, False), strict=True):
            for place, (margin, run) in enumerate(zip(MARGINS, worse, strict=True)):
                of_choice[0, place] += passes(run, baseline, margin, decisions=decisions)
                of_choice[1, place] += passes(equal, baseline, margin, decisions=decisions)
    percent = 100 * counts / N_SIMULATIONS
    cells = [
        f"{now:.{digits}f} % ({before:.{digits}f} %)"
        for kind, digits in ((0, 1), (1, 0))
        for now, before in zip(percent[0, kind], percent[1, kind], strict=True)
    ]
    return (str(world.n_seeds), f"{world.n_examples:,}", f"{world.accuracy:g}", *cells)


SECTION = Section(
    name="saturated",
    title="Nearly all answers right",
    before=f"""A baseline that is right on nearly all rows, and a run that is worse by just what the gate allows: it
should pass in 5 % of all cases at most; 6 % is allowed for simulation error. {N_SIMULATIONS:,} simulations a line, no
luck of seeds, and rows that are hard for both sides and all seeds. Scores of right and wrong answers have a least
variance in [bench/statistics/decisions.py](../bench/statistics/decisions.py), since few rows that all agree may have
missed the ones on which the sides differ. In brackets is what the spread of the rows alone would give.

- **worse by**: how often a run passes whose true accuracy is lower by the `max_drop` of this size.
- **equal, allowed**: how often a run passes that is as good as the baseline, at the same `max_drop`: the power.""",
    headings=(
        "seeds",
        "test rows",
        "accuracy",
        *(f"worse by {margin:g}" for margin in MARGINS),
        *(f"equal, allowed {margin:g}" for margin in MARGINS),
    ),
    worlds=WORLDS,
    row=row,
    after="""With three seeds, the fewest that a policy asks for by default, the bound holds in every line, with room to
spare. With one seed and 400 rows or more a run passes 6.3 % of the time at most, a little over the bound. It does not
hold for one seed on 30 rows at an accuracy of 0.9 or 0.95, where up to 10 % pass: these rows do differ now and then, so
the least variance is no help, and the interval of so few rare errors is too short. A policy that sets `min_seeds` to 1
needs more rows than 30.

The price is that few rows seldom pass, also where nothing has changed: 30 of them cannot show that a drop of 0.05 is
not there. On 400 rows an allowed drop of 0.01 passes less often than it did, and one of 0.03 as often.""",
    quick=(18,),
)
