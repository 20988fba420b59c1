"""What the intervals promise and what they keep, in worlds whose truth is known; docs/calibration.md shows the table.

After a wanted change, write the table again and read the difference:

    BENCH_WRITE_GOLDEN=1 python -m pytest tests/statistics/test_calibration.py
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from calibration import Outcome, World, seed_deviation, simulate, true_difference

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"
N_SIMULATIONS = 2000
# Three standard errors of a share near 0.05, and of one near 0.5, over so many simulations.
ERROR, WIDE_ERROR = 0.015, 0.034
EFFECTS = {"accuracy": 0.25, "ROUGE": 0.2, "BLEU": 0.25}
DIGITS = {"accuracy": 3, "ROUGE": 2, "BLEU": 2}
LUCK = 0.1


def _world(metric: str, n_a: int, n_b: int, luck: float, *, effect: bool = False, paired: bool = True) -> World:
    return World(
        metric=metric,
        n_seeds=(n_a, n_b),
        luck=luck,
        effect=EFFECTS[metric] if effect else 0.0,
        paired=paired,
    )


METRICS = list(EFFECTS)
CALIBRATED = [
    world
    for metric in METRICS
    for world in (
        _world(metric, 1, 1, 0.0),
        _world(metric, 1, 1, 0.0, effect=True),
        _world(metric, 5, 5, LUCK),
        _world(metric, 5, 5, LUCK, effect=True),
        _world(metric, 5, 5, LUCK, paired=False),
        _world(metric, 1, 5, LUCK),
        _world(metric, 1, 5, LUCK, effect=True),
    )
]
"""Worlds of one and of five seeds, for which the promise is kept."""
WITHOUT_LUCK = [_world(metric, 5, 5, 0.0) for metric in METRICS]
FEW_SEEDS = [_world(metric, n, n, LUCK) for metric in METRICS for n in (2, 3)]
UNSEEN_LUCK = [_world(metric, 1, 1, LUCK) for metric in METRICS]


@cache
def outcome(world: World) -> Outcome:
    return simulate(world, N_SIMULATIONS, seed=2026)


def name(world: World) -> str:
    return f"{world.metric}-{world.n_seeds[0]}v{world.n_seeds[1]}-{world.luck}-{world.effect}-{world.paired}"


@pytest.mark.parametrize("world", CALIBRATED, ids=name)
def test_intervals_cover_what_they_promise(world: World) -> None:
    assert 0.93 <= outcome(world).covered <= 0.97


@pytest.mark.parametrize("world", [*CALIBRATED, *WITHOUT_LUCK], ids=name)
def test_no_more_false_regressions_than_alpha(world: World) -> None:
    if not world.effect:
        assert outcome(world).below <= 0.05 + ERROR
    else:
        assert outcome(world).below < 0.02


@pytest.mark.parametrize("world", WITHOUT_LUCK, ids=name)
def test_without_luck_intervals_are_a_little_wide(world: World) -> None:
    assert 0.93 <= outcome(world).covered <= 0.985


@pytest.mark.parametrize("world", FEW_SEEDS, ids=name)
def test_two_or_three_seeds_keep_most_of_the_promise(world: World) -> None:
    assert outcome(world).covered >= (0.88 if world.n_seeds[0] == 2 else 0.91)


@pytest.mark.parametrize("world", UNSEEN_LUCK, ids=name)
def test_one_seed_says_nothing_of_luck(world: World) -> None:
    assert outcome(world).covered < 0.93


@pytest.mark.parametrize("world", [world for world in CALIBRATED if world.effect], ids=name)
def test_power_is_as_predicted(world: World) -> None:
    found = outcome(world)
    assert found.predicted is not None
    # Intervals that are kept as wide as examples alone have them decide a little less often than predicted.
    assert found.predicted - WIDE_ERROR - 0.02 <= found.above <= found.predicted + WIDE_ERROR


@pytest.mark.parametrize("metric", METRICS)
def test_power_rises_with_the_effect(metric: str) -> None:
    effects = [0.0, EFFECTS[metric] / 2, EFFECTS[metric]]
    worlds = [World(metric=metric, n_seeds=(1, 1), effect=effect) for effect in effects]
    none, half, whole = (simulate(world, 300, seed=1).above for world in worlds)
    assert none < half < whole


# --- the page --------------------------------------------------------------------------------------------------------

TEXT = f"""# How far the intervals can be trusted

`bench compare` and `bench gate` judge a difference by one interval, `mean_difference` in
[bench/statistics/differences.py](../bench/statistics/differences.py). This page simulates it where the truth is known:
{N_SIMULATIONS:,} times 200 test rows, drawn anew, both sides scored on the same rows by every seed.

- **spread over seeds**: how much the luck of a seed moves a score, as a standard deviation, in the metric's unit.
  The noise of the test rows comes on top.
- **coverage**: how often the 95 % interval holds the true difference. It should be 95 %.
- **false regressions**: how often the gate with `alpha = 0.05` and no allowed drop would see a regression where there
  is no difference. It should be at most 5 %.
- **power**: how often the 95 % interval lies above 0 where A is better, and what `bench/statistics/power.py` predicts.

With {N_SIMULATIONS:,} simulations a share near 5 % is known to within 1 point (two standard errors).

{{tables}}
## What to make of it

- One seed against one: the interval is about the two models at hand. It does not know what another seed would give, and
  where seeds differ it covers a new pair too seldom. Nothing that is computed from one seed can mend that.
- One seed against several: the lone side is taken to spread as the other does.
- Two seeds hardly show how far seeds differ: use five, or three at the least.
- Where seeds differ only by chance, row by row, the interval is somewhat wide. It is never made narrower than
  examples alone would have it, lest two seeds that happen to agree look like certainty.

This page is written by [tests/statistics/test_calibration.py](../tests/statistics/test_calibration.py), which
also checks it.
"""


def _page() -> str:
    tables = []
    for metric in METRICS:
        rows = [world for world in (*CALIBRATED, *WITHOUT_LUCK, *FEW_SEEDS, *UNSEEN_LUCK) if world.metric == metric]
        rows.sort(
            key=lambda world: (min(world.n_seeds), max(world.n_seeds), world.luck, not world.paired, world.effect)
        )
        tables.append(
            f"## {metric}\n\n"
            "| seeds | spread over seeds | true difference | coverage | false regressions | power | predicted |\n"
            "|---|---|---|---|---|---|---|\n" + "".join(map(_row, rows))
        )
    return TEXT.format(tables="\n".join(tables))


def _row(world: World) -> str:
    found, digits = outcome(world), DIGITS[world.metric]
    a, b = world.n_seeds
    cells = [
        f"{a} and {b}" + ("" if a != b or a == 1 else ", paired" if world.paired else ", not paired"),
        f"{seed_deviation(world):.{digits}f}",
        f"{true_difference(world):.{digits}f}",
        f"{found.covered:.1%}",
        "–" if world.effect else f"{found.below:.1%}",
        "–" if found.predicted is None else f"{found.above:.0%}",
        "–" if found.predicted is None else f"{found.predicted:.0%}",
    ]
    return f"| {' | '.join(cells)} |\n"


def test_the_page_is_current() -> None:
    text = _page()
    if os.environ.get("BENCH_WRITE_GOLDEN"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8")
