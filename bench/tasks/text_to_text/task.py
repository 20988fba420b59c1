"""A text in, a text out: encoder-decoder models such as T5, and causal models with a prompt.

Both decode greedily in batches. Losses are teacher-forced on the reference, once with padding masked (what
training minimises) and, for encoder-decoder models, once with padding counted as a target, as the recipe did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate.utils import extract_model_from_parallel
from torch.nn import functional
from transformers import GenerationConfig

from bench.config import SplitName
from bench.core.progress import Advance
from bench.materials.splits import Example
from bench.records.predictions import INPUT_CHARACTERS, Predictions
from bench.tasks.base import BatchLoss, Item, Task
from bench.tasks.batches import IGNORED, by_length, on_device, padded, token_inputs

if TYPE_CHECKING:
    from bench.tasks.text_to_text import TextToTextTask


class _TextToText(Task):
    """What both kinds of model share."""

    def __init__(self, task: TextToTextTask, tokenizer: Any) -> None:
        self._task = task
        self._tokenizer = tokenizer
        self._pad = tokenizer.pad_token_id

    def n_tokens(self, item: Item) -> int:
        """Return the tokens of source and target, padding not counted."""
        return len(item["input_ids"]) + len(item["labels"])

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Tokenize prompts and references, each cut to its length; of several references, the first is learned."""
        items = []
        for i, example in enumerate(examples):
            source, target = self._source(example.input), self._target(example.references[0])
            items.append({"input_ids": source, "labels": target, "example": example, "index": i})
            advance(1)
        return items

    def _source(self, text: str) -> list[int]:
        """Return the ids of the prompt around the text; the text is cut, the words around it are not."""
        limit = self._task.source_length_tokens
        before, after = self._task.prompt.split("{input}")
        if after:
            frame = len(self._tokenizer(before + after)["input_ids"])
            offsets = self._tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
            room = max(limit - frame - 1, 1)  # one token of slack: a cut word may split differently
            text = text[: offsets[room - 1][1]] if len(offsets) > room else text
        ids: list[int] = self._tokenizer(before + text + after, truncation=True, max_length=limit)["input_ids"]
        return ids

    def _target(self, text: str) -> list[int]:
        raise NotImplementedError

    def _target_losses(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss (B, T) of every label position in float32, and the mask (B, T) of real targets."""
        raise NotImplementedError

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the mean cross-entropy over target tokens."""
        losses, mask = self._target_losses(model, batch)
        return BatchLoss(
            loss=(losses * mask).sum() / mask.sum(), n_targets=int(mask.sum()), unmasked=self._unmasked(losses)
        )

    def _unmasked(self, losses: torch.Tensor) -> torch.Tensor | None:
        return None

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Return greedy texts, and the loss of each reference."""
        losses = np.zeros(len(items), dtype=np.float64)
        counts = np.zeros(len(items), dtype=np.int64)
        texts = [""] * len(items)
        short = [""] * len(items)
        for positions in by_length([len(item["input_ids"]) for item in items], batch_size):
            chosen = [items[i] for i in positions]
            position_losses, mask = self._target_losses(model, on_device(self.collate(chosen), model))
            losses[positions] = (position_losses * mask).sum(dim=1).double().cpu().numpy()
            counts[positions] = mask.sum(dim=1).cpu().numpy()
            for i, ids in zip(positions, self._generate(model, chosen), strict=True):
                texts[i] = self._decoded(ids)
                # Greedy decoding only looks back, so the short text is the long one's beginning.
                short[i] = self._decoded(ids[: self._task.short_new_tokens])
            advance(len(positions))
        examples = [item["example"] for item in items]
        return Predictions(
            ids=tuple(example.id for example in examples),
            inputs=tuple(example.input[:INPUT_CHARACTERS] for example in examples),
            references=tuple(example.target for example in examples),
            predictions=tuple(texts),
            short_predictions=tuple(short) if self._task.short_new_tokens else None,
            losses_nats=losses,
            n_targets=counts,
        )

    def _generate(self, model: Any, items: Sequence[Item]) -> list[list[int]]:
        """Return the new token ids of each item, greedily decoded."""
        settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=self._task.max_new_tokens,
            pad_token_id=self._pad,
            eos_token_id=self._tokenizer.eos_token_id,
            decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None),
        )
        batch = on_device(token_inputs([item["input_ids"] for item in items], self._tokenizer), model)
        generated = model.generate(**batch, generation_config=settings)  # (B, T)
        new: list[list[int]] = generated[:, self._n_given(batch) :].tolist()
        return new

    def _n_given(self, batch: dict[str, torch.Tensor]) -> int:
        """Return how many ids of a generated row were given, not generated."""
        raise NotImplementedError

    def _decoded(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True)).strip()


class Seq2SeqTextToText(_TextToText):
    """Encoder-decoder models: the encoder reads the prompt, the decoder writes the text."""

    def _target(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, truncation=True, max_length=self._task.target_length_tokens)["input_ids"]
        return ids

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask` (B, S) and `labels` (B, T) with padding ignored."""
        width = self._task.target_length_tokens if self._task.target_padding == "max_length" else None
        labels = padded([item["labels"] for item in items], value=IGNORED, side="right", width=width)
        return token_inputs([item["input_ids"] for item in items], self._tokenizer) | {"labels": labels}

    def _target_losses(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        labels = batch.pop("labels")
        mask = labels != IGNORED  # (B, T)
        targets = labels.masked_fill(~mask, self._pad)
        config = extract_model_from_parallel(model).config  # where several processes train, the model is wrapped
        start = torch.full_like(targets[:, :1], config.decoder_start_token_id)
        given = torch.cat([start, targets[:, :-1]], dim=1)  # (B, T) what the decoder has read at each position
        logits = model(**batch, decoder_input_ids=given, use_cache=False).logits  # (B, T, V)
        losses = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view_as(targets), mask

    def _unmasked(self, losses: torch.Tensor) -> torch.Tensor:
        return losses.mean()

    def _n_given(self, batch: dict[str, torch.Tensor]) -> int:
        return 1  # the decoder's start token


class CausalTextToText(_TextToText):
    """Causal models: the text continues the prompt.

    Batches are padded on the left, so that every reference ends at the same position and logits are computed
    there only.
    """

    def _target(self, text: str) -> list[int]:
        limit = self._task.target_length_tokens - 1
        ids: list[int] = self._tokenizer(f" {text}", truncation=True, max_length=limit, add_special_tokens=False)[
            "input_ids"
        ]
        return [*ids, self._tokenizer.eos_token_id]

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `attention_mask`, `position_ids` (B, S), `labels` (B, T of the longest)."""
        inputs = token_inputs([item["input_ids"] + item["labels"] for item in items], self._tokenizer)
        labels = padded([item["labels"] for item in items], value=IGNORED, side="left")
        positions = (inputs["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
        return inputs | {"position_ids": positions, "labels": labels}

    def model_inputs(self, batch: dict[str, torch.Tensor], part: int) -> dict[str, torch.Tensor]:
        """Return the batch with labels (B, S) that are as long as the inputs: nothing of the prompt is a target."""
        labels = torch.full_like(batch["input_ids"], IGNORED)
        labels[:, labels.shape[1] - batch["labels"].shape[1] :] = batch["labels"]
        return batch | {"labels": labels}

    def _target_losses(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        labels = batch.pop("labels")  # (B, T)
        mask = labels != IGNORED
        # The logits before position i predict it, so T targets need the last T + 1; the final one is spare.
        logits = model(**batch, use_cache=False, logits_to_keep=labels.shape[1] + 1).logits[:, :-1]  # (B, T, V)
        targets = labels.masked_fill(~mask, 0)
        losses = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view_as(targets), mask

    def _n_given(self, batch: dict[str, torch.Tensor]) -> int:
        return int(batch["input_ids"].shape[1])
