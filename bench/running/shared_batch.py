"""One training batch on one process or several: which rows are whose, and what all of them saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate.utils import gather_object

from bench.core.processes import n_processes, rank
from bench.tasks.base import BatchLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPart:
    """What one process saw of a batch."""

    positions: list[int]
    """Of its examples among all training rows; empty where it took part with rows that count for nothing."""
    loss: float = 0.0
    """Mean over its targets."""
    n_targets: int = 0
    unmasked: float | None = None
    """Mean loss with padding counted; none where labels are not padded."""
    n_correct: int | None = None
    """Examples that are right; none where the task does not classify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBatch:
    """What all processes saw of a batch."""

    parts: tuple[BatchPart, ...]
    """One a process, in their order."""

    @property
    def positions(self) -> list[int]:
        """Return the positions of all examples, in the order they were fed."""
        return [position for part in self.parts for position in part.positions]

    @property
    def n_targets(self) -> int:
        """Return how many targets the loss is a mean over."""
        return sum(part.n_targets for part in self.parts)

    @property
    def loss(self) -> float:
        """Return the mean loss over all targets."""
        return sum(part.loss * part.n_targets for part in self.parts) / self.n_targets

    @property
    def unmasked(self) -> float | None:
        """Return the mean loss over examples with padding counted; none where labels are not padded."""
        weighted = [part.unmasked * len(part.positions) for part in self.parts if part.unmasked is not None]
        return sum(weighted) / len(self.positions) if weighted else None

    @property
    def n_correct(self) -> int:
        """Return how many examples are right; 0 where the task does not classify."""
        return sum(part.n_correct or 0 for part in self.parts)

    def share_of(self, part: BatchPart, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss () that a process must descend, so that all together descend the mean over targets.

        Gradients are averaged over processes, whose numbers of targets differ.

        Args:
            part: what the process saw.
            loss: its own loss (), a mean over its targets.
        """
        if len(self.parts) == 1:
            return loss
        return loss * (part.n_targets * len(self.parts) / self.n_targets)


def own_rows(step: int, *, n_examples: int, batch_size: int) -> int:
    """Return how many rows of a batch this process shall train on; the others were fed already in the same epoch.

    Where rows do not fill the last batch of an epoch, accelerate fills it for several processes from the epoch's start.

    Args:
        step: optimiser steps done, in this epoch and those before.
        n_examples: rows of an epoch.
        batch_size: rows of a whole batch, a multiple of the processes.
    """
    per_process = batch_size // n_processes()
    left = n_examples - step % -(-n_examples // batch_size) * batch_size
    return max(0, min(per_process, left - rank() * per_process))


def part_of(batch: BatchLoss, positions: Sequence[int]) -> BatchPart:
    """Return what this process saw of a batch.

    Args:
        batch: what the task computed.
        positions: of the rows that count; where there are none, nothing of the batch counts.
    """
    if not positions:
        return BatchPart(positions=[])
    return BatchPart(
        positions=list(positions),
        loss=float(batch.loss.detach()),
        n_targets=batch.n_targets,
        unmasked=None if batch.unmasked is None else float(batch.unmasked.detach()),
        n_correct=batch.n_correct,
    )


def gather(part: BatchPart) -> WholeBatch:
    """Return what all processes saw, of which this one saw a part."""
    return WholeBatch(parts=tuple(gather_object([part])) if n_processes() > 1 else (part,))
