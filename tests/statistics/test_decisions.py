"""Shares of right answers: what rows that agree can rule out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.decisions import upper_end
from bench.statistics.differences import MeanDifference, mean_difference
from bench.statistics.power import needed

QUANTILE = float(norm.ppf(0.975))


@pytest.mark.parametrize(("n_wrong", "n"), [(0, 30), (1, 30), (3, 400), (12, 40)])
def test_the_upper_end_is_wilsons_where_nothing_else_varies(n_wrong: int, n: int) -> None:
    expected = binomtest(n_wrong, n).proportion_ci(0.95, method="wilson").high
    assert upper_end(n_wrong / n, 0.0, QUANTILE, n) == pytest.approx(expected)


def test_a_wider_spread_of_its_own_is_kept() -> None:
    assert upper_end(0.02, 0.2, QUANTILE, 400) == pytest.approx(0.02 + 0.2 * QUANTILE)
    assert upper_end(-0.5, 0.01, QUANTILE, 400) == pytest.approx(-0.5 + 0.01 * QUANTILE)


def saturated(n: int) -> MeanDifference:
    side = {seed: mean_statistics(np.ones(n)) for seed in range(3)}
    return mean_difference(mean_of, side, side, pair_seeds=True, decisions=True, confidence=0.9)


def test_thirty_of_thirty_right_on_both_sides_rule_out_a_large_drop_and_no_small_one() -> None:
    found = saturated(30)
    assert (found.low, found.high) == (-found.high, pytest.approx(0.08, abs=0.01))
    assert found.p_at_most(-0.12) < 0.05 < found.p_at_most(-0.05)
    assert found.p_at_most(0.0) == found.p_value == 1.0
    assert saturated(3000).high < 0.002


def test_the_forecast_of_what_would_decide_knows_the_least_variance() -> None:
    found = needed(saturated(30), margin=-0.05, alpha=0.05)
    assert found.n_seeds is None
    assert found.n_examples is not None
    assert found.n_examples > 0
    assert needed(saturated(30), margin=-0.12, alpha=0.05).n_examples == 0


def test_what_is_no_share_of_right_answers_stays_as_it_was() -> None:
    side = {seed: mean_statistics(np.ones(30)) for seed in range(3)}
    found = mean_difference(mean_of, side, side, pair_seeds=True)
    assert (found.low, found.high, found.of_decisions) == (0.0, 0.0, False)


def test_a_true_drop_of_the_margin_passes_no_more_often_than_alpha() -> None:
    generator, n, margin, n_trials = np.random.default_rng(0), 30, 0.03, 1000
    passes = 0
    for _ in range(n_trials):
        baseline, run = ({s: mean_statistics(generator.random(n) < p) for s in range(3)} for p in (0.995, 0.965))
        found = mean_difference(mean_of, run, baseline, pair_seeds=True, decisions=True, confidence=0.9)
        passes += found.low >= -margin
    assert passes / n_trials <= 0.07
