"""What sufficient statistics buy: resampling numbers instead of scoring text again. Ratios only, never seconds."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from metrics.texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.statistics import bootstrap_interval

N_RESAMPLES = 20
SAFE_RATIO = 20


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
