"""Letters against what they mean: every pair, and every largest group of methods that are all alike."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics.letters import letters


@st.composite
def _verdicts(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(1, 8))
    pairs = list(combinations(range(n), 2))
    return n, draw(st.permutations([pair for pair in pairs if draw(st.booleans())]))


def _split(text: str) -> list[str]:
    return re.findall(r"[a-zA-Z]\d*", text)


@given(_verdicts())
def test_two_methods_share_a_letter_exactly_where_they_are_not_told_apart(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    n, told_apart = case
    found = letters(n, told_apart)
    for i, j in combinations(range(n), 2):
        assert bool(set(_split(found[i])) & set(_split(found[j]))) == ((i, j) not in told_apart)


@given(_verdicts())
def test_each_letter_is_a_largest_group_of_methods_that_are_all_alike(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, told_apart = case
    alike = [
        set(group)
        for size in range(1, n + 1)
        for group in combinations(range(n), size)
        if not any(pair in told_apart for pair in combinations(group, 2))
    ]
    largest = [group for group in alike if not any(group < other for other in alike)]
    found = letters(n, told_apart)
    names = dict.fromkeys(letter for text in found for letter in _split(text))
    groups = [{i for i in range(n) if name in _split(found[i])} for name in names]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, largest))


@pytest.mark.parametrize(
    ("n", "told_apart", "expected"),
    [
        (1, [], ("a",)),
        (3, [], ("a", "a", "a")),
        (3, [(0, 1), (0, 2), (1, 2)], ("a", "b", "c")),
        (3, [(0, 2)], ("a", "ab", "b")),
        # Piepho's point: neighbours are alike, those two apart are not.
        (4, [(0, 2), (0, 3), (1, 3)], ("a", "ab", "bc", "c")),
        # A middle one that differs from both ends, which are alike.
        (3, [(0, 1), (1, 2)], ("a", "b", "a")),
    ],
)
def test_letters_by_hand(n: int, told_apart: list[tuple[int, int]], expected: tuple[str, ...]) -> None:
    assert letters(n, told_apart) == expected


def test_more_groups_than_letters_get_numbers() -> None:
    found = letters(54, list(combinations(range(54), 2)))
    assert (found[25], found[26], found[51], found[52], found[53]) == ("z", "A", "Z", "a2", "b2")
