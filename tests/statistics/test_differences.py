"""One interval over examples and seeds against scipy, its laws, and defined answers where little is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import PREDICTIONS, REFERENCES, shortened

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import mean_difference, mean_score, seed_difference

Array = np.ndarray


def side(
    n_seeds: int, n_examples: int, *, seed: int, shift: float = 0.0, first: int = 0, luck: float = 0.3
) -> dict[int, Array]:
    generator = np.random.default_rng(seed)
    return {
        first + number: mean_statistics(shift + luck * generator.normal() + generator.normal(size=n_examples))
        for number in range(n_seeds)
    }


def constant(value: float, n_examples: int) -> dict[int, Array]:
    return {0: mean_statistics([value] * n_examples)}


def means(by_seed: dict[int, Array]) -> dict[int, float]:
    return {number: float(mean_of(statistics.sum(axis=0))) for number, statistics in by_seed.items()}


# --- against scipy ---------------------------------------------------------------------------------------------------


def test_one_seed_is_a_paired_t_test_of_examples() -> None:
    from scipy.stats import ttest_rel

    a, b = side(1, 60, seed=0, shift=0.3), side(1, 60, seed=1)
    found = mean_difference(mean_of, a, b, confidence=0.9, pair_seeds=True)
    reference = ttest_rel(a[0][:, 0], b[0][:, 0])
    assert found.over == "examples"
    assert found.p_value == pytest.approx(reference.pvalue)
    interval = reference.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.n_examples, found.degrees_of_freedom) == (60, 59)


@pytest.mark.parametrize("name", ["rouge1", "sacrebleu", "chrf"])
def test_one_seed_is_near_scipys_bootstrap(name: str) -> None:
    from scipy.stats import bootstrap

    metric = metrics.build(name)
    a = metric.statistics(PREDICTIONS * 4, REFERENCES * 4)
    b = metric.statistics(shortened(np.random.default_rng(0).random(len(PREDICTIONS)) < 0.3) * 4, REFERENCES * 4)
    found = mean_difference(metric.aggregate, {0: a}, {7: b}, pair_seeds=True)
    rows = np.arange(len(a))

    def difference(drawn: Array, axis: int) -> Array:  # (..., n_examples), drawn along the last axis
        return metric.aggregate(a[drawn].sum(axis=-2)) - metric.aggregate(b[drawn].sum(axis=-2))

    reference = bootstrap((rows,), difference, n_resamples=2000, method="percentile", rng=np.random.default_rng(0))
    width = reference.confidence_interval.high - reference.confidence_interval.low
    assert found.standard_error == pytest.approx(reference.standard_error, rel=0.08)
    assert found.low == pytest.approx(reference.confidence_interval.low, abs=0.12 * width)
    assert found.high == pytest.approx(reference.confidence_interval.high, abs=0.12 * width)


def test_seeds_alone_are_scipys_t_tests() -> None:
    from scipy.stats import ttest_1samp, ttest_ind

    a, b = {1: 0.91, 2: 0.93, 3: 0.90, 4: 0.95}, {4: 0.90, 3: 0.89, 2: 0.91, 1: 0.90}
    paired = seed_difference(a, b, pair_seeds=True)
    reference = ttest_1samp([a[number] - b[number] for number in a], 0)
    interval = reference.confidence_interval(0.95)
    assert (paired.p_value, paired.low, paired.high) == pytest.approx((reference.pvalue, interval.low, interval.high))
    assert (paired.over, paired.paired_seeds, paired.n_examples) == ("seeds", True, 0)

    apart = seed_difference(a, {11: 0.90, 12: 0.89, 13: 0.91}, pair_seeds=True)
    reference = ttest_ind(list(a.values()), [0.90, 0.89, 0.91], equal_var=False)
    interval = reference.confidence_interval(0.95)
    assert (apart.p_value, apart.low, apart.high) == pytest.approx((reference.pvalue, interval.low, interval.high))
    assert not apart.paired_seeds


def test_seeds_that_differ_much_are_the_t_test_of_seeds() -> None:
    a, b = side(5, 2000, seed=0, luck=3.0), side(5, 2000, seed=1, luck=3.0)
    found, alone = mean_difference(mean_of, a, b, pair_seeds=True), seed_difference(means(a), means(b), pair_seeds=True)
    assert found.over == "both"
    assert found.value == pytest.approx(alone.value)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), rel=0.01)


def test_variances_are_those_of_a_two_way_table() -> None:
    table = np.array([[1.0, 2.0, 4.0], [2.0, 2.0, 5.0]])  # (n_seeds, n_examples) of A; B is 0
    a = {number: mean_statistics(row) for number, row in enumerate(table)}
    b = {number: mean_statistics(np.zeros(3)) for number in range(2)}
    found = mean_difference(mean_of, a, b, pair_seeds=True)
    # Row means 1.5, 2, 4.5: variance 2.5833 / 3. Seed means 7/3, 3: variance 0.2222 / 2.
    # Residuals -+1/6, +-1/3, -+1/6: their squares sum to 1/3; over (2 - 1)(3 - 1) it is 1/6, of 6 cells 1/36.
    parts = (found.variance_examples, found.variance_seeds, found.variance_interaction)
    assert parts == pytest.approx((2.583333 / 3, 1 / 9, 1 / 36), rel=1e-5)
    rest = 2.583333 / 3 - 1 / 36
    assert found.standard_error**2 == pytest.approx(1 / 9 + rest, rel=1e-5)
    freedom = (1 / 9 + rest) ** 2 / ((1 / 9) ** 2 / 1 + rest**2 / 2)
    assert found.degrees_of_freedom == pytest.approx(freedom, rel=1e-5)


# --- laws ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    n_a=st.integers(1, 4),
    n_b=st.integers(1, 4),
    n_examples=st.integers(2, 12),
    first=st.integers(0, 1),
    values=st.integers(0, 2**32),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    coarse=st.booleans(),
)
def test_p_value_and_interval_agree_and_sides_swap(
    n_a: int, n_b: int, n_examples: int, first: int, values: int, confidence: float, coarse: bool
) -> None:
    a, b = side(n_a, n_examples, seed=values, shift=0.7), side(n_b, n_examples, seed=values + 1, first=first)
    if coarse:  # right and wrong: ties, and often no spread at all
        a, b = ({number: (array > 0).astype(float) for number, array in one.items()} for one in (a, b))
    found = mean_difference(mean_of, a, b, confidence=confidence, pair_seeds=True)
    excluded = found.low > 0 or found.high < 0
    assert excluded == (found.p_value < 1 - confidence)
    assert 0 <= found.p_value <= 1
    assert found.low <= found.value <= found.high
    assert found.standard_error**2 >= found.variance_examples * (1 - 1e-9)
    swapped = mean_difference(mean_of, b, a, confidence=confidence, pair_seeds=True)
    assert (-swapped.high, -swapped.low, swapped.p_value) == pytest.approx((found.low, found.high, found.p_value))


def test_order_of_seeds_and_their_numbers_do_not_matter() -> None:
    a, b = side(3, 20, seed=0), side(3, 20, seed=1)
    turned = mean_difference(mean_of, dict(reversed(a.items())), b, pair_seeds=True)
    moved = mean_difference(
        mean_of, {n + 9: x for n, x in a.items()}, {n + 9: x for n, x in b.items()}, pair_seeds=True
    )
    assert turned == moved == mean_difference(mean_of, a, b, pair_seeds=True)


def test_one_seed_against_five_borrows_their_spread() -> None:
    a, b = side(1, 50, seed=0, first=3), side(5, 50, seed=1, luck=2.0)
    found = mean_difference(mean_of, a, b, pair_seeds=True)
    deviation = np.std(list(means(b).values()), ddof=1)
    assert (found.over, found.paired_seeds, found.n_seeds_a, found.n_seeds_b) == ("both", False, 1, 5)
    assert found.variance_seeds == pytest.approx(deviation**2 * (1 + 1 / 5))


# --- little is known -------------------------------------------------------------------------------------------------


def test_a_mean_score_is_the_difference_from_a_side_that_scores_nothing() -> None:
    from scipy.stats import ttest_1samp

    one = side(1, 60, seed=0, shift=0.3)
    found = mean_score(mean_of, one, confidence=0.9)
    interval = ttest_1samp(one[0][:, 0], 0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    five = side(5, 60, seed=1, shift=0.3)
    nothing = {seed: mean_statistics([0.0] * 60) for seed in five}
    both = mean_score(mean_of, five)
    assert both == mean_difference(mean_of, five, nothing, pair_seeds=True)
    assert (both.over, both.value) == ("both", pytest.approx(np.mean([*means(five).values()])))


def test_a_mean_score_needs_no_zero_that_the_metric_can_reach() -> None:
    bleu = metrics.build("sacrebleu")
    statistics = bleu.statistics(PREDICTIONS, REFERENCES)
    found = mean_score(bleu.aggregate, {3: statistics})
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(float(bleu.aggregate(statistics.sum(axis=0))))
    with pytest.raises(InputError, match="at least one seed"):
        mean_score(mean_of, {})


def test_one_example_says_nothing() -> None:
    for b in (0.25, 0.75):
        found = mean_difference(mean_of, constant(0.75, 1), constant(b, 1), pair_seeds=True)
        assert (found.low, found.high, found.p_value) == (-math.inf, math.inf, 1.0)
        assert (found.value, found.standard_error, found.degrees_of_freedom) == (0.75 - b, math.inf, 0)


@pytest.mark.parametrize("n_seeds", [(1, 1), (5, 5), (1, 5)])
def test_equal_sides_do_not_differ(n_seeds: tuple[int, int]) -> None:
    table = mean_statistics(np.random.default_rng(0).normal(size=30))
    a, b = (dict.fromkeys(range(n), table) for n in n_seeds)
    found = mean_difference(mean_of, a, b, pair_seeds=True)
    assert (found.value, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(("n_examples", "decides"), [(2, False), (5, False), (6, True), (50, True)])
def test_same_difference_everywhere_has_the_p_value_of_its_sign(n_examples: int, decides: bool) -> None:
    found = mean_difference(mean_of, constant(1.0, n_examples), constant(0.0, n_examples), pair_seeds=True)
    assert found.p_value == 2 / 2**n_examples
    assert (found.low, found.high) == ((1.0, 1.0) if decides else (-math.inf, math.inf))


def test_seeds_that_happen_to_agree_prove_nothing() -> None:
    right = np.eye(10)  # seed s of A is right on example s alone, B never is
    a = {number: mean_statistics(right[number]) for number in range(2)}
    b = {number: mean_statistics(np.zeros(10)) for number in range(2)}
    found = mean_difference(mean_of, a, b, pair_seeds=True)
    assert found.variance_seeds == 0
    assert found.low < 0 < found.high


def test_one_seed_a_side_has_no_interval_over_seeds() -> None:
    found = seed_difference({0: 0.9}, {0: 0.8}, pair_seeds=True)
    assert (found.low, found.high, found.p_value) == (-math.inf, math.inf, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ({}, constant(1.0, 3), "at least one seed"),
        (constant(1.0, 3), constant(1.0, 4), "3 and 4 examples"),
        (constant(1.0, 3), constant(math.nan, 3), "example 0 are not finite"),
        ({0: np.array([[1.0, 1.0], [0.0, 0.0]])}, constant(1.0, 2), "not without example 0"),
    ],
)
def test_refuses(a: dict[int, Array], b: dict[int, Array], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mean_difference(mean_of, a, b, pair_seeds=True)


def test_refuses_scores_that_are_not_finite() -> None:
    with pytest.raises(InputError, match="finite"):
        seed_difference({0: math.nan}, {0: 1.0}, pair_seeds=True)
