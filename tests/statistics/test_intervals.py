"""Intervals and tests against scipy and sacreBLEU, and what they say where there is little to say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics import intervals
from bench.statistics.intervals import (
    bootstrap_interval,
    paired_bootstrap,
    seed_summary,
)


def means(n: int, seed: int = 0, mean: float = 0.0) -> np.ndarray:
    return mean_statistics(np.random.default_rng(seed).normal(mean, 1.0, size=n))


def test_interval_of_a_mean_equals_scipys() -> None:
    from scipy.stats import bootstrap

    table = means(200)
    ours = bootstrap_interval(mean_of, table, n_resamples=20_000, seed=1)
    theirs = bootstrap(
        (table[:, 0],), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    spread = 1 / np.sqrt(200)
    assert ours.value == pytest.approx(table[:, 0].mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_interval_of_bleu_equals_resampling_by_the_library() -> None:
    import sacrebleu

    metric = metrics.build("sacrebleu")
    table = metric.statistics(PREDICTIONS, REFERENCES)
    ours = bootstrap_interval(metric.aggregate, table, n_resamples=300, seed=5)
    generator, values = np.random.default_rng(5), []
    for _ in range(300):  # the same draws, scored as text
        rows = generator.integers(len(table), size=len(table))
        references = [[REFERENCES[i] for i in rows]]
        values.append(sacrebleu.corpus_bleu([PREDICTIONS[i] for i in rows], references, force=True).score)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-9)


def test_coverage_is_near_what_it_claims() -> None:
    hits = 0
    for trial in range(300):
        found = bootstrap_interval(mean_of, means(60, seed=trial), confidence=0.9, n_resamples=300, seed=trial)
        hits += found.low <= 0 <= found.high
    assert 0.84 <= hits / 300 <= 0.95


def test_seed_fixes_the_draws_and_block_size_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    table = means(50)
    first = bootstrap_interval(mean_of, table, n_resamples=200, seed=3)
    assert bootstrap_interval(mean_of, table, n_resamples=200, seed=3) == first
    assert bootstrap_interval(mean_of, table, n_resamples=200, seed=4) != first
    monkeypatch.setattr(intervals, "BLOCK_SIZE", 350)
    in_blocks = bootstrap_interval(mean_of, table, n_resamples=200, seed=3)
    assert (in_blocks.low, in_blocks.high) == pytest.approx((first.low, first.high), abs=1e-12)


def test_one_example_has_no_width_and_proves_nothing() -> None:
    one = mean_statistics([0.25])
    found = bootstrap_interval(mean_of, one, seed=0)
    assert (found.low, found.value, found.high, found.n_examples) == (0.25, 0.25, 0.25, 1)
    difference = paired_bootstrap(mean_of, one, mean_statistics([0.0]), seed=0)
    assert (difference.value, difference.p_value) == (0.25, 1.0)


def test_equal_systems_differ_by_nothing() -> None:
    table = means(40)
    found = paired_bootstrap(mean_of, table, table, seed=0)
    assert (found.value, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_pairing_finds_what_two_intervals_cannot() -> None:
    a = means(200)
    b = a.copy()
    b[:, 0] -= 0.05 + 0.1 * np.random.default_rng(1).random(200)
    separate = [bootstrap_interval(mean_of, table, seed=0) for table in (a, b)]
    assert separate[0].low < separate[1].high  # they overlap
    paired = paired_bootstrap(mean_of, a, b, seed=0)
    assert paired.value == pytest.approx(0.1, abs=0.01)
    assert paired.low > 0
    assert paired.p_value == pytest.approx(1 / 1001)


def test_swapping_sides_mirrors_the_difference() -> None:
    a, b = means(80, seed=1), means(80, seed=2, mean=0.2)
    forth, back = paired_bootstrap(mean_of, a, b, seed=0), paired_bootstrap(mean_of, b, a, seed=0)
    assert (forth.value, forth.low, forth.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert forth.p_value == back.p_value


def test_p_values_are_uniform_where_nothing_differs() -> None:
    p_values = [
        paired_bootstrap(mean_of, means(60, seed=i), means(60, seed=1000 + i), n_resamples=200, seed=i).p_value
        for i in range(300)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.09
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("name", ["sacrebleu", "chrf"])
@pytest.mark.parametrize(
    ("worsen", "differs"),
    [(lambda text: " ".join(text.split()[:-2]), True), (lambda text: text.replace(" said", " says"), False)],
)
def test_decides_as_sacrebleus_paired_bootstrap(name: str, worsen: Any, differs: bool) -> None:
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.significance import PairedTest

    base = [text.replace("The", "A") for text in REFERENCES]
    other = [worsen(text) for text in base]
    library = {"sacrebleu": BLEU, "chrf": CHRF}[name](references=[REFERENCES])
    systems = [("base", base), ("other", other)]
    _, scores = PairedTest(systems, {name: library}, None, test_type="bs", n_samples=500)()
    theirs = next(results for key, results in scores.items() if key != "System")[1]
    metric = metrics.build(name)
    tables = [metric.statistics(texts, REFERENCES) for texts in (other, base)]
    ours = paired_bootstrap(metric.aggregate, tables[0], tables[1], n_resamples=500, seed=0)
    assert float(metric.aggregate(tables[0].sum(axis=0))) == pytest.approx(theirs.score, abs=1e-9)
    assert (ours.p_value < 0.05) == (theirs.p_value < 0.05) == differs


def test_seed_summary_by_hand() -> None:
    found = seed_summary([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.302653; standard deviation 1; 4.302653 / sqrt(3) = 2.484138.
    assert (found.n, found.mean, found.standard_deviation) == (3, 2.0, 1.0)
    assert (found.low, found.high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-6)


def test_one_seed_has_a_mean_and_nothing_else() -> None:
    found = seed_summary([0.7])
    assert (found.n, found.mean) == (1, 0.7)
    assert (found.standard_deviation, found.low, found.high) == (None, None, None)


def bad(row: int) -> np.ndarray:
    table = means(5)
    table[row, 0] = np.nan
    return table


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval(mean_of, bad(3), seed=0), "statistics of example 3 are not finite"),
        (lambda: bootstrap_interval(mean_of, np.empty((0, 2)), seed=0), r"shape \(0, 2\)"),
        (lambda: bootstrap_interval(mean_of, np.ones(3), seed=0), r"shape \(3,\)"),
        (lambda: bootstrap_interval(mean_of, means(3), confidence=95, seed=0), "confidence is 95"),
        (lambda: bootstrap_interval(mean_of, means(3), n_resamples=0, seed=0), "n_resamples is 0"),
        (lambda: bootstrap_interval(mean_of, means(3), n_resamples=10**10, seed=0), "give 10,000,000 or fewer"),
        (lambda: paired_bootstrap(mean_of, means(3), means(4), seed=0), "3 and 4 examples"),
        (lambda: seed_summary([]), "one finite score per seed"),
        (lambda: seed_summary([1.0, float("inf")]), "one finite score per seed"),
    ],
)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_an_undefined_resample_is_said() -> None:
    metric = metrics.build("perplexity")
    table = metric.statistics([2000.0, 0.5, 0.5, 0.5], [1, 1, 1, 1])
    with pytest.raises(InputError, match="a resampled score is not finite"):
        bootstrap_interval(metric.aggregate, table, seed=0)
