"""Generated text: pinned, so that no release can move it."""

from __future__ import annotations

import hashlib
import json

import pytest

from bench.config import GeneratedSource
from bench.errors import InputError
from bench.sources.generated import rows


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


@pytest.mark.parametrize(("name", "digest"), [("sentiment", "b11f9cd975d10b70"), ("headlines", "deb528bc4117bcdb")])
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


def test_error_unknown_generator() -> None:
    with pytest.raises(InputError, match="name = 'sentimnt' is not known; did you mean 'sentiment'"):
        rows(_source("sentimnt", 1))


def test_error_no_rows() -> None:
    with pytest.raises(InputError, match="n_examples = 0 must be 1 or above"):
        rows(_source("sentiment", 0))
