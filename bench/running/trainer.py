"""A thin layer on `transformers.Trainer`: what is trained, in which order, and what is written down of it.

The Trainer does optimisation, precision and device placement. Ours adds the loss of the task (masked, and unmasked
where a recipe was measured so), the order in which examples were fed, a curve, and an end where the loss is not
finite.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.utils import gather_object
from torch import nn
from transformers import TrainerCallback, TrainingArguments

from bench.config import TrainingConfig
from bench.core import seeds
from bench.core.errors import InputError, TrainingError
from bench.core.processes import n_processes, rank
from bench.core.progress import Advance
from bench.methods import Method
from bench.methods.plugins import wrap_user_errors
from bench.records.record import EpochSummary
from bench.running.trackers import PROJECT, tracking
from bench.tasks.base import BatchLoss, Item, Task
from bench.tasks.batches import autocast, by_length, on_device

Evaluate = Callable[[int, float], None]
"""Called with the steps done and the mean loss of the batches since the last look; the model is in evaluation mode."""

_SCHEDULERS = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}
_OPTIMIZERS = {"adam": "adamw_torch", "adamw": "adamw_torch", "sgd": "sgd"}


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


@dataclass(slots=True)
class _Pass:
    """Running sums over the batches since the last epoch ended."""

    losses: list[float] = field(default_factory=list)
    unmasked: list[float] = field(default_factory=list)
    n_correct: int = 0
    n_examples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What one process saw of a batch."""

    positions: list[int]
    loss: float
    n_targets: int
    unmasked: float | None
    n_correct: int | None


def _share(batch: BatchLoss, positions: list[int]) -> _Share:
    if not positions:
        return _Share(positions=[], loss=0.0, n_targets=0, unmasked=None, n_correct=None)
    return _Share(
        positions=positions,
        loss=float(batch.loss.detach()),
        n_targets=batch.n_targets,
        unmasked=None if batch.unmasked is None else float(batch.unmasked.detach()),
        n_correct=batch.n_correct,
    )


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


