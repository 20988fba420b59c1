"""The best-of-k curve against every subset drawn by hand."""

from __future__ import annotations

from itertools import combinations, pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics.best_of_k import best_of_k

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


def test_three_values_by_hand() -> None:
    # Pairs of 1, 2, 4 have the best 2, 4, 4.
    assert best_of_k([4, 1, 2], higher_is_better=True) == pytest.approx([7 / 3, 10 / 3, 4])
    assert best_of_k([4, 1, 2], higher_is_better=False) == pytest.approx([7 / 3, 4 / 3, 1])


@given(values=VALUES, higher_is_better=st.booleans())
def test_it_is_the_mean_over_all_subsets(values: list[float], higher_is_better: bool) -> None:
    best = max if higher_is_better else min
    expected = [fmean(map(best, combinations(values, k))) for k in range(1, len(values) + 1)]
    assert best_of_k(values, higher_is_better=higher_is_better) == pytest.approx(expected, abs=1e-9)


@given(values=VALUES)
def test_it_never_gets_worse_and_ends_at_the_best(values: list[float]) -> None:
    curve = best_of_k(values, higher_is_better=True)
    assert all(b >= a - 1e-9 for a, b in pairwise(curve))
    assert curve[-1] == pytest.approx(max(values))


def test_a_failed_trial_counts_as_the_worst_of_the_others() -> None:
    assert best_of_k([None, 3, 1], higher_is_better=True) == best_of_k([1, 3, 1], higher_is_better=True)
    assert best_of_k([None, 3, 1], higher_is_better=False) == best_of_k([3, 3, 1], higher_is_better=False)
    assert best_of_k([None, None], higher_is_better=True) == []
