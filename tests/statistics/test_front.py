"""The Pareto front against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics.front import pareto_front

Points = list[tuple[float, float]]


@given(st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=12))
def test_the_front_is_what_nothing_dominates(points: Points) -> None:
    undominated = {
        i
        for i, (cost, score) in enumerate(points)
        if not any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points)
    }
    front = pareto_front(points)
    assert set(front) == undominated
    assert len(front) == len(undominated)
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], ()),
        ([(3.0, 0.9), (1.0, 0.5), (2.0, 0.4), (2.0, 0.8)], (1, 3, 0)),
        ([(1.0, 0.5), (1.0, 0.5), (2.0, 0.5)], (0, 1)),
    ],
)
def test_fronts_by_hand(points: Points, expected: tuple[int, ...]) -> None:
    assert pareto_front(points) == expected
