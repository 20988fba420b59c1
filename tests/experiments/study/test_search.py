"""What is tried: the default first, then seeded proposals that only the scores before them move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bench.experiments.study.config import Choices, Range
from bench.experiments.study.search import search, words_of

SPACE = {
    "rate": Range(low=1e-5, high=1e-1, log=True),
    "rank": Range(low=1, high=8, integer=True),
    "where": Choices(choices=(["q"], ["q", "v"])),
}
DEFAULT = {"rate": 1e-3, "rank": 8, "where": ["q", "v"]}
Score = Callable[[Mapping[str, Any]], float | None]


def tried(score: Score, *, n_trials: int = 15, seed: int = 0, default: Any = DEFAULT, space: Any = SPACE) -> list[Any]:
    return search(
        space,
        lambda number, settings: (dict(settings), score(settings)),
        lambda one: one[1],
        n_trials=n_trials,
        default=default,
        higher_is_better=True,
        seed=seed,
    )


def rate(settings: Mapping[str, Any]) -> float:
    return float(settings.get("rate", 1e-3))


def test_the_default_comes_first_and_the_rest_lies_in_the_space() -> None:
    found = tried(rate)
    assert found[0] == ({}, 1e-3)
    assert len(found) == 15
    for settings, _ in found[1:]:
        assert settings.keys() == SPACE.keys()
        assert 1e-5 <= settings["rate"] <= 1e-1
        assert settings["rank"] in range(1, 9)
        assert type(settings["rank"]) is int
        assert settings["where"] in (["q"], ["q", "v"])


def test_the_same_seed_and_scores_give_the_same_trials() -> None:
    assert tried(rate) == tried(rate)
    assert tried(rate) != tried(rate, seed=1)


def test_it_learns_from_scores() -> None:
    rates = [settings["rate"] for settings, _ in tried(rate, n_trials=40)[1:]]
    assert sum(r > 1e-2 for r in rates[20:]) > sum(r > 1e-2 for r in rates[:19])


def test_a_failed_trial_counts_and_ends_nothing() -> None:
    found = tried(lambda settings: None if settings.get("rank", 0) > 4 else rate(settings), default={})
    assert len(found) == 15
    assert {None, 1e-3} < {score for _, score in found}


def test_a_default_outside_the_space_or_that_failed_is_no_obstacle() -> None:
    assert len(tried(rate, default={"rate": 1.0, "rank": 8, "where": ["q"]}, n_trials=3)) == 3
    assert len(tried(lambda settings: 1.0 if settings else None, n_trials=3)) == 3
    assert tried(rate, default={}, n_trials=4)[1] == tried(rate, n_trials=4)[1]


def test_nothing_to_search_leaves_the_default() -> None:
    assert tried(rate, space={}) == [({}, 1e-3)]
    assert tried(rate, n_trials=1) == [({}, 1e-3)]


@pytest.mark.parametrize(
    ("key", "shown"),
    [("rate", "1e-05 to 0.1, log"), ("rank", "1 to 8, integer"), ("where", "['q'], ['q', 'v']")],
)
def test_a_space_in_words(key: str, shown: str) -> None:
    assert words_of(SPACE[key]) == shown
