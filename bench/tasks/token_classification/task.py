"""Encoding, loss and prediction of a label for every word.

A tokenizer may cut a word into several tokens. The first of them carries the word's label; the others are no targets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from bench.config import SplitName
from bench.core.errors import InputError
from bench.core.progress import Advance
from bench.materials.splits import Example
from bench.records.predictions import INPUT_CHARACTERS, Predictions
from bench.tasks.base import BatchLoss, Item, Task
from bench.tasks.batches import IGNORED, by_length, check_length, on_device, padded, token_inputs

if TYPE_CHECKING:
    from bench.tasks.token_classification import TokenClassificationTask


class TokenClassification(Task):
    """Texts with a label for every word."""

    def __init__(self, task: TokenClassificationTask, tokenizer: Any, model: Any, labels: Sequence[str]) -> None:
        check_length(model, task.max_length_tokens)
        self._task = task
        self._tokenizer = tokenizer
        self._labels = labels

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Tokenize, and put the label of every word at its first token.

        Raises:
            InputError: the tokenizer makes nothing of a text, or of a word that is scored within `max_length_tokens`.
        """
        items: list[Item] = []
        for i, example in enumerate(examples):
            encoded = self._tokenizer(
                example.input, truncation=True, max_length=self._task.max_length_tokens, return_offsets_mapping=True
            )
            first = first_tokens(example.input, encoded["offset_mapping"])
            self._check_words(example, first, all_of_them=split == "test")
            labels = [IGNORED] * len(encoded["input_ids"])
            for word, position in first.items():
                labels[position] = example.numbers[word]
            items.append({"input_ids": encoded["input_ids"], "labels": labels, "example": example, "index": i})
            advance(1)
        return items

    def _check_words(self, example: Example, first: dict[int, int], *, all_of_them: bool) -> None:
        words = example.input.split()
        without = [number for number in range(len(words)) if number not in first]
        if without and (all_of_them or not first):
            raise InputError(
                f"row {example.id}: its word {without[0]}, {words[without[0]]!r}, has no token among the first "
                f"{self._task.max_length_tokens} and cannot be scored; raise task.max_length_tokens, or mend the text"
            )

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask` and `labels` (B, T), which are ignored where no word begins."""
        width = self._task.max_length_tokens if self._task.padding == "max_length" else None
        side = self._tokenizer.padding_side
        labels = padded([item["labels"] for item in items], value=IGNORED, side=side, width=width)
        inputs = token_inputs([item["input_ids"] for item in items], self._tokenizer, width=width)
        return inputs | {"labels": labels}

    def n_tokens(self, item: Item) -> int:
        """Return the tokens of one text, padding not counted."""
        return len(item["input_ids"])

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the mean cross-entropy over words."""
        labels = batch.pop("labels")
        logits = model(**batch).logits  # (B, T, n_labels)
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        return BatchLoss(loss=loss, n_targets=int((labels != IGNORED).sum()))

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Return the name of the label with the greatest logit for every word of each text."""
        losses = np.zeros(len(items), dtype=np.float64)
        counts = np.zeros(len(items), dtype=np.int64)
        chosen: list[tuple[str, ...]] = [()] * len(items)
        for positions in by_length([self.n_tokens(item) for item in items], batch_size):
            batch = on_device(self.collate([items[i] for i in positions]), model)
            labels = batch.pop("labels").cpu()  # (B, T)
            logits = model(**batch).logits.float().cpu()  # (B, T, n_labels)
            each = functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
            losses[positions] = each.double().sum(dim=1).numpy()  # 0 where no word begins
            is_word = labels != IGNORED
            counts[positions] = is_word.sum(dim=1).numpy()
            for i, numbers, words in zip(positions, logits.argmax(dim=-1), is_word, strict=True):
                chosen[i] = self._names(numbers[words].tolist())
            advance(len(positions))
        examples = [item["example"] for item in items]
        return Predictions(
            ids=tuple(example.id for example in examples),
            inputs=tuple(example.input[:INPUT_CHARACTERS] for example in examples),
            references=tuple(self._names(example.numbers) for example in examples),
            predictions=tuple(chosen),
            losses_nats=losses,
            n_targets=counts,
        )

    def _names(self, numbers: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._labels[number] for number in numbers)


def first_tokens(text: str, offsets: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return where each word of a text begins.

    Args:
        text: words with spaces between them.
        offsets: begin and end of every token in the text, in characters; equal for special tokens.

    Returns:
        Number of the word, from 0 -> position of its first token, for the words that have one.
    """
    words = [word.span() for word in re.finditer(r"\S+", text)]
    first: dict[int, int] = {}
    number = 0
    for position, (begin, end) in enumerate(offsets):
        while number < len(words) and words[number][1] < end:
            number += 1
        if begin < end and number < len(words) and words[number][0] < end:  # it may hold the space before its word too
            first.setdefault(number, position)
    return first