class _Trainer(transformers.Trainer):  # type: ignore[misc]
    """The Trainer with a task's loss."""

    def __init__(
        self, *, task: Task, method: Method, trained: nn.Module, tokens: Sequence[int], **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self._task = task
        self._method = method
        self._models = task.base_models(trained)
        self._quiet = [module for part in self._models for module in method.quiet(part)]
        self._tokens = tokens
        self.since_epoch = _Pass()
        self.step_loss = 0.0
        self.order = hashlib.sha256()
        self.n_tokens = 0

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, **_: Any) -> Any:
        """Return the batch's loss, after writing down what the curve and the record need."""
        for module in self._quiet:
            module.eval()  # the Trainer has just switched the whole model to training mode
        own = inputs.pop("index").tolist()
        if n_processes() > 1:
            size = self.args.per_device_train_batch_size * n_processes()
            own = own[: own_rows(self.state.global_step, n_examples=len(self._tokens), batch_size=size)]
            if own:  # else it takes part with rows that count for nothing
                inputs = {name: rows[: len(own)] for name, rows in inputs.items()}
        batch = self._task.loss(model, inputs)
        share = _share(batch, own)
        parts: list[_Share] = gather_object([share]) if n_processes() > 1 else [share]
        positions = [i for part in parts for i in part.positions]
        self.order.update(f"{positions}\n".encode())
        self.n_tokens += sum(self._tokens[i] for i in positions)
        n_targets = sum(part.n_targets for part in parts)
        self.step_loss = sum(part.loss * part.n_targets for part in parts) / n_targets
        if not math.isfinite(self.step_loss):
            raise TrainingError(
                f"step {self.state.global_step + 1}: the loss is {self.step_loss}; lower training.learning_rate "
                f"(now {self.args.learning_rate:g}), set training.max_grad_norm, or use training.precision = 'float32'"
            )
        self._add(parts, len(positions))
        loss = batch.loss
        if len(parts) > 1:  # gradients are averaged over processes, but targets are what the loss is a mean over
            loss = loss * (share.n_targets * len(parts) / n_targets)
        penalties = [self._method.penalty(model) for model in self._models]
        return sum((penalty for penalty in penalties if penalty is not None), start=loss)

    def _add(self, parts: Sequence[_Share], n_examples: int) -> None:
        sums = self.since_epoch
        sums.losses.append(self.step_loss)
        sums.n_examples += n_examples
        unmasked = [part.unmasked * len(part.positions) for part in parts if part.unmasked is not None]
        if unmasked:
            sums.unmasked.append(sum(unmasked) / n_examples)
        sums.n_correct += sum(part.n_correct or 0 for part in parts)


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Writes the curve, and looks at the validation rows at the end of every epoch."""

    def __init__(
        self, task: Task, validation: Sequence[Item], config: TrainingConfig, look: Evaluate | None, advance: Advance
    ) -> None:
        self.trainer: _Trainer | None = None
        self.curve: list[dict[str, float | int]] = []
        self.epochs: list[EpochSummary] = []
        self._task = task
        self._validation = validation
        self._config = config
        self._look = look
        self._advance = advance
        self._rate = 0.0
        self._since_look: list[float] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Remember the learning rate that the coming step uses."""
        self._rate = given["optimizer"].param_groups[0]["lr"]

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Add a step to the curve."""
        loss = self._trainer.step_loss
        self.curve.append({"step": state.global_step, "loss": loss, "learning_rate": self._rate})
        self._advance(1, loss=loss)
        every = self._config.evaluate_every_steps
        if self._look is None or every is None:
            return
        self._since_look.append(loss)
        if state.global_step % every == 0 or state.global_step == state.max_steps:
            self._look_now(given["model"], state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look at what came of training, where a method's own callback ended it between two looks."""
        if self._since_look:
            self._look_now(given["model"], state.global_step)

    def _look_now(self, model: Any, step: int) -> None:
        if self._look is not None:
            model.eval()  # every training step switches back by itself
            self._look(step, _mean(self._since_look))
            self._since_look.clear()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Close an epoch: the mean of its batches, and the validation rows with dropout off."""
        trainer = self._trainer
        sums, trainer.since_epoch = trainer.since_epoch, _Pass()
        if not sums.losses:
            return
        model = given["model"]
        model.eval()
        seen = evaluate(self._task, model, self._validation, self._config)
        model.train()
        self.epochs.append(
            EpochSummary(
                epoch=round(state.epoch or 0.0, 6),
                step=state.global_step,
                train_loss=_mean(sums.losses),
                validation_loss=seen.loss,
                train_loss_unmasked=_mean(sums.unmasked) if sums.unmasked else None,
                validation_loss_unmasked=seen.unmasked,
                train_accuracy=None if seen.accuracy is None else sums.n_correct / sums.n_examples,
                validation_accuracy=seen.accuracy,
            )
        )

    @property
    def _trainer(self) -> _Trainer:
        if self.trainer is None:
            raise RuntimeError("the callback was used before its trainer was set")
        return self.trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLosses:
    """Losses over a whole split, dropout off."""

    loss: float
    """Mean over targets, padding masked."""
    unmasked: float | None
    """Mean over label positions, padding counted; None where labels are not padded."""
    accuracy: float | None
    """Share of examples that are right; None where the task does not classify."""


def evaluate(task: Task, model: Any, items: Sequence[Item], config: TrainingConfig) -> ValidationLosses:
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


def train(
    model: Any,
    task: Task,
    items: Sequence[Item],
    validation: Sequence[Item],
    config: TrainingConfig,
    *,
    seed: int,
    method: Method,
    look: Evaluate | None = None,
    report_to: Sequence[str] = (),
    run_name: str | None = None,
    log_folder: Path | None = None,
    advance: Advance = lambda n, **shown: None,
) -> TrainOutcome:
    """Fine-tune in place.

    Args:
        model: what the method left, on the device it shall train on.
        task: gives batches and losses.
        items: encoded training rows.
        validation: encoded validation rows, looked at after every epoch.
        config: the `[training]` table.
        seed: the run seed; batch order and dropout have streams of their own.
        method: what was applied to the model; gives optimizer, callbacks and penalty where it has any.
        look: called every `config.evaluate_every_steps` and after the last step.
        report_to: trackers of the Trainer's own integrations, such as `tensorboard`.
        run_name: what trackers call the run.
        log_folder: where a tracker that writes files puts them.
        advance: told of every step with its loss.

    Raises:
        TrainingError: the loss is not finite, or a user's method fails.
    """
    runnable = task.training_model(model)

    def collate(batch: list[Item]) -> dict[str, torch.Tensor]:
        return task.collate(batch) | {"index": torch.tensor([item["index"] for item in batch])}

    watch = _Watch(task, validation, config, look, advance)
    with wrap_user_errors(method, "its optimizer", error_type=TrainingError):
        optimizer = method.optimizer(model, config)
    with wrap_user_errors(method, "its callbacks", error_type=TrainingError):
        callbacks = [callback for part in task.base_models(model) for callback in method.callbacks(part, config)]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, tracking(report_to, log_folder):
        with wrap_user_errors(method, "setting up its training", error_type=TrainingError):
            trainer = _Trainer(
                task=task,
                method=method,
                trained=model,
                tokens=[task.n_tokens(item) for item in items],
                model=runnable,
                args=_arguments(
                    config,
                    seed=seed,
                    folder=scratch,
                    report_to=report_to,
                    run_name=run_name,
                    device=next(model.parameters()).device,
                ),
                train_dataset=list(items),
                data_collator=collate,
                callbacks=[*callbacks, watch],
                optimizers=(optimizer, None),
            )
        trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
        watch.trainer = trainer
        with wrap_user_errors(method, "training", error_type=TrainingError, step=lambda: trainer.state.global_step + 1):
            trainer.train()
    model.eval()
    return TrainOutcome(
        curve=watch.curve, epochs=watch.epochs, batch_order=trainer.order.hexdigest(), n_tokens=trainer.n_tokens
    )


def n_steps(config: TrainingConfig, n_examples: int) -> int:
    """Return how many optimiser steps a budget comes to."""
    per_epoch = -(-n_examples // config.batch_size)
    return config.steps if config.steps is not None else per_epoch * (config.epochs or 0)


def _arguments(
    config: TrainingConfig,
    *,
    seed: int,
    folder: str,
    report_to: Sequence[str],
    run_name: str | None,
    device: torch.device,
) -> TrainingArguments:
    n = n_processes()
    if config.batch_size % n:
        raise InputError(
            f"training.batch_size = {config.batch_size} cannot be split evenly between {n} processes; launch a number "
            "of them that divides it, or set another"
        )
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=config.epochs or 1,
        max_steps=config.steps if config.steps is not None else -1,
        per_device_train_batch_size=config.batch_size // n,
        learning_rate=config.learning_rate,
        optim=_OPTIMIZERS[config.optimizer],
        weight_decay=config.weight_decay,
        lr_scheduler_type=_SCHEDULERS[config.scheduler],
        warmup_steps=config.warmup_steps,
        max_grad_norm=config.max_grad_norm,
        seed=seeds.derive(seed, "dropout") + rank(),  # the same masks on every process would be fewer masks
        data_seed=seeds.derive(seed, "batch order"),
        bf16=config.precision == "bfloat16",
        fp16=config.precision == "float16",
        use_cpu=device.type == "cpu",
        ddp_backend="gloo" if n > 1 and device.type == "cpu" else None,
        report_to=list(report_to) or "none",
        run_name=run_name,
        project=PROJECT,
        logging_strategy="steps" if report_to else "no",
        logging_steps=1,
        save_strategy="no",
        eval_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=device.type == "cuda",
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process, one device: DataParallel would change batches silently
    return arguments


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
