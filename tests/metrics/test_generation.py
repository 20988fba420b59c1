"""Metrics on generated text: values worked out by hand, plain set computations, and what is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from words import save_word_tokenizer

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.score import score

CORPUS = "the cat sat on the mat . the cat sat on a mat"
NAMES = [name for name in metrics.METRIC_NAMES if metrics.spec(name).inputs == "generations"]
TOKEN_NAMES = [name for name in NAMES if "tokenizer" in metrics.needs(name)]
CORPUS_NAMES = [name for name in NAMES if "corpus" in metrics.needs(name)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_word_tokenizer(tmp_path_factory.mktemp("words"))


def known(text: str) -> list[str]:
    """Return a text's words as the tokenizer tells them apart: those it does not know are one."""
    return [word if word in set("abcd") else "?" for word in text.split()]


def build(name: str, folder: Path, corpus: str = CORPUS, **options: Any) -> metrics.Metric:
    place = folder if "tokenizer" in metrics.needs(name) else None
    return metrics.build(name, options, resources=metrics.open_resources(name, model_path=place, corpus=corpus))


def rows_and_value(metric: metrics.Metric, samples: list[str]) -> tuple[list[list[float]], float]:
    statistics = metric.statistics(samples, [])
    return statistics.tolist(), float(metric.aggregate(statistics.sum(axis=0)))


# In CORPUS: the 3; cat, sat, on, mat 2; a and the unknown "." 1. Token ids rise in the order the, cat, sat, on, mat.
@pytest.mark.parametrize(
    ("name", "options", "samples", "rows", "value"),
    [
        ("common_token_ratio", {"n_common": 1}, ["the the b", "mat"], [[2, 3], [0, 1]], 2 / 4),
        ("common_token_ratio", {"n_common": 3}, ["the cat sat on", ""], [[3, 4], [0, 0]], 3 / 4),
        ("common_token_ratio", {}, ["the cat b", "d d d"], [[2, 3], [0, 3]], 2 / 6),
        ("longest_overlap", {}, ["b cat sat on the", "mat the", ""], [[4, 1], [1, 1], [0, 0]], 2.5),
        ("longest_overlap", {}, ["b c"], [[0, 1]], 0.0),
        ("copied_5grams", {}, ["the cat sat on the cat", "b", "a a a a a"], [[1, 2], [0, 0], [0, 1]], 1 / 3),
        ("copied_8grams", {}, [CORPUS], [[6, 6]], 1.0),
        ("distinct1", {}, ["a a b", "a b", ""], [[2 / 3, 1], [1, 1], [0, 0]], (2 / 3 + 1) / 2),
        ("distinct2", {}, ["a b a b", "c"], [[2 / 3, 1], [0, 0]], 2 / 3),
        ("distinct3", {}, ["a a a a a"], [[1 / 3, 1]], 1 / 3),
        ("repetition", {}, ["a b c d a b c d", "a b c d"], [[1 - 4 / 5, 1], [0, 1]], 0.1),
        ("repetition", {"n": 1}, ["a a a b", "  "], [[1 / 2, 1], [0, 0]], 0.5),
        ("line_length", {}, ["ab\n\n  abcd \r\n", "\n", "é\n"], [[6, 2], [0, 0], [1, 1]], 7 / 3),
    ],
)
def test_by_hand(
    folder: Path, name: str, options: dict[str, Any], samples: list[str], rows: list[list[float]], value: float
) -> None:
    found = rows_and_value(build(name, folder, **options), samples)
    assert found == (pytest.approx(np.array(rows)), pytest.approx(value))


samples = st.lists(st.text("abcd ", max_size=40), min_size=1, max_size=5)


@given(samples, st.integers(1, 3))
def test_distinct_equals_plain_sets(folder: Path, texts: list[str], n: int) -> None:
    shares = []
    for words in map(known, texts):
        ngrams = list(zip(*(words[i:] for i in range(n)), strict=False))
        shares += [len(set(ngrams)) / len(ngrams)] if ngrams else []
    metric = build(f"distinct{n}", folder)
    if not shares:
        with pytest.raises(InputError, match="nothing to score"):
            metric.statistics(texts, [])
        return
    assert rows_and_value(metric, texts)[1] == pytest.approx(np.mean(shares))
    repeated = rows_and_value(build("repetition", folder, n=n), texts)[1]
    assert repeated == pytest.approx(1 - np.mean(shares))


@given(samples)
def test_copied_ngrams_equal_plain_search(folder: Path, texts: list[str]) -> None:
    corpus = "a b c d a a b c b c d d a b"
    there = corpus.split()
    found, counted = 0, 0
    for words in map(known, texts):
        for start in range(len(words) - 4):
            counted += 1
            found += any(there[i : i + 5] == words[start : start + 5] for i in range(len(there)))
    if counted:
        assert rows_and_value(build("copied_5grams", folder, corpus), texts)[1] == pytest.approx(found / counted)


@pytest.mark.parametrize("name", NAMES)
def test_references_are_not_looked_at_and_one_sample_is_enough(folder: Path, name: str) -> None:
    metric = build(name, folder)
    text = "the cat sat on the mat b c d the cat"
    assert np.array_equal(metric.statistics([text], []), metric.statistics([text], [None]))
    result, _ = score(metric, [text], [], n_resamples=10)
    assert result.low == result.value == result.high
    assert metrics.spec(name).low <= result.value <= metrics.spec(name).high


@pytest.mark.parametrize("name", NAMES)
def test_a_resample_of_empty_samples_does_not_break_the_interval(folder: Path, name: str) -> None:
    result, _ = score(build(name, folder), ["", "", "", CORPUS], [], n_resamples=200)
    assert np.isfinite([result.low, result.high]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "there is nothing to score: predictions are empty"),
        (["", " \n"], r"no sample has as much as (a token|a character|\d tokens), so there is nothing to score"),
        ("the cat", "predictions is a single string"),
        (["a", None], r"predictions\[1\] is None \(NoneType\), not a text"),
    ],
)
def test_mistakes_are_said(folder: Path, name: str, samples: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: {message}"):
        build(name, folder).statistics(samples, [])


@pytest.mark.parametrize("name", TOKEN_NAMES)
def test_a_tokenizer_is_asked_for(name: str) -> None:
    with pytest.raises(InputError, match=rf"^{name} .*`--model FOLDER`|^{name}: .*`--model FOLDER`"):
        metrics.open_resources(name, corpus=CORPUS)


@pytest.mark.parametrize("name", CORPUS_NAMES)
def test_a_corpus_is_asked_for(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"^{name} compares with a training text: .*`--corpus FILE`"):
        metrics.open_resources(name, model_path=folder)


def test_line_length_wants_no_folder(folder: Path) -> None:
    with pytest.raises(InputError, match="line_length runs no model"):
        metrics.open_resources("line_length", model_path=folder)


def test_signatures_name_all_that_moves_the_value(folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        assert build(name, folder).signature().startswith(f"{name}|")
    other = save_word_tokenizer(tmp_path)
    (other / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes() + b"\n")
    for name in TOKEN_NAMES:
        assert "|tokenizers:" in build(name, folder).signature()
        assert build(name, folder).signature() != build(name, other).signature()
    for name in CORPUS_NAMES:
        assert build(name, folder).signature() != build(name, folder, "another text").signature()
    common = build("common_token_ratio", folder, n_common=50).signature()
    assert common.startswith("common_token_ratio|n_common:50|tokenizer:")
    assert build("repetition", folder, n=3).signature() != build("repetition", folder).signature()
