"""Rows that betray that they belong together get a hint; others get none."""

from collections.abc import Callable

import pytest

from bench.materials.related_rows import hint_of_groups
from bench.materials.splits import Example


def rows(text: Callable[[int], str], name: Callable[[int], str] = "{:03d}".format, n: int = 40) -> list[Example]:
    return [Example(id=name(i), input=text(i), target=i % 2) for i in range(n)]


def passage(i: int) -> str:
    return f"The harbour of town number {i // 4} froze in the winter of 17{i // 4:02d}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (rows(lambda i: f"{passage(i)}\nWhat happened in case {i}?"), "text before a line break"),
        (rows(lambda i: f"{passage(i)}\n\nWhat happened in case {i}?"), "text before a blank line"),
        (rows(lambda i: f"{passage(i)} [SEP] What happened in case {i}?"), "text before a separator token"),
        (rows(lambda i: f"{passage(i)} | What happened in case {i}?"), "text before a stroke"),
        (rows(lambda i: f"Question: what of {i}? Context: {passage(i)}"), "text after the word `context:`"),
        (rows(lambda i: passage(i)), "whole input"),
        (rows(lambda i: f"sentence {i * i}", name=lambda i: f"review{i // 4}-{i % 4}"), "first part of the id"),
        (rows(lambda i: f"sentence {i * i}", name=lambda i: f"p{i // 4}_q{i % 4}"), "first part of the id"),
    ],
)
def test_rows_that_share_a_part_are_told_of(given: list[Example], said: str) -> None:
    hint = hint_of_groups(given)

    assert hint is not None
    assert f"40 of 40 test rows share their {said} with another row (10 groups)" in hint
    assert "data.group_column" in hint


@pytest.mark.parametrize(
    "given",
    [
        rows(lambda i: f"a sentence of its own, number {i}"),
        rows(lambda i: f"Summarize the following article in one sentence:\nstory number {i}"),
        rows(lambda i: f"sentence {i * i}", name=lambda i: f"test-{i}"),
        rows(lambda i: f"yes\nsentence {i} that is different from others"),
        rows(lambda i: f"{passage(4 * i)}\nWhat happened?"),
        [],
    ],
)
def test_an_instruction_or_a_running_number_is_no_group(given: list[Example]) -> None:
    assert hint_of_groups(given) is None


def test_rows_that_name_their_groups_need_no_hint() -> None:
    named = [Example(id=str(i), input=passage(i), target=0, group=str(i // 4)) for i in range(40)]

    assert hint_of_groups(named) is None
