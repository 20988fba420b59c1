"""Label metrics against scikit-learn, by hand, and at their corners."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import metrics
from bench.core.errors import InputError

NAMES = ("accuracy", "precision", "recall", "f1")


def sklearn_value(name: str, average: str, predictions: list[int], references: list[int]) -> float:
    from sklearn import metrics as library

    if name == "accuracy":
        return float(library.accuracy_score(references, predictions))
    function = getattr(library, f"{name}_score")
    if average == "binary":
        # A single class other than 1 has no positive label for scikit-learn; asking for label 1 by name is the same.
        return float(function(references, predictions, labels=[1], average=None, zero_division=0)[0])
    return float(function(references, predictions, average="macro", zero_division=0))


def value_of(name: str, predictions: Any, references: Any, **options: Any) -> float:
    metric = metrics.build(name, options)
    return float(metric.aggregate(metric.statistics(predictions, references).sum(axis=0)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_macro_equals_sklearn(name: str, pairs: list[tuple[int, int]]) -> None:
    predictions, references = [p for p, _ in pairs], [r for _, r in pairs]
    expected = sklearn_value(name, "macro", predictions, references)
    assert value_of(name, predictions, references) == pytest.approx(expected, abs=1e-12)
    assert value_of(name, predictions, references, n_classes=7) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES[1:])
@settings(max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=20))
def test_binary_equals_sklearn(name: str, pairs: list[tuple[int, int]]) -> None:
    predictions, references = [p for p, _ in pairs], [r for _, r in pairs]
    expected = sklearn_value(name, "binary", predictions, references)
    assert value_of(name, predictions, references, average="binary") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_resamples_equal_sklearn(name: str) -> None:
    generator = np.random.default_rng(3)
    references, predictions = generator.integers(3, size=40), generator.integers(3, size=40)
    metric = metrics.build(name, n_classes=3)
    statistics = metric.statistics(predictions, references)
    for _ in range(20):
        rows = generator.integers(40, size=6)  # often without one of the classes
        expected = sklearn_value(name, "macro", list(predictions[rows]), list(references[rows]))
        assert float(metric.aggregate(statistics[rows].sum(axis=0))) == pytest.approx(expected, abs=1e-12)


AVERAGES = ("macro", "weighted", "micro")
NAMED = ("eins", "zwei", "3", "vier")


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", NAMES[1:])
@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30),
    labels=st.sampled_from([NAMED, (0, 1, 2, 3), (7, 0, 10**12, 10**18)]),
)
def test_averages_of_names_and_numbers_equal_sklearn(name: str, average: str, pairs: Any, labels: Any) -> None:
    from sklearn import metrics as library

    predictions, references = [labels[p] for p, _ in pairs], [labels[r] for _, r in pairs]
    expected = getattr(library, f"{name}_score")(references, predictions, average=average, zero_division=0)
    assert value_of(name, predictions, references, average=average) == pytest.approx(expected, abs=1e-12)
    equal = library.accuracy_score(references, predictions)
    assert value_of("accuracy", predictions, references) == pytest.approx(equal, abs=1e-12)


@pytest.mark.parametrize("name", NAMES[1:])
@settings(max_examples=25, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_one_class_equals_sklearn(name: str, pairs: list[tuple[int, int]]) -> None:
    from sklearn import metrics as library

    predictions, references = [NAMED[p] for p, _ in pairs], [NAMED[r] for _, r in pairs]
    for label in {*predictions, *references}:
        function = getattr(library, f"{name}_score")
        (expected,) = function(references, predictions, labels=[label], average=None, zero_division=0)
        own = value_of(name, predictions, references, average="class", positive_label=label)
        assert own == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("labels", [("ham", "spam"), (1, 2), (5, 0)])
def test_the_positive_label_equals_sklearn(name: str, labels: Any) -> None:
    from sklearn import metrics as library

    generator = np.random.default_rng(7)
    predictions, references = ([labels[i] for i in generator.integers(2, size=30)] for _ in range(2))
    for label in labels:
        expected = getattr(library, f"{name}_score")(references, predictions, pos_label=label)
        own = value_of(name, predictions, references, average="binary", positive_label=label)
        assert own == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (["ham", "spam"], {"average": "binary"}, "needs a positive_label where labels are names: 'ham', 'spam'"),
        (["ham", "spam"], {"average": "binary", "positive_label": "eggs"}, "'eggs' never occurs; the labels are 'ham'"),
        (["1", "2"], {"average": "class", "positive_label": 1}, "positive_label = 1 never occurs; the labels are '1'"),
        ([1, 2, 3], {"average": "binary", "positive_label": 1}, "scores one of two classes, but 3 occur"),
        ([0, 3], {"average": "binary"}, "is 3, but with n_classes = 2 the highest class is 1"),
        ([0, 1], {"average": "class"}, "average = 'class' needs a positive_label"),
        ([0, 1], {"positive_label": 1}, "positive_label = 1 needs average = 'binary' or 'class', not 'macro'"),
        (["a", "b", "c"], {"n_classes": 2}, "there are 3 labels, but n_classes = 2: ['a', 'b', 'c']"),
        (["a", 1], {}, "predictions[1] is 1 (int), not the name of a label; labels are names or whole numbers, never"),
        (["a", " "], {}, "predictions[1] is ' ' (str), not the name of a label"),
    ],
)
def test_labels_and_options_must_go_together(labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        value_of("f1", labels, labels, **options)
    assert message in str(caught.value)


def test_signatures_tell_what_is_scored() -> None:
    assert metrics.build("f1").signature() == "f1|average:macro|zero_division:0|def:1"
    one = metrics.build("f1", {"average": "class", "positive_label": "spam"}).signature()
    assert one == "f1|average:class|positive:'spam'|zero_division:0|def:1"
    assert one != metrics.build("f1", {"average": "binary", "positive_label": "spam"}).signature()


@pytest.mark.parametrize("name", NAMES)
def test_memory_goes_by_the_classes_that_occur(name: str) -> None:
    def peak(label: int) -> int:
        tracemalloc.start()
        assert value_of(name, [0, 1, label], [0, 1, label]) == 1.0
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    assert peak(2**63 - 1) < 2 * peak(2)


def test_statistics_that_no_memory_holds_are_refused() -> None:
    with pytest.raises(InputError, match=r"f1: 1,000,000,000,000 classes in 1 examples need more than 4 GiB"):
        value_of("f1", [1], [1], n_classes=10**12)
    assert value_of("f1", [1], [1], n_classes=10**12, average="micro") == 1.0


def test_by_hand() -> None:
    predictions, references = [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]
    assert value_of("accuracy", predictions, references) == pytest.approx(3 / 5)
    # Class 1: 2 hits of 3 predicted and of 3 actual. Class 0: 1 of 2 and of 2.
    assert value_of("precision", predictions, references, average="binary") == pytest.approx(2 / 3)
    assert value_of("f1", predictions, references) == pytest.approx((2 / 3 + 1 / 2) / 2)


@pytest.mark.parametrize("name", NAMES)
def test_one_example_and_a_single_class(name: str) -> None:
    assert value_of(name, [0], [0]) == 1.0
    assert value_of(name, [2], [1]) == 0.0
    assert value_of(name, [1, 1, 1], [1, 1, 1]) == 1.0


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([0, 1], [0], "f1: 2 predictions but 1 references"),
        ([], [], "f1: there is nothing to score"),
        ([0, 1.0], [0, 1], "f1: predictions[1] is 1.0 (float), not a class number"),
        ([0, 1], [0, None], "f1: references[1] is None (NoneType), not a class number"),
        ([0, True], [0, 1], "f1: predictions[1] is True (bool)"),
        ([0, -100], [0, 1], "f1: predictions[1] is -100 (int)"),
        (["0"], [0], "f1: predictions[0] is '0' (str)"),
        ([0, 3], [0, 1], "f1: predictions[1] is 3, but with n_classes = 2 the highest class is 1"),
        ("01", [0, 1], "f1: predictions is a single string"),
    ],
)
def test_wrong_labels_are_named(predictions: Any, references: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        metrics.build("f1", n_classes=2).statistics(predictions, references)
    assert message in str(caught.value)


@pytest.mark.parametrize("value", [None, float("nan"), 3, {"a": 1}])
def test_wrong_texts_are_named(value: Any) -> None:
    with pytest.raises(InputError, match=r"rouge1: references\[1\] is .*, not a text; .*drop the row"):
        metrics.build("rouge1").statistics(["a", "b"], ["a", value])
