"""Labels of words: worked out by hand, and held to conlleval's rules and to nervaluate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.score import score
from bench.metrics.tags import entities

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
REFERENCES = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "O"], ["B-LOC", "I-LOC", "B-LOC"]]
PREDICTIONS = [["B-PER", "I-PER", "O", "O"], ["O", "B-PER"], ["B-LOC", "I-LOC", "I-LOC"]]


def value(name: str, predictions: list[list[str]], references: list[list[str]]) -> float:
    return score(metrics.build(name), predictions, references, n_resamples=10)[0].value


def conlleval(tags: list[str]) -> set[tuple[str, int, int]]:
    """Return entities by the two rules of the conlleval script: where a chunk ends, and where one starts."""
    spans, begin = set(), 0
    previous, previous_type = "O", ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, kind = tag[0], tag[2:]
        ends = previous in "BI" and (prefix in "BO" or previous_type != kind)
        starts = prefix == "B" or (prefix == "I" and (previous == "O" or previous_type != kind))
        if ends and previous != "O":
            spans.add((previous_type, begin, i - 1))
        if starts:
            begin = i
        previous, previous_type = prefix, kind
    return spans


def test_values_worked_out_by_hand() -> None:
    # Right words: 3 of 4, 1 of 2, 2 of 3. Right entities: PER 0-1; of 3 predicted (PER, PER, LOC 0-2) and 4 actual.
    assert value("tag_accuracy", PREDICTIONS, REFERENCES) == pytest.approx(6 / 9)
    assert value("entity_f1", PREDICTIONS, REFERENCES) == pytest.approx(2 * 1 / (3 + 4))


def test_statistics_are_counts() -> None:
    rows = metrics.build("entity_f1").statistics(PREDICTIONS, REFERENCES)
    assert rows.tolist() == [[1, 1, 2], [0, 1, 0], [0, 1, 2]]
    assert metrics.build("tag_accuracy").statistics(PREDICTIONS, REFERENCES).tolist() == [[3, 4], [1, 2], [2, 3]]


@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_entities_are_those_of_conlleval(tags: list[str]) -> None:
    assert entities(tags) == conlleval(tags)


@given(
    st.lists(
        st.integers(1, 8).flatmap(lambda n: st.tuples(*[st.lists(st.sampled_from(TAGS), min_size=n, max_size=n)] * 2)),
        min_size=1,
        max_size=6,
    )
)
def test_f1_equals_the_library(rows: list[tuple[list[str], list[str]]]) -> None:
    predictions, references = [predicted for predicted, _ in rows], [actual for _, actual in rows]
    library = Evaluator(references, predictions, tags=["PER", "LOC"], loader="list").evaluate()["overall"]["strict"]
    assert value("entity_f1", predictions, references) == pytest.approx(library.f1, abs=1e-12)


def test_an_entity_that_only_goes_on_counts() -> None:
    assert entities(["I-PER", "I-PER", "I-LOC", "B-LOC", "O", "I-LOC"]) == {
        ("PER", 0, 1), ("LOC", 2, 2), ("LOC", 3, 3), ("LOC", 5, 5),
    }  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6), min_size=1, max_size=5))
def test_equal_sides_have_the_best_value(rows: list[list[str]]) -> None:
    assert value("tag_accuracy", rows, rows) == 1.0
    assert value("entity_f1", rows, rows) == (1.0 if any(entities(row) for row in rows) else 0.0)


def test_resamples_are_aggregated_at_once() -> None:
    totals = np.array([[[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]]])
    assert metrics.build("entity_f1").aggregate(totals).tolist() == [[2 / 3, 0.0]]


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([["O"]], [["O", "O"]], r"predictions\[0\] has 1 labels and references\[0\] has 2; give one label a word"),
        ([["O", None]], [["O", "O"]], r"predictions\[0\] is .*, not a list of labels"),
        (["O O"], [["O", "O"]], r"predictions\[0\] is 'O O' \(str\), not a list of labels"),
        ([["PER"]], [["O"]], "label 'PER' names no entity; give O, and B-TYPE and I-TYPE"),
        ([[3]], [["O"]], "label 3 names no entity"),
        ([], [], "there is nothing to score"),
    ],
)
def test_what_is_no_row_of_labels_is_refused(predictions: list[object], references: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.build("entity_f1").statistics(predictions, references)
