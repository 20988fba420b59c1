"""What sufficient statistics buy: resampling numbers instead of scoring text again. Ratios only, never seconds."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import mean_difference
from bench.statistics.intervals import BLOCK_SIZE, bootstrap_interval, paired_bootstrap
from bench.statistics.tests import approximate_randomization

N_RESAMPLES = 20
SAFE_RATIO = 20
N_EXAMPLES = 10_000


@pytest.mark.parametrize("name", ["sacrebleu", "rougeL"])
def test_statistics_are_much_faster_than_rescoring(name: str, benchmark: Any) -> None:
    metric = metrics.build(name)
    predictions, references = PREDICTIONS * 5, REFERENCES * 5
    table = metric.statistics(predictions, references)

    started = time.perf_counter()
    generator, values = np.random.default_rng(0), []
    for _ in range(N_RESAMPLES):
        rows = generator.integers(len(table), size=len(table))
        again = metric.statistics([predictions[i] for i in rows], [references[i] for i in rows])
        values.append(float(metric.aggregate(again.sum(axis=0))))
    by_text_s = time.perf_counter() - started

    found = benchmark.pedantic(
        lambda: bootstrap_interval(metric.aggregate, table, n_resamples=N_RESAMPLES, seed=0), rounds=5, warmup_rounds=1
    )
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-9)
    ratio = by_text_s / benchmark.stats.stats.median
    benchmark.extra_info["ratio"] = ratio
    assert ratio > SAFE_RATIO


def _tables(name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return an aggregate and two sides of many examples."""
    generator = np.random.default_rng(0)
    if name == "mean":
        return mean_of, *(mean_statistics(generator.normal(size=N_EXAMPLES)) for _ in range(2))
    metric = metrics.build(name)
    table = metric.statistics(PREDICTIONS, REFERENCES)
    a, b = (table[generator.integers(len(table), size=N_EXAMPLES)] for _ in range(2))
    return metric.aggregate, a, b


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.parametrize(("name", "at_most"), [("mean", 3.0), ("sacrebleu", 3.0)])
@pytest.mark.parametrize("test", [paired_bootstrap, approximate_randomization])
def test_paired_tests_cost_little_more_than_scipys_bootstrap_of_a_mean(
    name: str, at_most: float, test: Any, benchmark: Any
) -> None:
    from scipy.stats import bootstrap

    aggregate, a, b = _tables(name)
    column, n = a[:, 0] - b[:, 0], 1000
    reference_s = _seconds(lambda: bootstrap((column,), np.mean, n_resamples=n, batch=100, method="percentile"))
    size = {"n_resamples": n} if test is paired_bootstrap else {"n_trials": n}
    benchmark.pedantic(lambda: test(aggregate, a, b, seed=0, **size), rounds=3, warmup_rounds=1)
    ratio = benchmark.stats.stats.median / reference_s
    benchmark.extra_info["ratio"] = ratio
    assert ratio < at_most


@pytest.mark.parametrize("name", ["mean", "sacrebleu"])
def test_the_interval_over_five_seeds_costs_less_than_a_bootstrap_of_one(name: str, benchmark: Any) -> None:
    aggregate, a, b = _tables(name)
    resampled_s = _seconds(lambda: paired_bootstrap(aggregate, a, b, n_resamples=1000, seed=0))
    five_a, five_b = (dict.fromkeys(range(5), one) for one in (a, b))
    benchmark.pedantic(lambda: mean_difference(aggregate, five_a, five_b, pair_seeds=True), rounds=3, warmup_rounds=1)
    ratio = benchmark.stats.stats.median / resampled_s
    benchmark.extra_info["ratio"] = ratio
    assert ratio < 0.5


@pytest.mark.parametrize("test", [paired_bootstrap, approximate_randomization])
def test_paired_tests_hold_a_block_at_a_time(test: Any) -> None:
    aggregate, a, b = _tables("sacrebleu")
    tracemalloc.start()
    try:
        test(aggregate, a, b, seed=0, **({"n_resamples": 2000} if test is paired_bootstrap else {"n_trials": 2000}))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * 8 * BLOCK_SIZE
