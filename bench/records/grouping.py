"""Stored statistics -> those of groups, where the record says that rows belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError
from bench.records.record import MeasuredConfig
from bench.statistics.groups import Groups, count_groups, sum_within

GROUPS: Final = "groups"
"""The key of the rows' groups in a file of statistics; it holds no stroke, as those of statistics do."""


def sums_of(
    by_metric: Mapping[str, NDArray[np.float64]], groups: Groups | None, record: MeasuredConfig, place: str
) -> dict[str, NDArray[np.float64]]:
    """Return metric -> statistics summed within groups; as they are where every row stands for itself.

    Args:
        by_metric: metric -> (n_examples, n_statistics); the first rows of the split, where a metric scores no more.
        groups: (n_rows,) as stored beside the statistics; none without groups.
        record: says how many groups there are.
        place: the file, for the message.

    Raises:
        InputError: the groups are not those of the record.
    """
    check_groups(groups, record, place)
    if groups is None:
        return dict(by_metric)
    for metric, array in by_metric.items():
        if len(array) > len(groups):
            raise InputError(f"{place}: {metric} has statistics of {len(array)} rows, and groups of {len(groups)}")
    return {metric: sum_within(array, groups[: len(array)]) for metric, array in by_metric.items()}


def check_groups(groups: Groups | None, record: MeasuredConfig, place: str) -> None:
    """Refuse groups that are not as many as the record says.

    Raises:
        InputError: they are not.
    """
    stored, said = None if groups is None else count_groups(groups), record.data.splits["test"].n_groups
    if stored != said:
        raise InputError(
            f"{place}: holds {_count(stored)}, and the record says {_count(said)}: the two are not of one run; "
            "run again with --force, or promote again"
        )


def _count(n_groups: int | None) -> str:
    return "no groups" if n_groups is None else f"{n_groups} groups"


def groups_name(record: MeasuredConfig) -> str | None:
    """Return which test rows belong together, as a short name that is equal where they are; none without groups."""
    test = record.data.splits["test"]
    return None if test.n_groups is None else f"{test.n_groups} groups ({(test.groups_fingerprint or '')[:12]})"
