"""Tokens and seconds to a target, and performance profiles, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from factories import curve, make_record
from hypothesis import given
from hypothesis import strategies as st

from bench.comparing.leaderboard.targets import MOST_TIMES_THE_FASTEST, performance_profiles, to_target
from bench.records.record import RunRecord


def rising(seed: int, *values: float, metric: str = "accuracy", **changes: Any) -> RunRecord:
    """Return a run that scored these values at steps 0, 10, 20 ...; 1,000 tokens and 100 s in all."""
    points = [
        {"step": 10 * i, "scores": {metric: {"value": value, "low": value, "high": value}}}
        for i, value in enumerate(values)
    ]
    costs = {"cost__n_training_tokens": 1000, "cost__stages_s": {"training": 100.0, "evaluating": 77.0}}
    return make_record(seed, evaluations=points, **costs | changes)


def test_a_seed_reaches_a_target_at_the_first_evaluation_that_is_there() -> None:
    found = to_target([rising(0, 0.5, 0.6, 0.8, 0.7, 0.9)], "accuracy", 0.8, higher_is_better=True)
    assert found is not None
    assert (found.steps, found.tokens, found.seconds) == (20, 500, 50)
    assert (found.n_seeds, found.n_reached) == (1, 1)


def test_where_lower_is_better_a_target_is_reached_from_above() -> None:
    found = to_target([rising(0, 0.9, 0.5, 0.4, metric="loss")], "loss", 0.5, higher_is_better=False)
    assert found is not None
    assert (found.steps, found.tokens, found.seconds) == (10, 500, 50)


@pytest.mark.parametrize(
    ("ends", "n_reached", "steps"),
    [
        # (step at which each seed reaches 0.8), None for never
        ((10, 20, 30), 3, 20),
        ((10, 20), 2, 15),
        ((10, 30, None), 2, 30),
        ((10, None, None), 1, None),
        ((10, None), 1, None),
        ((None, None, None), 0, None),
        ((0, 0, 10), 3, 0),
    ],
)
def test_several_seeds_give_their_median(ends: tuple[int | None, ...], n_reached: int, steps: float | None) -> None:
    runs = []
    for seed, end in enumerate(ends):
        values = [0.9 if end is not None and 10 * i >= end else 0.1 for i in range(5)]
        runs.append(rising(seed, *values))
    found = to_target(runs, "accuracy", 0.8, higher_is_better=True)
    assert found is not None
    assert (found.n_reached, found.steps) == (n_reached, steps)
    assert found.tokens == (None if steps is None else 1000 * steps / 40)


def test_without_a_curve_of_the_metric_there_is_nothing_to_say() -> None:
    assert to_target([make_record()], "accuracy", 0.8, higher_is_better=True) is None
    other = make_record(evaluations=curve(f1=(0.1, 0.9)))
    assert to_target([other], "accuracy", 0.8, higher_is_better=True) is None
    assert to_target([rising(0, 0.1, 0.9), make_record(1)], "accuracy", 0.8, higher_is_better=True) is None


# --- performance profiles --------------------------------------------------------------------------------------------


def test_profiles_by_hand() -> None:
    lora, full, slow = performance_profiles(
        [
            {"full": 10.0, "lora": 20.0, "slow": None, "once": 1.0},
            {"full": 90.0, "lora": 30.0, "slow": 300.0},
        ]
    )
    assert (lora.method, lora.ratios) == ("lora", (2.0, 1.0))
    assert (full.method, full.ratios) == ("full", (1.0, 3.0))
    assert (slow.method, slow.ratios) == ("slow", (math.inf, 10.0))
    assert [lora.share_within(factor) for factor in (1, 1.5, 2, 4)] == [0.5, 0.5, 1.0, 1.0]
    assert slow.share_within(MOST_TIMES_THE_FASTEST) == 0
    # 1 from factor 1 and 1 from factor 2: the mean of 3/3 and 2/3
    assert lora.area == pytest.approx(5 / 6)
    assert full.area == pytest.approx(4 / 6)
    assert slow.area == 0


def test_a_target_that_is_met_before_training_leaves_no_ratio_but_one() -> None:
    first, second = performance_profiles([{"a": 0.0, "b": 5.0}, {"a": 1.0, "b": 1.0}])
    assert (first.ratios, second.ratios) == ((1.0, 1.0), (math.inf, 1.0))


def test_nothing_in_common_has_no_profile() -> None:
    assert performance_profiles([]) == ()
    assert performance_profiles([{"a": 1.0}, {"b": 1.0}]) == ()


@given(st.lists(st.fixed_dictionaries({"a": st.floats(0.1, 9), "b": st.floats(0.1, 9)}), min_size=1, max_size=5))
def test_the_area_is_the_mean_share(suites: list[dict[str, float | None]]) -> None:
    n = 3000
    factors = [1 + (MOST_TIMES_THE_FASTEST - 1) * (i + 0.5) / n for i in range(n)]
    for profile in performance_profiles(suites):
        assert profile.area == pytest.approx(sum(map(profile.share_within, factors)) / n, abs=1e-3)
