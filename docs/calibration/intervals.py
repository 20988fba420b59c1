"""How `mean_difference` does on accuracy, ROUGE and BLEU: coverage, false regressions, power."""

from __future__ import annotations

from functools import cache

from calibration.section import Row, Section
from calibration.worlds import Outcome, World, seed_deviation, simulate, true_difference

N_SIMULATIONS = 2000
EFFECTS = {"accuracy": 0.25, "ROUGE": 0.2, "BLEU": 0.25}
METRICS = list(EFFECTS)
DIGITS = {"accuracy": 3, "ROUGE": 2, "BLEU": 2}
LUCK = 0.1


def world(metric: str, n_a: int, n_b: int, luck: float, *, effect: bool = False, paired: bool = True) -> World:
    """Return a world with the metric's usual effect, or without."""
    shift = EFFECTS[metric] if effect else 0.0
    return World(metric=metric, n_seeds=(n_a, n_b), luck=luck, effect=shift, paired=paired)


CALIBRATED = [
    one
    for metric in METRICS
    for one in (
        world(metric, 1, 1, 0.0),
        world(metric, 1, 1, 0.0, effect=True),
        world(metric, 5, 5, LUCK),
        world(metric, 5, 5, LUCK, effect=True),
        world(metric, 5, 5, LUCK, paired=False),
        world(metric, 1, 5, LUCK),
        world(metric, 1, 5, LUCK, effect=True),
    )
]
"""Worlds of one and of five seeds, for which the promise is kept."""
WITHOUT_LUCK = [world(metric, 5, 5, 0.0) for metric in METRICS]
FEW_SEEDS = [world(metric, n, n, LUCK) for metric in METRICS for n in (2, 3)]
UNSEEN_LUCK = [world(metric, 1, 1, LUCK) for metric in METRICS]
ALL = (*CALIBRATED, *WITHOUT_LUCK, *FEW_SEEDS, *UNSEEN_LUCK)


@cache
def outcome(one: World) -> Outcome:
    """Return what was found in a world."""
    return simulate(one, N_SIMULATIONS, seed=2026)


def row(one: World) -> Row:
    """Return a world's row."""
    found, digits = outcome(one), DIGITS[one.metric]
    a, b = one.n_seeds
    return (
        f"{a} and {b}" + ("" if a != b or a == 1 else ", paired" if one.paired else ", not paired"),
        f"{seed_deviation(one):.{digits}f}",
        f"{true_difference(one):.{digits}f}",
        f"{found.covered:.1%}",
        "–" if one.effect else f"{found.below:.1%}",
        "–" if found.predicted is None else f"{found.above:.0%}",
        "–" if found.predicted is None else f"{found.predicted:.0%}",
    )


BEFORE = f"""`bench compare` and `bench gate` judge a difference by one interval, `mean_difference` in
[bench/statistics/differences.py](../bench/statistics/differences.py). The next three tables simulate it
{N_SIMULATIONS:,} times with 200 test rows, drawn anew, both sides scored on the same rows by every seed.

- **spread over seeds**: how much the luck of a seed moves a score, as a standard deviation, in the metric's unit.
  The noise of the test rows comes on top.
- **coverage**: how often the 95 % interval holds the true difference. It should be 95 %.
- **false regressions**: how often the gate with `alpha = 0.05` and no allowed drop would see a regression where there
  is no difference. It should be at most 5 %.
- **power**: how often the 95 % interval lies above 0 where A is better, and what `bench/statistics/power.py` predicts.

With {N_SIMULATIONS:,} simulations a share near 5 % is known to within 1 point (two standard errors)."""

AFTER = """What to make of these three:

- One seed against one: the interval is about the two models at hand. It does not know what another seed would give, and
  where seeds differ it covers a new pair too seldom. Nothing that is computed from one seed can mend that.
- One seed against several: the lone side is taken to spread as the other does.
- Two seeds hardly show how far seeds differ: use five, or three at the least.
- Where seeds differ only by chance, row by row, the interval is somewhat wide. It is never made narrower than
  examples alone would have it, lest two seeds that happen to agree look like certainty."""


def _worlds(metric: str) -> list[World]:
    return sorted(
        (one for one in ALL if one.metric == metric),
        key=lambda one: (min(one.n_seeds), max(one.n_seeds), one.luck, not one.paired, one.effect),
    )


SECTIONS = tuple(
    Section(
        name=f"interval-{metric.lower()}",
        title=f"One difference: {metric}",
        before=BEFORE if metric == METRICS[0] else "",
        headings=(
            "seeds",
            "spread over seeds",
            "true difference",
            "coverage",
            "false regressions",
            "power",
            "predicted",
        ),
        worlds=_worlds(metric),
        row=row,
        after=AFTER if metric == METRICS[-1] else "",
        quick=range(len(_worlds(metric))),
    )
    for metric in METRICS
)
