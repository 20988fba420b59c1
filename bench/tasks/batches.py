"""Batches: grouped by length to waste little padding, padded, put on a device, and the precision they run in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from bench.config import TrainingConfig
from bench.core.errors import InputError

IGNORED = -100
"""Label at a position that is no target; the value that transformers' own losses ignore."""


def by_length(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Yield the positions of `lengths` in batches, longest first, equal lengths in their order.

    The longest batch comes first so that a device too small for it fails at once, not at the end.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def padded(rows: Sequence[Sequence[int]], *, value: int, side: str, width: int | None = None) -> torch.Tensor:
    """Return rows of ids as one tensor (B, width), filled with `value` on `side`; default width: the longest row."""
    width = width or max(len(row) for row in rows)
    filled = [[value] * (width - len(r)) + [*r] if side == "left" else [*r] + [value] * (width - len(r)) for r in rows]
    return torch.tensor(filled, dtype=torch.long)


def token_inputs(rows: Sequence[Sequence[int]], tokenizer: Any, *, width: int | None = None) -> dict[str, torch.Tensor]:
    """Return `input_ids` and `attention_mask` (B, width), padded on the tokenizer's side; default: the longest."""
    side = tokenizer.padding_side
    return {
        "input_ids": padded(rows, value=tokenizer.pad_token_id, side=side, width=width),
        "attention_mask": padded([[1] * len(row) for row in rows], value=0, side=side, width=width),
    }


def check_length(model: Any, max_length_tokens: int) -> None:
    """Refuse texts that may be longer than what a model can read.

    Raises:
        InputError: the model has fewer positions.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and max_length_tokens > limit:
        raise InputError(
            f"task.max_length_tokens = {max_length_tokens} exceeds the {limit} positions that the model has; "
            f"give {limit} or less"
        )


def device_of(model: Any) -> torch.device:
    """Return the device that a model's parameters lie on."""
    device: torch.device = next(model.parameters()).device
    return device


def on_device(batch: dict[str, torch.Tensor], model: Any) -> dict[str, torch.Tensor]:
    """Return the batch where the model is."""
    device = device_of(model)
    return {name: tensor.to(device) for name, tensor in batch.items()}


def autocast(config: TrainingConfig, model: Any) -> torch.autocast:
    """Return the context that forward passes run under: the configured precision, or plain float32."""
    device = next(model.parameters()).device
    lower = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(config.precision)
    return torch.autocast(device.type, dtype=lower, enabled=lower is not None)
