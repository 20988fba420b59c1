"""A thin layer on `transformers.Trainer`, which does optimisation, precision and device placement.

Ours adds the loss of the task, what a method makes of loss and gradients, the rows of one process among several, and an
end where the loss is not finite. What is written down of it is in `training_log`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import nn

from bench.config import TrainingConfig
from bench.core.errors import TrainingError
from bench.core.processes import n_processes
from bench.core.progress import Advance, no_advance
from bench.methods import Method
from bench.methods.base import defines
from bench.methods.user_method import explain_errors, name_of
from bench.records.record import EpochSummary
from bench.running.shared_batch import WholeBatch, gather, own_rows, part_of
from bench.running.trackers import Tracking, track
from bench.running.training_arguments import training_arguments
from bench.running.training_log import CurveCallback, Evaluate, TrainingLog
from bench.tasks.base import Item, Task

Batch = dict[str, torch.Tensor]
"""Tensors by name, rows first (B, ...); `index` holds the position of each row among all training rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOutcome:
    """What training leaves besides the changed model."""

    curve: list[dict[str, float | int]]
    """One row per optimiser step: step, loss, learning_rate."""
    epochs: list[EpochSummary]
    batch_order: str
    """sha256 of the example positions in the order they were fed."""
    n_tokens: int
    """Tokens of text trained on, padding not counted, every pass counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One forward pass of a model."""

    model: Any
    given: dict[str, Any]
    """The arguments, by name."""
    outputs: Any
    """What transformers returned: `logits`, and room for a `loss`."""


