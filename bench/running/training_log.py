"""What is written down of training: the order of the examples, the curve, and every epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainerCallback

from bench.config import TrainingConfig
from bench.core.progress import Advance
from bench.records.record import EpochSummary
from bench.running.shared_batch import WholeBatch
from bench.running.validation import validation_losses
from bench.tasks.base import Item, Task

Evaluate = Callable[[int, float], None]
"""Called with the steps done and the mean loss of the batches since the last call; the model is in evaluation mode."""


@dataclass(slots=True)
class EpochSums:
    """Running sums over the batches of an epoch."""

    losses: list[float] = field(default_factory=list)
    unmasked: list[float] = field(default_factory=list)
    n_correct: int = 0
    n_examples: int = 0

    def add(self, batch: WholeBatch) -> None:
        """Count a batch."""
        self.losses.append(batch.loss)
        self.n_examples += len(batch.positions)
        if batch.unmasked is not None:
            self.unmasked.append(batch.unmasked)
        self.n_correct += batch.n_correct


class TrainingLog:
    """What training saw, batch by batch."""

    def __init__(self, n_tokens: Sequence[int]) -> None:
        """Begin.

        Args:
            n_tokens: tokens of text in each training row, padding not counted.
        """
        self._n_tokens_of = n_tokens
        self._order = hashlib.sha256()
        self.n_tokens = 0
        """Tokens trained on, every pass counted."""
        self.step_loss = 0.0
        """Of the last batch."""
        self.epoch = EpochSums()
        """Since the last epoch ended."""

    def add(self, batch: WholeBatch) -> None:
        """Write down a batch that is trained on."""
        positions = batch.positions
        self._order.update(f"{positions}\n".encode())
        self.n_tokens += sum(self._n_tokens_of[position] for position in positions)
        self.step_loss = batch.loss
        self.epoch.add(batch)

    def close_epoch(self) -> EpochSums:
        """Return the sums of the epoch that ends, and begin those of the next."""
        ended, self.epoch = self.epoch, EpochSums()
        return ended

    @property
    def batch_order(self) -> str:
        """Return the sha256 of the example positions in the order they were fed."""
        return self._order.hexdigest()


class CurveCallback(TrainerCallback):  # type: ignore[misc]
    """Writes the curve, and measures the loss on the validation rows at the end of every epoch."""

    def __init__(
        self,
        log: TrainingLog,
        task: Task,
        validation: Sequence[Item],
        config: TrainingConfig,
        evaluate: Evaluate | None,
        advance: Advance,
    ) -> None:
        self.curve: list[dict[str, float | int]] = []
        """One row per optimiser step: step, loss, learning_rate."""
        self.epochs: list[EpochSummary] = []
        self._log = log
        self._task = task
        self._validation = validation
        self._config = config
        self._evaluate = evaluate
        self._advance = advance
        self._learning_rate = 0.0
        self._losses: list[float] = []
        """Of the steps since the last evaluation."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Remember the learning rate that the coming step uses."""
        self._learning_rate = given["optimizer"].param_groups[0]["lr"]

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Add a step to the curve, and evaluate where it is time to."""
        loss = self._log.step_loss
        self.curve.append({"step": state.global_step, "loss": loss, "learning_rate": self._learning_rate})
        self._advance(1, loss=loss)
        every = self._config.evaluate_every_steps
        if self._evaluate is None or every is None:
            return
        self._losses.append(loss)
        if state.global_step % every == 0 or state.global_step == state.max_steps:
            self._evaluate_now(given["model"], state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Evaluate what came of training, where a method's own callback ended it between two evaluations."""
        if self._losses:
            self._evaluate_now(given["model"], state.global_step)

    def _evaluate_now(self, model: Any, step: int) -> None:
        if self._evaluate is not None:
            model.eval()  # every training step switches back by itself
            self._evaluate(step, _mean(self._losses))
            self._losses.clear()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Close an epoch: the mean of its batches, and the validation rows with dropout off."""
        sums = self._log.close_epoch()
        if not sums.losses:
            return
        model = given["model"]
        model.eval()
        validation = validation_losses(self._task, model, self._validation, self._config)
        model.train()
        self.epochs.append(
            EpochSummary(
                epoch=round(state.epoch or 0.0, 6),
                step=state.global_step,
                train_loss=_mean(sums.losses),
                validation_loss=validation.loss,
                train_loss_unmasked=_mean(sums.unmasked) if sums.unmasked else None,
                validation_loss_unmasked=validation.unmasked,
                train_accuracy=None if validation.accuracy is None else sums.n_correct / sums.n_examples,
                validation_accuracy=validation.accuracy,
            )
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
