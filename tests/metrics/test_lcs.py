"""Longest common subsequences: those of rouge-score, in little memory and time."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from bench import metrics
from bench.metrics.lcs import Columns, lcs_indices, lcs_length

TOKENS = st.lists(st.sampled_from("abcde"), max_size=30)


@settings(max_examples=200, deadline=None)
@given(first=TOKENS, second=TOKENS)
def test_the_subsequence_is_rouge_scores(first: list[str], second: list[str]) -> None:
    expected = rouge_scorer.lcs_ind(first, second)
    assert list(lcs_indices(first, Columns(second)))[::-1] == expected
    assert lcs_length(first, second) == len(expected)


def text_of(generator: random.Random, n: int, words: int, breaks: str = " ") -> str:
    return "".join(f"w{generator.randrange(words)}{generator.choice(breaks)}" for _ in range(n))


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
@pytest.mark.parametrize(("part", "theirs"), [("f1", "fmeasure"), ("precision", "precision"), ("recall", "recall")])
def test_scores_equal_rouge_scores_to_the_last_bit(name: str, part: str, theirs: str) -> None:
    generator = random.Random(0)  # noqa: S311
    sides = [[text_of(generator, generator.randrange(0, 50), 12, "  \n") for _ in range(60)] for _ in range(2)]
    library = rouge_scorer.RougeScorer([name], use_stemmer=True)
    several = [[text, sides[1][row - 1]] for row, text in enumerate(sides[1])]
    for references in ([[text] for text in sides[1]], several):
        pairs = zip(references, sides[0], strict=True)
        expected = [100.0 * getattr(library.score_multi(*pair)[name], theirs) for pair in pairs]
        assert metrics.build(name, {"value": part}).statistics(sides[0], references)[:, 0].tolist() == expected


def test_every_word_may_be_rare() -> None:
    words = [f"w{number}" for number in range(3000)]
    assert lcs_length(words, words) == 3000
    assert lcs_length(words, words[::-1]) == 1
    assert lcs_length(words * 2, words) == 3000


@pytest.mark.parametrize(("name", "n"), [("rougeL", 10_000), ("rougeLsum", 4000)])
def test_long_rows_need_a_few_rows_of_memory(name: str, n: int) -> None:
    generator = random.Random(0)  # noqa: S311
    breaks = " " * 300 + "\n" * (name == "rougeLsum")
    texts = [text_of(generator, n, n // 5, breaks) for _ in range(2)]
    metrics.build(name).statistics(["warm up"], ["warm up"])
    tracemalloc.start()
    try:
        metrics.build(name).statistics(texts[:1], texts[1:])
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * n * 1000  # the table of lengths holds n * n numbers of 8 bytes
