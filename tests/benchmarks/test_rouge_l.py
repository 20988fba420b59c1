"""ROUGE-L against rouge-score's own table of lengths. Ratios only, never seconds."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from rouge_score.rouge_scorer import RougeScorer

from bench import metrics

N_WORDS = 1000


@pytest.mark.parametrize(("name", "at_least"), [("rougeL", 50), ("rougeLsum", 5)])
def test_long_rows_are_much_faster_than_with_the_library(name: str, at_least: int, benchmark: Any) -> None:
    generator = random.Random(0)  # noqa: S311
    words = [f"w{generator.randrange(200)}" + "\n" * (generator.random() < 0.02) for _ in range(2 * N_WORDS)]
    texts = " ".join(words[:N_WORDS]), " ".join(words[N_WORDS:])
    metric, library = metrics.build(name), RougeScorer([name], use_stemmer=True)
    started = time.perf_counter()
    expected = 100.0 * library.score(texts[1], texts[0])[name].fmeasure
    library_s = time.perf_counter() - started
    statistics = benchmark.pedantic(
        lambda: metric.statistics(texts[:1], texts[1:]), rounds=5, iterations=1, warmup_rounds=1
    )
    assert statistics[0, 0] == expected
    ratio = library_s / benchmark.stats.stats.median
    benchmark.extra_info["ratio"] = ratio
    assert ratio > at_least