class TaskTrainer(transformers.Trainer):  # type: ignore[misc]
    """The Trainer with a task's loss."""

    def __init__(self, *, task: Task, method: Method, trained: nn.Module, log: TrainingLog, **arguments: Any) -> None:
        """Make ready.

        Args:
            task: gives the loss.
            method: gives loss, change of gradients and penalty, and the modules whose dropout stays off.
            trained: what the method left; of a style duel, both writers.
            log: told of every batch.
            arguments: of transformers' Trainer.
        """
        super().__init__(**arguments)
        self._task = task
        self._method = method
        self._models = task.base_models(trained)
        self._trained = trained
        self._quiet = [module for part in self._models for module in method.quiet(part)]
        self._owns_loss = defines(method, "loss")
        self._log = log

    def training_step(self, model: Any, inputs: Batch, *given: Any, **named: Any) -> torch.Tensor:
        """Return the loss () of a batch after its backward pass, and after the method's change of gradients."""
        loss: torch.Tensor = super().training_step(model, inputs, *given, **named)
        if defines(self._method, "gradients"):

            def closure() -> torch.Tensor:
                model.zero_grad(set_to_none=True)
                with self.compute_loss_context_manager():
                    again, _ = self._losses(model, inputs)
                self.accelerator.backward(again)
                return again.detach()

            self._method.gradients(self._trained, closure)
        return loss

    def compute_loss(self, model: Any, inputs: Batch, return_outputs: bool = False, **_: Any) -> Any:
        """Return the loss () that this process descends, after writing down the batch."""
        loss, batch = self._losses(model, inputs)
        self._log.add(batch)
        return loss

    def _losses(self, model: Any, inputs: Batch) -> tuple[torch.Tensor, WholeBatch]:
        """Return the loss () that this process descends, and what all processes saw of the batch.

        Raises:
            TrainingError: the loss is not finite.
        """
        self._switch_dropout_off()
        positions, rows = self._own_part(inputs)
        with self._calls() as calls:
            computed = self._task.loss(model, dict(rows))
        part = part_of(computed, positions)
        batch = gather(part)
        self._check_finite(batch.loss)
        loss = self._own_loss(calls, rows, computed.loss) if self._owns_loss else computed.loss
        return self._with_penalties(batch.share_of(part, loss)), batch

    @contextmanager
    def _calls(self) -> Iterator[list[_Call]]:
        """Yield a list that takes in what the models are called with and return, where the method's loss reads it."""
        calls: list[_Call] = []
        models = self._models if self._owns_loss else []

        def note(model: Any, _: Any, given: dict[str, Any], outputs: Any) -> None:
            calls.append(_Call(model=model, given=given, outputs=outputs))

        handles = [model.register_forward_hook(note, with_kwargs=True) for model in models]
        try:
            yield calls
        finally:
            for handle in handles:
                handle.remove()

    def _own_loss(self, calls: Sequence[_Call], rows: Batch, loss: torch.Tensor) -> torch.Tensor:
        """Return the method's loss (), a mean over authors where there are several.

        Args:
            calls: one an author.
            rows: of this process.
            loss: the task's own ().

        Raises:
            TrainingError: it is no finite scalar that depends on what trains.
        """
        losses = []
        for author, call in enumerate(calls):
            labels = self._task.model_inputs(rows, author)["labels"]
            if labels.dim() > 1:  # a causal model may have computed the logits of the last positions alone
                labels = labels[:, -call.outputs.logits.shape[1] :]
            call.outputs["loss"] = loss
            own = self._method.loss(call.model, dict(call.given), labels, call.outputs)
            losses.append(loss if own is None else own)
        for own in losses:
            if not (isinstance(own, torch.Tensor) and own.dim() == 0 and own.requires_grad):
                got = f"shape {tuple(own.shape)}" if isinstance(own, torch.Tensor) else type(own).__name__
                raise TrainingError(
                    f"method {name_of(self._method)}: loss must return one number with a gradient, a tensor of shape "
                    f"(), got {got}"
                )
            self._check_finite(float(own.detach()))
        return torch.stack(losses).mean()

    def _switch_dropout_off(self) -> None:
        """Put the method's quiet modules back into evaluation mode: the Trainer has just switched the whole model."""
        for module in self._quiet:
            module.eval()

    def _own_part(self, inputs: Batch) -> tuple[list[int], Batch]:
        """Return the positions of the rows that this process trains on, and the rows.

        A process that has none takes part with rows that count for nothing.
        """
        positions: list[int] = inputs["index"].tolist()
        rows = {name: values for name, values in inputs.items() if name != "index"}
        if n_processes() > 1:
            batch_size = self.args.per_device_train_batch_size * n_processes()
            n_examples = len(self.train_dataset)
            positions = positions[: own_rows(self.state.global_step, n_examples=n_examples, batch_size=batch_size)]
            if positions:
                rows = {name: values[: len(positions)] for name, values in rows.items()}
        return positions, rows

    def _check_finite(self, loss: float) -> None:
        """Raise where the loss is not finite.

        Raises:
            TrainingError: it is not.
        """
        if not math.isfinite(loss):
            raise TrainingError(
                f"step {self.state.global_step + 1}: the loss is {loss}; lower training.learning_rate "
                f"(now {self.args.learning_rate:g}), set training.max_grad_norm, or use training.precision = 'float32'"
            )

    def _with_penalties(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss () with the method's penalty on every model."""
        penalties = [self._method.penalty(model) for model in self._models]
        return sum((penalty for penalty in penalties if penalty is not None), start=loss)


def train(
    model: Any,
    task: Task,
    items: Sequence[Item],
    validation: Sequence[Item],
    config: TrainingConfig,
    *,
    seed: int,
    method: Method,
    evaluate: Evaluate | None = None,
    tracking: Tracking = Tracking(),  # noqa: B008 - it is frozen
    advance: Advance = no_advance,
) -> TrainOutcome:
    """Fine-tune in place.

    Args:
        model: what the method left, on the device it shall train on.
        task: gives batches and losses.
        items: encoded training rows.
        validation: encoded validation rows, whose loss is measured after every epoch.
        config: the `[training]` table.
        seed: the run seed; batch order and dropout have streams of their own.
        method: what was applied to the model; gives optimizer, callbacks and penalty where it has any.
        evaluate: called every `config.evaluate_every_steps` and after the last step.
        tracking: which trackers watch; default: none.
        advance: told of every step with its loss.

    Raises:
        TrainingError: the loss is not finite, or a user's method fails.
    """
    log = TrainingLog([task.n_tokens(item) for item in items])
    curve = CurveCallback(log, task, validation, config, evaluate, advance)

    def collate(batch: list[Item]) -> Batch:
        return task.collate(batch) | {"index": torch.tensor([item["index"] for item in batch])}

    runnable = task.training_model(model)
    optimizer = method.optimizer(model, config)
    callbacks = [callback for part in task.base_models(model) for callback in method.callbacks(part, config)]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, track(tracking):
        with explain_errors(method, "setting up its training"):
            trainer = TaskTrainer(
                task=task,
                method=method,
                trained=model,
                log=log,
                model=runnable,
                args=training_arguments(
                    config,
                    seed=seed,
                    folder=scratch,
                    tracking=tracking,
                    device=next(model.parameters()).device,
                ),
                train_dataset=list(items),
                data_collator=collate,
                callbacks=[*callbacks, curve],
                optimizers=(optimizer, None),
            )
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
        with explain_errors(method, lambda: f"training at step {trainer.state.global_step + 1}"):
            trainer.train()
    model.eval()
    return TrainOutcome(curve=curve.curve, epochs=curve.epochs, batch_order=log.batch_order, n_tokens=log.n_tokens)
