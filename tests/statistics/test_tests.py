"""Paired tests against sacreBLEU and statsmodels, and p-values adjusted for being many."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import PREDICTIONS, REFERENCES, shortened

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics import tests
from bench.statistics.differences import mean_difference
from bench.statistics.intervals import paired_bootstrap
from bench.statistics.tests import adjusted, adjusted_pairs, approximate_randomization, mcnemar_exact

# --- against sacreBLEU -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sacrebleu", "chrf"])
@pytest.mark.parametrize("share", [0.5, 0.3, 0.2, 0.05])
def test_agrees_with_sacrebleu(name: str, share: float) -> None:
    from sacrebleu.metrics import BLEU, CHRF
    from sacrebleu.significance import PairedTest

    # One side loses words in a share of the texts, the other in the rest, so that ties, which sacreBLEU leaves out, are
    # rare.
    which = np.random.default_rng(1).random(len(PREDICTIONS)) < share
    systems, n_trials = [("one", shortened(which)), ("other", shortened(~which))], 1500
    library = {"sacrebleu": BLEU, "chrf": CHRF}[name](references=[REFERENCES])

    def p_of(kind: str) -> float:
        _, scores = PairedTest(systems, {name: library}, None, test_type=kind, n_samples=n_trials)()
        return float(next(results for key, results in scores.items() if key != "System")[1].p_value)

    metric = metrics.build(name)
    a, b = (metric.statistics(texts, REFERENCES) for _, texts in systems)
    found = approximate_randomization(metric.aggregate, a, b, n_trials=20_000, seed=0)
    reference = p_of("ar")
    error = math.sqrt(found * (1 - found) / n_trials)
    assert found == pytest.approx(reference, abs=4 * error + 2 / n_trials)

    difference = mean_difference(metric.aggregate, {0: a}, {0: b}, pair_seeds=True)
    ours = paired_bootstrap(metric.aggregate, a, b, n_resamples=4000, seed=0)
    by_bootstrap = p_of("bs")
    assert (difference.p_value < 0.05) == (ours.p_value < 0.05) == (by_bootstrap < 0.05) == (reference < 0.05)


def test_randomization_equals_all_swaps_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.array([3.0, 1.0, 4.0, 1.5]), np.array([2.0, 1.0, 2.5, 1.0])  # one tie; 3 rows give 8 swaps, 2 as far
    tables = mean_statistics(a), mean_statistics(b)
    found = approximate_randomization(mean_of, *tables, n_trials=20_000, seed=0)
    assert found == pytest.approx(2 / 8, abs=0.015)
    monkeypatch.setattr(tests, "BLOCK_SIZE", 100)
    assert approximate_randomization(mean_of, *tables, n_trials=20_000, seed=0) == found


def test_randomization_of_equal_sides_and_bad_input() -> None:
    table = mean_statistics([1.0, 2.0])
    assert approximate_randomization(mean_of, table, table, seed=0) == 1.0
    with pytest.raises(InputError, match="n_trials is 0"):
        approximate_randomization(mean_of, table, table, n_trials=0, seed=0)
    with pytest.raises(InputError, match="2 and 3 examples"):
        approximate_randomization(mean_of, table, mean_statistics([1.0, 2.0, 3.0]), seed=0)


# --- McNemar and many tests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (6, 0, 2 / 64),
        (1, 7, 2 * (1 + 8) / 256),
        (5, 5, 1.0),
        (2, 10, 2 * (1 + 12 + 66) / 4096),
    ],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, expected: float) -> None:
    a = [True] * only_a + [False] * only_b + [True, False, True]
    b = [False] * only_a + [True] * only_b + [True, False, True]
    assert mcnemar_exact(a, b) == pytest.approx(expected)
    assert mcnemar_exact(np.array(b, dtype=float), np.array(a, dtype=float)) == pytest.approx(expected)


def test_mcnemar_equals_statsmodels() -> None:
    from statsmodels.stats import contingency_tables as tables

    a, b = (np.random.default_rng(seed).random(200) < share for seed, share in ((0, 0.8), (1, 0.7)))
    counts = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    assert mcnemar_exact(a, b) == pytest.approx(tables.mcnemar(counts, exact=True).pvalue)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([True], [True, False], "shapes"), ([], [], "shapes"), ([0.5], [1.0], "right and wrong")],
)
def test_mcnemar_refuses(a: Sequence[bool], b: Sequence[bool], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mcnemar_exact(a, b)


def test_adjusted_by_hand() -> None:
    given_values = [0.01, 0.04, 0.03, 0.005]
    assert adjusted(given_values, "holm") == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted(given_values, "benjamini-hochberg") == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert adjusted(given_values, "none") == given_values
    assert adjusted([0.6, 0.7], "holm") == [1.0, 1.0]
    assert adjusted([], "holm") == adjusted([], "benjamini-hochberg") == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_adjusting_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    holm, rate = adjusted(p_values, "holm"), adjusted(p_values, "benjamini-hochberg")
    for before, family, share in zip(p_values, holm, rate, strict=True):
        assert before <= share * (1 + 1e-12)
        assert share <= family * (1 + 1e-12)
        assert family <= 1
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(holm)[order]) >= 0).all()


def test_adjusted_refuses() -> None:
    with pytest.raises(InputError, match="p-value is nan"):
        adjusted([math.nan], "holm")
    with pytest.raises(InputError, match="did you mean 'holm'"):
        adjusted([0.5], "hom")  # type: ignore[arg-type]


# --- pairs of methods ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_methods", "factors"),
    [(2, [1]), (3, [3, 1, 1]), (4, [6, 3, 3, 3, 2, 1]), (5, [10, 6, 6, 6, 6, 4, 4, 3, 2, 1])],
)
def test_factors_of_pairs_are_those_of_shaffers_table(n_methods: int, factors: list[int]) -> None:
    p_values = [0.001 * 2**place for place in range(len(factors))]
    found = adjusted_pairs(p_values[::-1], n_methods)[::-1]
    expected = np.maximum.accumulate([p * factor for p, factor in zip(p_values, factors, strict=True)])
    assert found == pytest.approx(np.minimum(expected, 1))


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10), st.integers(1, 10))
def test_pairs_are_never_corrected_more_than_by_holm_and_some_pairs_less_than_all(given: list[float], n: int) -> None:
    all_pairs, holm = adjusted_pairs(given, 5), adjusted(given, "holm")
    assert all(p - 1e-12 <= pair <= other + 1e-12 for p, pair, other in zip(given, all_pairs, holm, strict=True))
    some = adjusted_pairs(given[:n], 5)
    assert all(mine <= other + 1e-12 for mine, other in zip(some, adjusted(given[:n], "holm"), strict=True))


def test_more_p_values_than_pairs_are_refused() -> None:
    with pytest.raises(InputError, match="3 methods have 3 pairs"):
        adjusted_pairs([0.1] * 4, 3)
