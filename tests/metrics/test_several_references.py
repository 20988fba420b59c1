"""Texts with several references each: every metric equals its library's own way with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sacrebleu
from nltk.tokenize import wordpunct_tokenize
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.translate.meteor_score import meteor_score
from rouge_score.rouge_scorer import RougeScorer
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.meteor import _NoSynonyms
from bench.metrics.score import score
from bench.metrics.score_files import score_files

SEVERAL = [
    [reference, PREDICTIONS[(row + 1) % len(PREDICTIONS)], reference.upper()][: 1 + row % 3]
    for row, reference in enumerate(REFERENCES)
]
STREAMS = [[texts[i] if i < len(texts) else None for texts in SEVERAL] for i in range(3)]
ONE_OR_MORE = ("rouge1", "rouge2", "rougeL", "rougeLsum", "sacrebleu", "chrf", "sentence_bleu_method1", "meteor")


def value(name: str, references: list[list[str]]) -> float:
    return score(metrics.build(name), PREDICTIONS, references, n_resamples=10)[0].value


def test_bleu_and_chrf_equal_sacrebleu() -> None:
    assert value("sacrebleu", SEVERAL) == pytest.approx(sacrebleu.corpus_bleu(PREDICTIONS, STREAMS).score, abs=1e-9)
    assert value("chrf", SEVERAL) == pytest.approx(sacrebleu.corpus_chrf(PREDICTIONS, STREAMS).score, abs=1e-9)


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
def test_rouge_equals_the_library(name: str) -> None:
    scorer = RougeScorer([name], use_stemmer=True)
    rows = [scorer.score_multi(texts, text)[name].fmeasure for texts, text in zip(SEVERAL, PREDICTIONS, strict=True)]
    assert value(name, SEVERAL) == pytest.approx(100 * sum(rows) / len(rows), abs=1e-9)


def test_sentence_bleu_and_meteor_equal_nltk() -> None:
    smooth = SmoothingFunction().method1
    pairs = list(zip(SEVERAL, PREDICTIONS, strict=True))
    bleu = [
        float(sentence_bleu([t.split() for t in texts], p.split(), smoothing_function=smooth)) for texts, p in pairs
    ]
    assert value("sentence_bleu_method1", SEVERAL) == pytest.approx(sum(bleu) / len(bleu), abs=1e-12)
    meteor = [
        meteor_score(
            [wordpunct_tokenize(t.lower()) for t in texts], wordpunct_tokenize(p.lower()), wordnet=_NoSynonyms()
        )
        for texts, p in pairs
    ]
    metric = metrics.build("meteor", {"synonyms": "none"})
    assert score(metric, PREDICTIONS, SEVERAL, n_resamples=10)[0].value == pytest.approx(sum(meteor) / len(meteor))


@pytest.mark.parametrize("name", ONE_OR_MORE)
def test_a_list_of_one_is_the_text_itself(name: str) -> None:
    alone = score(metrics.build(name), PREDICTIONS, REFERENCES, n_resamples=10)
    listed = score(metrics.build(name), PREDICTIONS, [[text] for text in REFERENCES], n_resamples=10)
    assert alone[0] == listed[0]
    assert (alone[1] == listed[1]).all()


@pytest.mark.parametrize("name", ONE_OR_MORE)
def test_another_reference_that_is_the_prediction_scores_the_best(name: str) -> None:
    with_itself = [[reference, text] for reference, text in zip(REFERENCES, PREDICTIONS, strict=True)]
    assert value(name, with_itself) >= value(name, [[text] for text in REFERENCES])


def test_the_signature_says_how_many_there_are() -> None:
    assert score(metrics.build("rouge1"), PREDICTIONS, SEVERAL)[0].signature.endswith("|refs:3")
    assert "refs" not in score(metrics.build("rouge1"), PREDICTIONS, REFERENCES)[0].signature


def test_files_may_hold_lists(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prediction": "a b c d", "reference": ["x y", "a b c d"]}\n', encoding="utf-8")
    assert score_files(file, None, ["rouge1", "sacrebleu"])[0][1].value == pytest.approx(100.0)


def test_an_empty_list_is_no_reference() -> None:
    with pytest.raises(InputError, match=r"references\[1\] is an empty list; give a text, or a list of one or more"):
        metrics.build("rouge1").statistics(["a", "b"], ["a", []])
