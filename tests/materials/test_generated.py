"""Generated text: pinned, so that no release can move it."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations

import pytest

from bench.config import GeneratedSource
from bench.core.errors import InputError
from bench.materials.sources.generated import rows


def _source(name: str, n: int, seed: int = 0) -> GeneratedSource:
    return GeneratedSource(kind="generated", name=name, n_examples=n, seed=seed)


def test_first_rows_are_pinned() -> None:
    assert rows(_source("sentiment", 1)) == [
        {
            "text": "the short script is dull but the old music is noisy though the early story is cold .",
            "label": "0",
        }
    ]
    assert rows(_source("headlines", 1, seed=1)) == [
        {
            "body": "on tuesday the singer cleans the station . the farmer was calm . people near the river were proud "
            ". the singer will return on wednesday .",
            "headline": "singer cleans station",
        }
    ]


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("sentiment", "b11f9cd975d10b70"),
        ("headlines", "deb528bc4117bcdb"),
        ("prose_day", "9aad8fa909814297"),
        ("prose_night", "e55b4d35e355109f"),
        ("prose_plain", "5a528f7a7ee7a66b"),
    ],
)
def test_five_hundred_rows_are_pinned(name: str, digest: str) -> None:
    assert hashlib.sha256(json.dumps(rows(_source(name, 500))).encode()).hexdigest()[:16] == digest


def test_more_rows_begin_with_the_fewer() -> None:
    assert rows(_source("sentiment", 20))[:5] == rows(_source("sentiment", 5))


def test_another_seed_makes_other_rows() -> None:
    first, second = rows(_source("headlines", 50)), rows(_source("headlines", 50, seed=1))
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 5


def test_sentiment_is_balanced_and_headlines_stand_in_their_bodies() -> None:
    assert 0.45 < sum(int(row["label"]) for row in rows(_source("sentiment", 2000))) / 2000 < 0.55
    for row in rows(_source("headlines", 100)):
        person, act, place = row["headline"].split()
        assert f"the {person} {act} the {place} ." in row["body"]


_AUTHORS = ("prose_day", "prose_night", "prose_plain")


def _words(name: str) -> list[str]:
    return [word for row in rows(_source(name, 300)) for word in row["text"].split()]


@pytest.mark.parametrize("name", _AUTHORS)
def test_prose_is_three_to_six_sentences_of_words_that_single_spaces_part(name: str) -> None:
    n_sentences = set()
    for row in rows(_source(name, 300)):
        text = row["text"]
        assert " ".join(text.split()) == text == text.lower()
        assert all(word.isalpha() or word in list(",.!?") for word in text.split())
        assert text.split()[-1] in list(".!?")
        n_sentences.add(sum(word in list(".!?") for word in text.split()))
    assert n_sentences == {3, 4, 5, 6}


def test_authors_share_about_a_third_of_their_words_and_fit_a_small_vocabulary() -> None:
    vocabularies = {name: set(_words(name)) for name in _AUTHORS}
    for a, b in combinations(vocabularies.values(), 2):
        assert 0.3 < len(a & b) / len(a) < 0.45
        assert 0.3 < len(a & b) / len(b) < 0.45
    assert len(set().union(*vocabularies.values())) <= 250


def test_authors_differ_in_the_function_words_they_favour_and_in_the_length_of_sentences() -> None:
    day, night = _words("prose_day"), _words("prose_night")
    assert day.count("and") / len(day) > 3 * night.count("and") / len(night)
    assert {"upon", "whose", "which", "nor"} <= set(night) - set(day)
    shorter, longer = (len(words) / sum(word in list(".!?") for word in words) for words in (day, night))
    assert 2 * shorter < longer


def test_error_unknown_generator() -> None:
    with pytest.raises(InputError, match="name = 'sentimnt' is not known; did you mean 'sentiment'"):
        rows(_source("sentimnt", 1))


def test_error_no_rows() -> None:
    with pytest.raises(InputError, match="n_examples = 0 must be 1 or above"):
        rows(_source("sentiment", 0))
