"""Levels of repeated looks: alpha is held over all of them, whatever shares in the noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import mean_difference, seed_difference
from bench.statistics.sequential import by_seeds, plan

ROWLESS = np.zeros(30_000)


def ever_crossed(differences: np.ndarray, levels: tuple[float, ...], first: int, rows: np.ndarray) -> float:
    """Return the share of (n_paths, n_seeds) whose one-sided t test passes its level at some look.

    `rows` (n_paths,) is noise that all seeds share, of a known variance of 1, or 0.
    """
    crossed = np.zeros(len(differences), dtype=bool)
    for n, level in enumerate(levels, first):
        seen = differences[:, :n]
        error = np.sqrt(seen.var(axis=1, ddof=1) / n + float(rows.any()))
        crossed |= (seen.mean(axis=1) + rows) / error > student.isf(level, n - 1)
    return float(crossed.mean())


@pytest.mark.parametrize(("first", "last"), [(2, 5), (3, 5), (3, 10), (3, 20)])
def test_alpha_is_spent_whole_and_no_more(first: int, last: int) -> None:
    generator = np.random.default_rng(last)
    seeds = generator.normal(size=(60_000, last))
    looks = plan(first, last, 0.05)
    assert ever_crossed(seeds, looks.levels, first, np.zeros(60_000)) == pytest.approx(0.05, abs=0.004)
    for luck in (0.3, 1.0, 3.0):  # noise of the rows beside that of the seeds ties the looks together
        assert ever_crossed(luck * seeds, looks.levels, first, generator.normal(size=60_000)) <= 0.052


def test_looking_after_every_seed_without_a_plan_is_wrong_too_often() -> None:
    seeds = np.random.default_rng(1).normal(size=(20_000, 20))
    assert ever_crossed(seeds, (0.05,) * 18, 3, np.zeros(20_000)) > 0.15


@pytest.mark.parametrize(("last", "n_tests"), [(5, 4), (10, 10), (20, 10)])
def test_tests_that_are_corrected_together_hold_alpha_together(last: int, n_tests: int) -> None:
    generator, looks = np.random.default_rng(n_tests), plan(3, last, 0.05, n_tests)
    shares = [
        ever_crossed(
            generator.normal(size=(30_000, last)), tuple(level / n_tests for level in looks.levels), 3, ROWLESS
        )
        for _ in range(n_tests)
    ]
    assert 1 - np.prod(1 - np.array(shares)) <= 0.053  # independent tests, at worst all on their margin
    assert all(level <= one for level, one in zip(looks.levels, plan(3, last, 0.05).levels, strict=True))


def test_one_look_is_a_t_test() -> None:
    assert plan(4, 4, 0.05).levels == pytest.approx((0.05,), rel=0.03)


def test_little_is_spent_on_the_first_looks() -> None:
    looks = plan(3, 10, 0.05)
    assert looks.level(3) < 0.05 * (2 / 9) ** 2 * 1.05
    assert looks.spent(3) == pytest.approx(0.05 * (2 / 9) ** 2)
    assert looks.spent(10) == 0.05
    assert list(looks.levels) == sorted(looks.levels)


@pytest.mark.parametrize(
    ("first", "last", "alpha"), [(1, 5, 0.05), (5, 4, 0.05), (3, 1000, 0.05), (3, 5, 0.5), (3, 5, 0)]
)
def test_error_a_plan_that_makes_no_sense(first: int, last: int, alpha: float) -> None:
    with pytest.raises(InputError):
        plan(first, last, alpha)


def test_an_interval_by_seeds_has_the_degrees_of_freedom_of_its_seeds() -> None:
    generator = np.random.default_rng(0)
    a, b = ({s: mean_statistics(generator.normal(size=50)) for s in range(3)} for _ in range(2))
    difference = mean_difference(mean_of, a, b, pair_seeds=True)
    assert difference.degrees_of_freedom > 2
    found = by_seeds(difference)
    assert (found.degrees_of_freedom, found.value) == (2, difference.value)
    assert found.high - found.value == pytest.approx(student.ppf(0.975, 2) * difference.standard_error)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    one = mean_difference(mean_of, {0: a[0]}, {0: b[0]}, pair_seeds=True)
    assert by_seeds(one) is one
    over_seeds = seed_difference({0: 1.0, 1: 2.0, 2: 4.0}, {0: 0.0, 1: 0.5, 2: 0.25}, pair_seeds=True)
    assert by_seeds(over_seeds).low == pytest.approx(over_seeds.low)
