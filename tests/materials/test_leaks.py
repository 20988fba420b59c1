"""Near duplicates: against the definition, pair by pair."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.materials.duplicates import BLOCK_ROWS, RESEMBLANCE, near_duplicates

TEN = "one two three four five six seven eight nine ten"


def _pairs(text: str) -> set[tuple[str, str]]:
    words = re.findall(r"\w+", text.lower())
    return set(itertools.pairwise(words))


def _counted(train: list[str], test: list[str]) -> int:
    """Count by the definition."""

    def alike(a: set[tuple[str, str]], b: set[tuple[str, str]]) -> bool:
        return bool(a & b) and len(a & b) >= RESEMBLANCE * len(a | b)

    return sum(any(alike(_pairs(a), _pairs(b)) for b in train) for a in test)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (TEN, 1),  # the same
        (TEN.upper() + "!", 1),  # case and punctuation aside
        (TEN + " eleven", 1),  # 9 of 10 pairs
        (TEN.replace("ten", "zehn"), 1),  # 8 shared of 10 in all
        (TEN.replace("five", "fünf"), 0),  # 7 shared of 11
        ("ten nine eight seven six five four three two one", 0),  # the same words, no pair
        ("one", 0),  # no pair at all
        ("", 0),
    ],
)
def test_near_duplicates_by_hand(test: str, expected: int) -> None:
    assert near_duplicates(["something else entirely", TEN], [test]) == expected


def test_a_row_counts_once_and_blocks_do_not_matter() -> None:
    assert near_duplicates([TEN] * 5, [TEN] * (BLOCK_ROWS + 3) + ["no such row"]) == BLOCK_ROWS + 3


words = st.lists(st.sampled_from("a b c d e f".split()), max_size=8).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(train=st.lists(words, min_size=1, max_size=6), test=st.lists(words, min_size=1, max_size=6))
def test_near_duplicates_are_those_of_the_definition(train: list[str], test: list[str]) -> None:
    assert near_duplicates(train, test) == _counted(train, test)
