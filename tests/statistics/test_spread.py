"""The spread over seeds of a family: laws, and values by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.differences import seed_difference
from bench.statistics.spread import seed_spread

FAMILY = [(0.80, 0.82, 0.84), (0.70, 0.71, 0.72), (0.60, 0.66, 0.72)]
"""Variances 0.0004, 0.0001 and 0.0036: their mean is 0.0041 / 3, of 6 degrees of freedom."""


def test_a_method_keeps_half_of_its_own_variance_at_three_seeds() -> None:
    spread = seed_spread(FAMILY)
    assert spread is not None
    assert (spread.variance, spread.freedom, spread.n_methods) == (pytest.approx(0.0041 / 3), 6, 3)
    variance, freedom = spread.of_method(FAMILY[1])
    assert variance == pytest.approx(0.5 * 0.0041 / 3 + 0.5 * 0.0001)  # w = 2 / (2 + 2)
    assert freedom == pytest.approx(1 / (2 * 0.75 / 6 + 0.25 / 2))


def test_no_variance_is_made_less_than_its_own() -> None:
    spread = seed_spread(FAMILY)
    assert spread is not None
    assert spread.of_method(FAMILY[2])[0] == pytest.approx(0.0036)


def test_seeds_that_agree_by_luck_are_not_taken_for_certainty() -> None:
    agree, other = (0.700, 0.700, 0.701), (0.72, 0.72, 0.721)
    spread = seed_spread([agree, other, (0.80, 0.82, 0.84), (0.60, 0.66, 0.72)])
    sides = [dict(enumerate(side)) for side in (agree, other)]
    alone = seed_difference(*sides, pair_seeds=False)
    of_family = seed_difference(*sides, pair_seeds=False, spread=spread)
    assert alone.high < 0 < of_family.high


def test_many_seeds_stand_for_themselves() -> None:
    generator = np.random.default_rng(0)
    a, b, c = (list(scale * generator.normal(size=400)) for scale in (1.0, 1.0, 3.0))
    spread = seed_spread([a, b, c])
    assert spread is not None
    assert spread.of_method(a)[0] == pytest.approx(np.var(a, ddof=1), rel=0.02)


def test_one_seed_has_the_spread_of_its_family() -> None:
    spread = seed_spread([*FAMILY, (0.9,)])
    assert spread is not None
    assert spread.of_method((0.9,)) == (spread.variance, spread.freedom / 2)
    alone = seed_difference({0: 0.9}, {0: 0.2}, pair_seeds=False, spread=spread)
    assert math.isfinite(alone.low)


@pytest.mark.parametrize("family", [[], FAMILY[:2], [*FAMILY[:2], (0.5,)]])
def test_fewer_than_three_methods_with_two_seeds_show_nothing(family: list[tuple[float, ...]]) -> None:
    assert seed_spread(family) is None


def test_pairs_of_seeds_do_without() -> None:
    a, b = (dict(enumerate(side)) for side in FAMILY[:2])
    spread = seed_spread(FAMILY)
    assert seed_difference(a, b, pair_seeds=True, spread=spread) == seed_difference(a, b, pair_seeds=True)
