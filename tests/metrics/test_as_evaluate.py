"""Our metrics inside the `evaluate` library, with the network off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import evaluate
import pytest
from judges import save_judge
from texts import PREDICTIONS, REFERENCES
from words import save_word_tokenizer

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.as_evaluate import load

pytestmark = pytest.mark.disable_socket

INPUTS: dict[str, tuple[list[Any], list[Any]]] = {
    "texts": (PREDICTIONS, REFERENCES),
    "labels": ([0, 1, 2, 1], [0, 1, 1, 1]),
    "losses": ([3.5, 2.0], [4, 1]),
    "generations": (["a\nlonger line", "short"], []),
    "tags": ([["B-PER", "O"], ["O"]], [["B-PER", "I-PER"], ["O"]]),
}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"cache_dir": str(tmp_path)}


def direct(name: str, predictions: list[Any], references: list[Any]) -> float:
    metric = metrics.build(name)
    return float(metric.aggregate(metric.statistics(predictions, references).sum(axis=0)))


@pytest.mark.parametrize("name", [name for name in metrics.METRIC_NAMES if not metrics.needs(name)])
def test_compute_equals_the_metric(name: str, settings: dict[str, Any]) -> None:
    predictions, references = INPUTS[metrics.spec(name).inputs]
    loaded = load(name, settings=settings)
    assert isinstance(loaded, evaluate.Metric)
    assert loaded.name == name
    assert loaded.compute(predictions=predictions, references=references) == {
        name: direct(name, predictions, references)
    }


def test_batches_and_single_examples_add_up(settings: dict[str, Any]) -> None:
    loaded = load("sacrebleu", settings=settings)
    loaded.add_batch(predictions=PREDICTIONS[:20], references=REFERENCES[:20])
    for prediction, reference in zip(PREDICTIONS[20:], REFERENCES[20:], strict=True):
        loaded.add(prediction=prediction, reference=reference)
    assert loaded.compute() == {"sacrebleu": direct("sacrebleu", PREDICTIONS, REFERENCES)}


def test_combine(settings: dict[str, Any]) -> None:
    names = ["rouge1", "rougeL", "chrf"]
    combined = evaluate.combine([load(name, settings=settings) for name in names])
    combined.add_batch(predictions=PREDICTIONS, references=REFERENCES)
    assert combined.compute() == {name: direct(name, PREDICTIONS, REFERENCES) for name in names}


def test_combine_prefixes_by_our_names(settings: dict[str, Any]) -> None:
    combined = evaluate.combine(
        [load("rouge1", settings=settings), load("rouge2", settings=settings)], force_prefix=True
    )
    assert set(combined.compute(predictions=["a b"], references=["a b"])) == {"rouge1_rouge1", "rouge2_rouge2"}


def test_in_memory_and_options(settings: dict[str, Any]) -> None:
    loaded = load("rouge1", stemmer=False, settings={**settings, "keep_in_memory": True})
    assert loaded.compute(predictions=["walks"], references=["walked"]) == {"rouge1": 0.0}
    assert "points" in loaded.description


def test_generated_text_needs_no_references(settings: dict[str, Any], tmp_path: Path) -> None:
    folder = save_word_tokenizer(tmp_path / "words")
    loaded = load("copied_5grams", model_path=folder, corpus="the cat sat on the mat", settings=settings)
    assert loaded.compute(predictions=["the cat sat on the cat"]) == {"copied_5grams": 0.5}
    loaded.add_batch(predictions=["a", "cat sat on the mat"])
    assert loaded.compute() == {"copied_5grams": 1.0}


def test_styles_are_texts_and_authors(settings: dict[str, Any], tmp_path: Path) -> None:
    judge, texts, meant = save_judge(tmp_path / "judge"), ["tea", "the raven was late", "door"], [0, 1, 1]
    metric = metrics.build("style_judge_loss", resources=metrics.open_resources("style_judge_loss", model_path=judge))
    expected = float(metric.aggregate(metric.statistics(texts, meant).sum(axis=0)))
    loaded = load("style_judge_loss", model_path=judge, settings=settings)
    assert loaded.compute(predictions=texts, references=meant) == {"style_judge_loss": expected}


def test_a_metric_can_be_used_again(settings: dict[str, Any]) -> None:
    loaded = load("accuracy", settings=settings)
    assert loaded.compute(predictions=[1, 0], references=[1, 1]) == {"accuracy": 0.5}
    assert loaded.compute(predictions=[1], references=[1]) == {"accuracy": 1.0}


def test_our_errors_come_through(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="did you mean 'rouge1'"):
        load("rogue1")
    with pytest.raises(InputError, match="not a class number"):
        load("accuracy", settings=settings).compute(predictions=[-1], references=[0])


def test_rows_are_checked_as_everywhere_else(settings: dict[str, Any]) -> None:
    wrong: list[tuple[Any, str]] = [
        ([0.5, 1.0], r"predictions\[0\] is 0\.5 \(float\), not a class number"),
        ({0, 1}, r"predictions is no list \(set\)"),
        ([10**30, 1], "not a class number"),
        ([0], "1 predictions but 2 references"),
        (None, r"predictions is no list \(NoneType\)"),
    ]
    for predictions, message in wrong:
        with pytest.raises(InputError, match=message):
            load("accuracy", settings=settings).compute(predictions=predictions, references=[0, 1])
    texts = load("rouge1", settings=settings)
    with pytest.raises(InputError, match=r"predictions\[0\] holds half of a surrogate pair"):
        texts.add(prediction="\ud83d", reference="a")
    with pytest.raises(InputError, match=r"predictions\[1\] is None"):
        texts.add_batch(predictions=["a", None], references=["a", "b"])


def test_labels_may_be_names_and_stay_of_one_kind(settings: dict[str, Any]) -> None:
    loaded = load("accuracy", settings=settings)
    names = {"predictions": ["ham", "1"], "references": ["ham", "2"]}
    assert loaded.compute(**names) == {"accuracy": 0.5}
    loaded.add_batch(**names)
    with pytest.raises(InputError, match="these rows do not fit those before them"):
        loaded.add_batch(predictions=[1], references=[1])


def test_a_text_may_have_several_references(settings: dict[str, Any]) -> None:
    loaded = load("sacrebleu", settings=settings)
    references = ["the cat sat on a mat", ["no", "the dog ran to the tree"]]
    loaded.add(prediction="the cat sat on a mat", reference=references[0])
    loaded.add_batch(predictions=["the dog ran to the tree"], references=references[1:])
    assert loaded.compute() == {"sacrebleu": pytest.approx(100.0)}
