"""What the checks let through, and what they say of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bench
from bench.core.errors import InputError
from bench.metrics.inputs import check_generations, check_styles


def test_generations_are_texts_and_may_be_empty() -> None:
    assert check_generations("m", ("a", "")) == ["a", ""]


def test_styles_are_texts_and_authors() -> None:
    texts, authors = check_styles("m", ("a", ""), np.array([1, 0]), 2)
    assert (texts, authors.tolist(), authors.dtype) == (["a", ""], [1, 0], np.int64)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (["a"], [2], r"references\[0\] is 2 \(int\), not the number of an author; give whole numbers from 0 to 1"),
        (["a"], [-1], r"references\[0\] is -1"),
        (["a", "b"], [0, True], r"references\[1\] is True \(bool\)"),
        (["a"], ["0"], r"references\[0\] is '0' \(str\)"),
        (["a", 3], [0, 1], r"predictions\[1\] is 3 \(int\), not a text"),
        (["a"], [0, 1], "1 predictions but 2 references"),
        ([], [], "there is nothing to score"),
        ("a", [0], "predictions is a single string"),
    ],
)
def test_mistakes_in_styles_are_said(predictions: Any, references: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^m: {message}"):
        check_styles("m", predictions, references, 2)


# --- bench.score: whatever is given, a score or one kind of error ----------------------------------------------------


class Hostile:
    """Says that it stands in order, and gives nothing."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, position: int) -> Any:
        raise KeyError(position)

    def __repr__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


NO_LISTS: dict[str, Any] = {
    "nothing": None,
    "a number": 2,
    "a set": {"a", "b"},
    "a dict": {"a": 1, "b": 2},
    "a generator": (letter for letter in "ab"),
    "an iterator": iter(["a", "b"]),
    "a text": "ab",
    "bytes": b"ab",
    "a table": np.zeros((2, 2)),
    "a bare array": np.array(3),
    "an object": Hostile(),
}
NO_VALUES: dict[str, list[Any]] = {
    "nothing": [None, None],
    "truth values": [True, False],
    "fractions": [0.5, 1.5],
    "not a number": [float("nan"), 1],
    "infinity": [float("inf"), 1],
    "past 64 bits": [10**30, 1],
    "past what Python spells": [10**5000, 1],
    "nested deep": [nested(100_000), nested(100_000)],
    "halves of pairs": ["\ud83d", "a"],
    "bytes": [b"a", b"b"],
    "sets": [{"a"}, {"b"}],
    "dicts": [{"a": 1}, {"b": 2}],
    "objects": [Hostile(), Hostile()],
    "complex": [complex(1), complex(2)],
}
GOOD: dict[str, list[Any]] = {
    "accuracy": [0, 1],
    "f1": ["ham", "spam"],
    "rouge1": ["a", "b"],
    "sacrebleu": ["a", "b"],
    "chrf": ["a", "b"],
    "sentence_bleu_method1": ["a", "b"],
    "tag_accuracy": [["O"], ["O"]],
}


@pytest.mark.parametrize("metric", GOOD)
@pytest.mark.parametrize("wrong", NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list_is_refused_in_one_line(metric: str, wrong: Any) -> None:
    for predictions, references in ((wrong, GOOD[metric]), (GOOD[metric], wrong), (wrong, wrong)):
        with pytest.raises(InputError, match=rf"^{metric}: (predictions|references) (is|cannot be) .*give a list"):
            bench.score(metric, predictions, references)


@pytest.mark.parametrize("metric", GOOD)
@pytest.mark.parametrize("wrong", NO_VALUES.values(), ids=NO_VALUES)
def test_values_of_another_kind_are_refused_in_one_line(metric: str, wrong: list[Any]) -> None:
    for predictions, references in ((wrong, GOOD[metric]), (GOOD[metric], wrong)):
        with pytest.raises(InputError, match=rf"^{metric}: (predictions|references)\[[01]\]") as caught:
            bench.score(metric, predictions, references)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("values", [[10**400, 1], ["1", 1], [True, 1], [-0.5, 1], [None, 1], [complex(1), 1]])
def test_losses_are_finite_numbers(values: Any) -> None:
    with pytest.raises(InputError, match=r"^loss: predictions\[0\] is "):
        bench.score("loss", values, [1, 1])
    with pytest.raises(InputError, match=r"^loss: references\[0\] is "):
        bench.score("loss", [0.5, 1], values)


def test_columns_and_arrays_are_lists() -> None:
    frames = pytest.importorskip("pandas")
    column = frames.Series(["ham", "spam"], index=[7, 3])
    assert bench.score("f1", column, column).value == 1.0
    assert bench.score("accuracy", np.array([1, 2]), (1, 2)).value == 1.0
    assert bench.score("rouge1", np.array(["a", "b"]), column).value == 0.0
    assert bench.score("loss", np.array([1, 3]), range(1, 3)).value == pytest.approx(4 / 3)


@pytest.mark.parametrize("name", [None, 3, ["rouge1"], "rouge", ""])
def test_a_metric_goes_by_its_name(name: Any) -> None:
    with pytest.raises(InputError, match=r"metric"):
        bench.score(name, ["a"], ["a"])
