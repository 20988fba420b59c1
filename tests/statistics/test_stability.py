"""The swing of a learning curve: hand-worked values, its laws, and what it says of white noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.errors import InputError
from bench.statistics.stability import stability

CURVES = st.lists(st.floats(-10, 10), min_size=3, max_size=40)


def test_one_point_off_a_line_worked_by_hand() -> None:
    # e = (0 + 0) / 2 - 3 = -3, and sqrt(2/3 * 9) = sqrt(6).
    found = stability([0.0, 3.0, 0.0])
    assert found.swing == pytest.approx(math.sqrt(6))
    assert found.early_swing == found.swing
    assert found.late_swing is None
    assert found.largest_fall == 3.0


def test_early_and_late_are_told_apart() -> None:
    # Nine evaluations: the first three have e = 0.5 * (0.2 + 0.0) - 0.8 = -0.7, the other six lie on a line.
    found = stability([0.2, 0.8, 0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert found.early_swing == pytest.approx(math.sqrt(2 / 3) * 0.7)
    assert found.late_swing == pytest.approx(0.0, abs=1e-12)
    assert found.largest_fall == pytest.approx(0.8)


@pytest.mark.parametrize(("n", "n_early"), [(3, 3), (5, 3), (6, 3), (9, 3), (12, 4), (31, 10)])
def test_early_is_the_first_third_and_three_at_least(n: int, n_early: int) -> None:
    curve = np.random.default_rng(n).normal(size=n)
    found = stability(curve)  # type: ignore[arg-type]
    assert found.early_swing == stability(curve[:n_early]).swing  # type: ignore[arg-type]
    late = curve[n_early:]
    assert found.late_swing == (stability(late).swing if len(late) >= 3 else None)  # type: ignore[arg-type]


@given(CURVES, st.floats(-5, 5), st.floats(-5, 5))
def test_a_straight_rise_costs_nothing(curve: list[float], start: float, slope: float) -> None:
    line = [start + slope * i for i in range(len(curve))]
    assert stability(line).swing == pytest.approx(0.0, abs=1e-9)
    tilted = [value + at for value, at in zip(curve, line, strict=True)]
    assert stability(tilted).swing == pytest.approx(stability(curve).swing, abs=1e-9)


@given(CURVES, st.floats(0.1, 10))
def test_swing_scales_with_the_curve_and_knows_no_direction(curve: list[float], factor: float) -> None:
    swing = stability(curve).swing
    assert stability([factor * value for value in curve]).swing == pytest.approx(factor * swing, abs=1e-9)
    assert stability([-value for value in curve]).swing == pytest.approx(swing)
    assert stability(curve[::-1]).swing == pytest.approx(swing)


@given(CURVES)
def test_the_largest_fall_follows_the_direction(curve: list[float]) -> None:
    mirrored = stability([-value for value in curve], higher_is_better=False)
    assert mirrored.largest_fall == stability(curve).largest_fall >= 0
    assert stability(sorted(curve)).largest_fall == 0


@pytest.mark.parametrize("deviation", [0.01, 0.1, 2.0])
def test_white_noise_on_a_trend_gives_its_standard_deviation(deviation: float) -> None:
    n, n_curves = 31, 4000
    noise = np.random.default_rng(0).normal(0, deviation, size=(n_curves, n))
    trend = np.linspace(0.5, 0.9, n)
    variances = [stability(row).swing ** 2 for row in noise + trend]
    # The estimator's own standard error is near deviation**2 * sqrt(35 / 9 / n / n_curves), 0.6 %; five of them.
    assert np.mean(variances) == pytest.approx(deviation**2, rel=0.03)


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [1.0, float("nan"), 2.0], [1.0, float("inf"), 2.0]])
def test_too_few_or_not_finite_is_an_error(values: list[float]) -> None:
    with pytest.raises(InputError, match="3 or more finite values"):
        stability(values)
