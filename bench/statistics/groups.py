"""Rows that belong together, such as questions on one passage: their statistics are summed before anything else.

Rows of one group resemble each other, so they say less than as many rows that have nothing in common. A metric is a
function of summed statistics, so the sums within groups stand for the groups as the rows' own stand for the rows: every
interval, test and gate that is given the sums takes the group for the example, and the score stays what it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError
from bench.statistics.intervals import Array

Groups = NDArray[np.int64]
"""(n_examples,) the number of each row's group, from 0 in the order in which groups first occur."""


def number_groups(names: Sequence[Hashable]) -> Groups:
    """Return the number of each row's group.

    Args:
        names: (n_examples,) the group of each row; rows with equal names belong together, wherever they stand.
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def count_groups(groups: Groups) -> int:
    """Return how many groups there are."""
    return len(np.unique(groups))


def sum_within(statistics: Array, groups: Groups | None) -> Array:
    """Return the statistics of groups: the sums over the rows of each.

    Args:
        statistics: (n_examples, n_statistics), as `Metric.statistics`.
        groups: (n_examples,) as `number_groups` returns them; none where every row stands for itself.

    Returns:
        Array (n_groups, n_statistics), in the order of the groups' numbers; the statistics themselves without groups.

    Raises:
        InputError: there is not one number for each row.

    Source:
        Miller 2024, "Adding error bars to evals", section 2.2 (clustered questions); for any function of sums, the
        jackknife that leaves out whole groups: Cameron and Miller 2015, "A practitioner's guide to cluster-robust
        inference".
    """
    if groups is None:
        return statistics
    if groups.shape != (len(statistics),):
        raise InputError(
            f"there are {len(statistics)} rows and the groups of {len(groups)}; every row belongs to one group"
        )
    _, positions = np.unique(groups, return_inverse=True)
    sums = np.zeros((int(positions.max()) + 1 if len(positions) else 0, *statistics.shape[1:]))
    np.add.at(sums, positions, statistics)
    return sums
