"""Chunks of text as long as what the judge reads: what it is trained and validated on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.core import seeds
from bench.core.errors import InputError
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example


def chunks_of(texts: Sequence[Example], tokenizer: Any, *, max_length_tokens: int, part: str) -> list[Example]:
    """Cut texts into chunks that fill the judge's window.

    Args:
        texts: whole texts, or one part of each.
        tokenizer: the judge's.
        max_length_tokens: its window, special tokens counted.
        part: what of a text they are, for messages.

    Raises:
        InputError: a text does not fill one chunk.
    """
    room = max_length_tokens - tokenizer.num_special_tokens_to_add()
    chunks = []
    for text in texts:
        with quiet_transformers():
            offsets = tokenizer(text.input, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if len(offsets) < room:
            key = "controls" if text.number < 0 else "texts"
            raise InputError(
                f"data.{key}.{text.id}: {part} has {len(offsets)} judge tokens, which do not fill one chunk of "
                f"{room} (task.judge.max_length_tokens = {max_length_tokens}, special tokens aside); "
                "give a longer text, larger shares of it, or shorter chunks"
            )
        for i in range(len(offsets) // room):
            first, last = offsets[i * room], offsets[(i + 1) * room - 1]
            chunks.append(Example(id=f"{text.id}-{i}", input=text.input[first[0] : last[1]], target=text.target))
    return chunks


def balanced(chunks: Sequence[Example]) -> list[Example]:
    """Keep equally many chunks of each author, spread evenly over the longer text."""
    by_author: dict[int, list[Example]] = {}
    for chunk in chunks:
        by_author.setdefault(chunk.number, []).append(chunk)
    n = min(len(own) for own in by_author.values())
    return [own[i * len(own) // n] for own in by_author.values() for i in range(n)]


def shuffled(row: Example, number: int) -> Example:
    """Return a chunk with its words in random order, the same in every build."""
    words = np.array(row.input.split(), dtype=object)
    order = np.random.default_rng(seeds.derive(0, "shuffled words", number)).permutation(len(words))
    return Example(id=row.id, input=" ".join(words[order]), target=row.target)
