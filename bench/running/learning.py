"""Predict, train, predict again: what the model says before, on the way and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from bench.core.errors import TrainingError
from bench.core.progress import Advance, no_advance
from bench.materials.splits import groups_of
from bench.methods.applying import state_hash, trainable_state
from bench.methods.user_method import explain_errors
from bench.metrics.base import Metric
from bench.metrics.score import score
from bench.records.predictions import Predictions
from bench.records.record import Evaluation, Forgetting, StoredValue
from bench.running.context import RunContext
from bench.running.forgetting import forgetting, mean_losses
from bench.running.loading import EncodedSplits, LoadedModel
from bench.running.trackers import Tracking
from bench.running.trainer import TrainOutcome, train
from bench.running.training_arguments import n_steps
from bench.tasks.base import Item, Task
from bench.tasks.batches import autocast


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What training changed; the model itself was trained in place."""

    before: Predictions
    """Of the test rows, before the first step."""
    after: Predictions
    """After the last."""
    evaluations: tuple[Evaluation, ...]
    """On the way, start and end included; empty where no curve was asked for."""
    outcome: TrainOutcome
    forgetting: dict[str, Forgetting]
    """By title of an unrelated text; empty where the suite has none."""
    final_hash: str
    """Of the trainable parameters after the last step."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """Predictions of the test rows in the course of training: the first and the last whole, all as points."""

    run: RunContext
    model: Any
    task: Task
    test: Sequence[Item]
    metrics: Mapping[str, Metric]
    first: Predictions | None = None
    last: Predictions | None = None
    evaluations: list[Evaluation] = field(default_factory=list)

    def evaluate(self, step: int, train_loss: float | None, advance: Advance) -> None:
        """Predict the test rows after a number of steps.

        Args:
            step: optimiser steps done.
            train_loss: mean loss of the batches since the evaluation before; none before training.
            advance: told of every row.

        Raises:
            TrainingError: a loss is not finite.
        """
        config = self.run.config.training
        self.last = predict(self.run, self.task, self.model, self.test, advance)
        self.first = self.last if self.first is None else self.first
        if not np.isfinite(self.last.losses_nats).all():
            raise TrainingError(
                f"step {step}: the model's losses on the scored rows are not finite; lower training.learning_rate "
                f"(now {config.learning_rate:g}) or set training.max_grad_norm"
            )
        if config.evaluate_every_steps is not None:
            names = config.evaluate_metrics or (self.run.config.primary_metric,)
            points = {name: _point(self.run, self.metrics[name], self.last) for name in names}
            self.evaluations.append(Evaluation(step=step, train_loss=train_loss, scores=points))

    def evaluate_in_training(self, step: int, train_loss: float) -> None:
        """Evaluate while the clock of training stands."""
        with self.run.clock.pause("evaluating"):
            self.evaluate(step, train_loss, no_advance)


def learn(run: RunContext, loaded: LoadedModel, rows: EncodedSplits, metrics: Mapping[str, Metric]) -> Learned:
    """Predict the test rows, fine-tune the model in place, and predict them again.

    Args:
        run: what runs.
        loaded: the model, which is changed.
        rows: encoded splits.
        metrics: name -> metric, for the points of the curve.

    Raises:
        TrainingError: a loss is not finite, or a user's method fails.
    """
    model, task = loaded.model, loaded.task
    unrelated_before = _unrelated_losses(run, loaded, rows)
    course = _Course(run=run, model=model, task=task, test=rows.test, metrics=metrics)
    steps = n_steps(run.config.training, len(rows.train))
    with run.clock.stage("predicting before", len(rows.test)) as advance:
        course.evaluate(0, None, advance)
    with run.clock.stage("training", steps) as advance:
        outcome = _train(run, loaded, rows, course, advance)
    if run.config.training.evaluate_every_steps is None:
        with run.clock.stage("predicting after", len(rows.test)) as advance:
            course.evaluate(steps, None, advance)
    if course.first is None or course.last is None:
        raise RuntimeError("nothing was predicted")
    return Learned(
        before=course.first,
        after=course.last,
        evaluations=tuple(course.evaluations),
        outcome=outcome,
        forgetting=forgetting(unrelated_before, _unrelated_losses(run, loaded, rows), rows.unrelated),
        final_hash=state_hash(trainable_state(model)),
    )


def _train(
    run: RunContext, loaded: LoadedModel, rows: EncodedSplits, course: _Course, advance: Advance
) -> TrainOutcome:
    config, trackers = run.config, run.settings.report_to
    return train(
        loaded.model,
        loaded.task,
        rows.train,
        rows.validation,
        config.training,
        seed=run.seed,
        method=run.method,
        evaluate=course.evaluate_in_training,
        tracking=Tracking(
            names=trackers,
            run_name=f"{config.suite}/{config.profile}/{config.method_name}/seed-{run.seed}",
            folder=run.folder / "trackers" if trackers else None,
        ),
        advance=advance,
    )


def predict(
    run: RunContext, task: Task, model: Any, items: Sequence[Item], advance: Advance = no_advance
) -> Predictions:
    """Return what a model in evaluation mode predicts for items of the test split.

    Raises:
        TrainingError: a user's model fails.
    """
    training = run.config.training
    with explain_errors(run.method, "predicting"), torch.inference_mode(), autocast(training, model):
        predictions = task.predict(model, items, batch_size=training.evaluation_batch_size, advance=advance)
    if groups_of(run.materials.splits.test) is None:
        return predictions
    group_by_id = {example.id: example.group or "" for example in run.materials.splits.test}
    return replace(predictions, groups=tuple(group_by_id[name] for name in predictions.ids))


def _unrelated_losses(run: RunContext, loaded: LoadedModel, rows: EncodedSplits) -> dict[str, float]:
    """Return the mean loss on every unrelated text, in nats."""
    explained = explain_errors(run.method, "predicting unrelated text")
    with explained, torch.inference_mode(), autocast(run.config.training, loaded.model):
        return mean_losses(loaded.task.writers(loaded.model), rows.unrelated)


def _point(run: RunContext, metric: Metric, predictions: Predictions) -> StoredValue:
    """Return one metric of predictions, as a point of the curve."""
    config = run.config.metrics[metric.spec.name]
    inputs = predictions.inputs_of(metric.spec.inputs, config)
    value, _ = score(metric, *inputs, seed=run.seed, groups=predictions.groups_of(config))
    return StoredValue(value=value.value, low=value.low, high=value.high)
