"""Losses over a whole split, dropout off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench.config import TrainingConfig
from bench.tasks.base import Item, Task
from bench.tasks.batches import autocast, by_length, on_device


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLosses:
    """Losses over a whole split."""

    loss: float
    """Mean over targets, padding masked."""
    unmasked: float | None
    """Mean over label positions, padding counted; None where labels are not padded."""
    accuracy: float | None
    """Share of examples that are right; None where the task does not classify."""


def validation_losses(task: Task, model: Any, items: Sequence[Item], config: TrainingConfig) -> ValidationLosses:
    """Return the losses of a model in evaluation mode over encoded rows."""
    total, n_targets, n_correct = 0.0, 0, 0
    unmasked: list[tuple[float, int]] = []
    classified = False
    with torch.inference_mode(), autocast(config, model):
        for positions in by_length([task.n_tokens(item) for item in items], config.evaluation_batch_size):
            batch = task.loss(model, on_device(task.collate([items[i] for i in positions]), model))
            total += float(batch.loss) * batch.n_targets
            n_targets += batch.n_targets
            if batch.unmasked is not None:
                unmasked.append((float(batch.unmasked), len(positions)))
            if batch.n_correct is not None:
                classified = True
                n_correct += batch.n_correct
    return ValidationLosses(
        loss=total / n_targets,
        unmasked=sum(loss * n for loss, n in unmasked) / len(items) if unmasked else None,
        accuracy=n_correct / len(items) if classified else None,
    )
