"""A look after every seed: error and power of the plan, and of looking without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.metrics.base import mean_of
from bench.statistics.differences import mean_difference
from bench.statistics.sequential import Plan, by_seeds, plan
from calibration.section import Row, Section, share
from calibration.worlds import World, draw, seed_deviation, true_difference

ALPHA, FIRST = 0.05, 3
EFFECT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """What is simulated: accuracy, both sides paired, with a look after every seed."""

    last: int
    luck: float
    n_simulations: int = 1000
    n_examples: int = 400

    def world(self, *, effect: float = 0.0) -> World:
        """Return the world behind it."""
        return World(
            metric="accuracy",
            n_seeds=(self.last, self.last),
            n_examples=self.n_examples,
            luck=self.luck,
            effect=effect,
        )


WORLDS = [Looking(last=last, luck=luck) for last in (5, 10, 20) for luck in (0.0, 0.1, 0.3)]


def stops(world: World, looks: Plan, generator: np.random.Generator) -> tuple[dict[str, bool], int]:
    """Return what was ever called below or above zero, and after how many seeds the plan stopped."""
    a, b = draw(world, generator)
    called = dict.fromkeys(("below", "above", "below without a plan", "above at the end"), False)
    n_used = looks.last
    for n in range(looks.first, looks.last + 1):
        first_a, first_b = ({seed: side[seed] for seed in range(n)} for side in (a, b))
        found = mean_difference(mean_of, first_a, first_b, pair_seeds=True, confidence=1 - 2 * ALPHA)
        called["below without a plan"] |= found.high < 0
        if n == looks.last:
            called["above at the end"] = found.low > 0
        if called["below"] or called["above"]:
            continue
        one_sided = by_seeds(found).p_value / 2
        if one_sided <= looks.level(n):
            called["above" if found.value > 0 else "below"] = True
            n_used = n
    return called, n_used


def row(looking: Looking) -> Row:
    """Return a world's row."""
    looks = plan(FIRST, looking.last, ALPHA)
    generator = np.random.default_rng(13)
    none, some = looking.world(), looking.world(effect=EFFECT)
    without = [stops(none, looks, generator)[0] for _ in range(looking.n_simulations)]
    with_effect = [stops(some, looks, generator) for _ in range(looking.n_simulations // 2)]
    wrong = {name: float(np.mean([called[name] for called in without])) for name in without[0]}
    right = {name: float(np.mean([called[name] for called, _ in with_effect])) for name in with_effect[0][0]}
    return (
        f"{FIRST} to {looking.last}",
        f"{seed_deviation(none):.3f}",
        share(wrong["below without a plan"]),
        share(wrong["below"]),
        share(wrong["above"]),
        f"{true_difference(some):.3f}",
        f"{right['above']:.0%}",
        f"{right['above at the end']:.0%}",
        f"{np.mean([n for _, n in with_effect]):.1f}",
    )


SECTION = Section(
    name="looks",
    title="A look after every seed",
    before="""`bench gate --sequential` looks after every seed, from 3 to a stated maximum, and spends alpha = 0.05 over
all looks (`bench/statistics/sequential.py`). Accuracy on 400 rows, both sides of as many seeds, paired. A side
without a difference is wrongly called worse or better, at whichever look; a false regression at no allowed
drop and a false pass of a drop that stands on the margin are these two. 1,000 simulations a line.

- **without a plan**: the same looks, each at alpha, as whoever adds seeds until it decides takes them.
- **decides**: how often the plan finds a true difference of this size, **at once** how often one test after
  the last seed does, and **seeds used** how many the plan takes until it stops, on average.""",
    headings=(
        "seeds",
        "spread over seeds",
        "worse, without a plan",
        "worse",
        "better",
        "true difference",
        "decides",
        "at once",
        "seeds used",
    ),
    worlds=WORLDS,
    row=row,
    after="""The plan holds alpha at every maximum, and stops before the last seed where the difference is large. It
decides less often than one test after the last seed, most of all at a maximum of five: few seeds leave few degrees of
freedom. Where seeds bring no noise of their own it is cautious, for it does not know that.""",
    quick=(0,),
)
