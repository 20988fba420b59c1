"""Sums within groups: against sums by hand, and a cluster-robust regression."""

import numpy as np
import pytest

from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import mean_score
from bench.statistics.groups import count_groups, number_groups, sum_within


def test_groups_are_numbered_as_they_first_occur() -> None:
    assert number_groups(["b", "a", "b", "c"]).tolist() == [0, 1, 0, 2]
    assert count_groups(number_groups(["b", "a", "b", "c"])) == 3


def test_rows_are_summed_wherever_they_stand() -> None:
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0], [8.0, 80.0]])

    assert sum_within(rows, number_groups(["x", "y", "x", "z"])).tolist() == [[5, 50], [2, 20], [8, 80]]
    assert sum_within(rows, None) is rows
    assert np.array_equal(sum_within(rows, number_groups("wxyz")), rows)


def test_every_row_needs_a_group() -> None:
    with pytest.raises(InputError, match="3 rows and the groups of 2"):
        sum_within(np.ones((3, 2)), number_groups("ab"))


def test_the_standard_error_is_cluster_robust() -> None:
    """Of equal groups, the jackknife over groups is the cluster-robust (CR1) error of the mean, as in Stata."""
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    values = generator.normal(size=40)[groups] + generator.normal(size=200)

    found = mean_score(mean_of, {0: sum_within(mean_statistics(values), groups)})

    residuals = np.bincount(groups, values - values.mean())
    by_hand = np.sqrt((residuals**2).sum() * 40 / 39) / 200
    assert found.standard_error == pytest.approx(by_hand, rel=1e-12)
    assert (found.value, found.degrees_of_freedom) == (pytest.approx(values.mean()), 39)
