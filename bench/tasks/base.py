"""What a task is to training and prediction."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from bench.config import SplitName
from bench.materials.splits import Example, Splits
from bench.records.predictions import Predictions

Item = dict[str, Any]
"""One encoded example or window, as the task's own `collate` takes it; `index` is its position."""

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLoss:
    """The loss of one batch."""

    loss: torch.Tensor
    """() mean over targets, padding masked; what the backward pass starts from."""
    n_targets: int
    """Targets that the mean is over."""
    unmasked: torch.Tensor | None = None
    """() mean over all label positions, padding counted as a target; None where labels are not padded."""
    n_correct: int | None = None
    """Examples classified right; None where the task does not classify."""


class Task(Protocol):
    """One kind of input and output."""

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Turn the examples of a split into items.

        Rows give one item each. Continuous texts give windows to train on, and one item a sample for `test`. `model`
        may be used for what it computes but cannot learn (frozen features).
        """
        ...

    def encoded_by(self, split: SplitName) -> Hashable:
        """Return what the items of a split depend on besides rows, base model and task table, such as the run seed."""
        ...

    def training_model(self, model: Any) -> Any:
        """Return the model that training steps run: the same, or one that takes encoded features."""
        ...

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return a training batch of tensors, each (B, ...)."""
        ...

    def n_tokens(self, item: Item) -> int:
        """Return how many tokens of text one item holds."""
        ...

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the loss of a training batch."""
        ...

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Predict for items of the test split, in their order; the model is in evaluation mode, gradients are off."""
        ...

    def human_texts(self, splits: Splits) -> dict[str, Predictions]:
        """Return texts by people in the place of generated ones, by name; none where a task generates no style."""
        ...
