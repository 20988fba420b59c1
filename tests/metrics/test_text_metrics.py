"""Every text metric against its reference library, by hand, and by law."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.core.errors import InputError

TEXT_METRICS = [name for name in metrics.METRIC_NAMES if metrics.spec(name).inputs == "texts" and name != "bertscore"]
N = len(PREDICTIONS)


def library_value(name: str, options: dict[str, Any], predictions: list[str], references: list[str]) -> float:
    """Score with the reference library alone, as its documentation shows."""
    if name in ("sacrebleu", "chrf"):
        import sacrebleu

        if name == "sacrebleu":
            library = sacrebleu.BLEU(tokenize=options.get("tokenizer"), lowercase=options.get("lowercase", False))
        else:
            library = sacrebleu.CHRF(word_order=options.get("word_order", 0), lowercase=options.get("lowercase", False))
        return library.corpus_score(predictions, [references]).score
    pairs = list(zip(predictions, references, strict=True))
    if name == "sentence_bleu_method1":
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        smooth = SmoothingFunction().method1
        return float(np.mean([sentence_bleu([r.split()], p.split(), smoothing_function=smooth) for p, r in pairs]))
    if name == "meteor":
        from nltk.tokenize import wordpunct_tokenize
        from nltk.translate.meteor_score import single_meteor_score

        class Nothing:
            def synsets(self, _word: str) -> list[object]:
                return []

        split = wordpunct_tokenize
        return float(np.mean([single_meteor_score(split(r), split(p), wordnet=Nothing()) for p, r in pairs]))
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer([name], use_stemmer=options.get("stemmer", True))
    return float(np.mean([100 * scorer.score(r, p)[name].fmeasure for p, r in pairs]))


CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in TEXT_METRICS),
    ("sacrebleu", {"lowercase": True}),
    ("sacrebleu", {"tokenizer": "intl"}),
    ("sacrebleu", {"tokenizer": "char"}),
    ("chrf", {"word_order": 2}),
    ("chrf", {"lowercase": True}),
    ("rouge1", {"stemmer": False}),
    ("rouge2", {"stemmer": False}),
    ("rougeL", {"stemmer": False}),
    ("rougeLsum", {"stemmer": False}),
]


def value_of(metric: metrics.Metric, predictions: list[str], references: list[str]) -> float:
    return float(metric.aggregate(metric.statistics(predictions, references).sum(axis=0)))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equals_its_library(name: str, options: dict[str, Any]) -> None:
    metric = metrics.build(name, options)
    expected = library_value(name, options, PREDICTIONS, REFERENCES)
    assert value_of(metric, PREDICTIONS, REFERENCES) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_equals_its_library_on_resamples(name: str, options: dict[str, Any]) -> None:
    """Small resamples reach the corners: orders without a match, no match at all, an empty side."""
    metric = metrics.build(name, options)
    statistics = metric.statistics(PREDICTIONS, REFERENCES)
    generator = random.Random(1)  # noqa: S311
    for size in (1, 1, 2, 2, 3, 5, N):
        rows = [generator.randrange(N) for _ in range(size)]
        expected = library_value(name, options, [PREDICTIONS[i] for i in rows], [REFERENCES[i] for i in rows])
        assert float(metric.aggregate(statistics[rows].sum(axis=0))) == pytest.approx(expected, abs=1e-9), rows


@pytest.mark.parametrize("name", TEXT_METRICS)
def test_aggregate_keeps_leading_axes(name: str) -> None:
    metric = metrics.build(name)
    statistics = metric.statistics(PREDICTIONS, REFERENCES)
    totals = np.stack([statistics[:9].sum(axis=0), statistics.sum(axis=0)]).reshape(2, 1, -1)
    values = metric.aggregate(totals)
    assert values.shape == (2, 1)
    assert values[1, 0] == float(metric.aggregate(statistics.sum(axis=0)))


@pytest.mark.parametrize("name", TEXT_METRICS)
@pytest.mark.parametrize("side", ["prediction", "reference", "both"])
def test_an_empty_text_scores_zero(name: str, side: str) -> None:
    prediction = "" if side in ("prediction", "both") else "a lone text of six words"
    reference = "" if side in ("reference", "both") else "a lone text of six words"
    assert value_of(metrics.build(name), [prediction], [reference]) == 0.0


def test_rouge_by_hand() -> None:
    # 2 of 3 words shared each way: P = R = F = 2/3. One of two bigrams: 1/2.
    assert value_of(metrics.build("rouge1"), ["the cat sat"], ["the cat slept"]) == pytest.approx(200 / 3)
    assert value_of(metrics.build("rouge2"), ["the cat sat"], ["the cat slept"]) == pytest.approx(50)
    # Longest common subsequence of "c a b" and "a b c" is "a b".
    assert value_of(metrics.build("rougeL"), ["c a b"], ["a b c"]) == pytest.approx(200 / 3)


def test_rouge_l_and_lsum_part_at_newlines() -> None:
    prediction, reference = "one two three\nfour five six", "four five six\none two three"
    assert value_of(metrics.build("rougeL"), [prediction], [reference]) == pytest.approx(50)
    assert value_of(metrics.build("rougeLsum"), [prediction], [reference]) == pytest.approx(100)
    flat = [prediction.replace("\n", " ")], [reference.replace("\n", " ")]
    assert value_of(metrics.build("rougeL"), *flat) == value_of(metrics.build("rougeLsum"), *flat)


def test_stemming_unites_word_forms() -> None:
    texts = ["walking dogs"], ["walked dog"]
    assert value_of(metrics.build("rouge1"), *texts) == pytest.approx(100)
    assert value_of(metrics.build("rouge1", {"stemmer": False}), *texts) == 0


def test_sentence_bleu_by_hand() -> None:
    # Precisions 3/4, 1/3, then 0.1/2 and 0.1/1; equal lengths, so no brevity penalty.
    expected = (3 / 4 * 1 / 3 * 0.1 / 2 * 0.1 / 1) ** 0.25
    assert value_of(metrics.build("sentence_bleu_method1"), ["a b x d"], ["a b c d"]) == pytest.approx(expected)


def test_bleu_by_hand() -> None:
    # 4 of 5 unigrams, 3 of 4, 2 of 3, 1 of 2 n-grams; prediction and reference have 5 tokens.
    expected = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert value_of(metrics.build("sacrebleu"), ["a b c d x"], ["a b c d e"]) == pytest.approx(expected)


def test_meteor_by_hand() -> None:
    # Identity of 4 words is one chunk: penalty 0.5 * (1/4)^3.
    assert value_of(metrics.build("meteor"), ["A b c d"], ["a b c d"]) == pytest.approx(1 - 0.5 / 64)


WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "a", "mat", "dogs", "ran", "."]), min_size=4, max_size=12)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=5)


@pytest.mark.parametrize("name", [name for name in TEXT_METRICS if name != "meteor"])
@settings(max_examples=15, deadline=None)
@given(texts=TEXTS)
def test_identity_reaches_the_maximum(name: str, texts: list[str]) -> None:
    texts = [f"{text} at last" for text in texts]
    assert value_of(metrics.build(name), texts, texts) == pytest.approx(metrics.spec(name).high)


@pytest.mark.parametrize("name", TEXT_METRICS)
@settings(max_examples=15, deadline=None)
@given(pairs=st.lists(st.tuples(WORDS.map(" ".join), st.text(max_size=30)), min_size=1, max_size=6), data=st.data())
def test_order_does_not_matter_and_bounds_hold(name: str, pairs: list[tuple[str, str]], data: Any) -> None:
    metric = metrics.build(name)
    value = value_of(metric, *map(list, zip(*pairs, strict=True)))
    shuffled = data.draw(st.permutations(pairs))
    assert value == pytest.approx(value_of(metric, *map(list, zip(*shuffled, strict=True))), abs=1e-9)
    assert metric.spec.low <= value <= metric.spec.high + 1e-9


def test_synonyms_count_where_wordnet_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk.corpus
    import nltk.data

    class Lemma:
        def name(self) -> str:
            return "sofa"

    class Synset:
        def lemmas(self) -> list[Lemma]:
            return [Lemma()]

    class Reader:
        def synsets(self, word: str) -> list[Synset]:
            return [Synset()] if word == "couch" else []

    texts = ["he sat on the couch"], ["he sat on the sofa"]
    without = metrics.build("meteor", {"synonyms": "none"})
    monkeypatch.setattr(nltk.data, "find", lambda place: place)
    monkeypatch.setattr(nltk.corpus, "wordnet", Reader())
    with_synonyms = metrics.build("meteor")
    assert "match:exact+stem+wordnet|" in with_synonyms.signature()
    assert "match:exact+stem|" in without.signature()
    assert value_of(with_synonyms, *texts) > value_of(without, *texts)


def no_data(place: str) -> None:
    raise LookupError(place)


def test_missing_wordnet_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.data.find", no_data)
    assert "match:exact+stem|" in metrics.build("meteor").signature()
    with pytest.raises(InputError, match=r"nltk\.downloader wordnet"):
        metrics.build("meteor", {"synonyms": "wordnet"})


def test_missing_punkt_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.sent_tokenize", no_data)
    with pytest.raises(InputError, match="punkt_tab"):
        metrics.build("rougeLsum", {"split_sentences": True}).statistics(["a"], ["a"])


def test_sentences_can_be_split_by_punkt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.sent_tokenize", lambda text: text.split(". "))
    texts = ["one two three. four five six"], ["four five six. one two three"]
    assert value_of(metrics.build("rougeLsum", {"split_sentences": True}), *texts) == pytest.approx(100)
