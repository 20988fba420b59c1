"""The trained model -> weights on disk, held to answer as the model did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.core.errors import TrainingError
from bench.methods.user_method import explain_errors
from bench.records.predictions import Predictions
from bench.running.context import RunContext
from bench.running.learning import predict
from bench.running.loading import EncodedSplits, LoadedModel, fresh_model
from bench.running.opening import write_for_others
from bench.running.weights import changed_state, drawn_state, load_saved, restore, save_trained
from bench.tasks.base import Item, Task

N_RELOADED = 4
"""Test examples on which the saved weights must repeat the trained model exactly."""
MERGE_TOLERANCE_NATS = 1e-3
"""Folding an adapter into weights rounds; an example's loss may move by this much."""


def save(run: RunContext, loaded: LoadedModel, rows: EncodedSplits) -> int:
    """Save what training changed, load it again, and return its size in bytes; add what other libraries need.

    For `training.save = "merged"` the method folds what it added into the base model first.

    Raises:
        TrainingError: merged or reloaded weights answer otherwise than the trained model.
    """
    items = rows.test[:: max(1, len(rows.test) // N_RELOADED)][:N_RELOADED]
    with run.clock.stage("saving"), explain_errors(run.method, "saving and reloading"):
        model, fresh = loaded.model, fresh_model(run)
        changed = drawn_state(model, loaded.new_modules) | changed_state(model, fresh)
        if run.config.training.save == "merged":
            model = _merged(run, loaded.task, model, items)
        n_bytes = save_trained(model, run.config, run.folder, changed=changed)
        _check_reload(run, loaded.task, model, fresh, items)
        write_for_others(run, loaded)
    return n_bytes


def _merged(run: RunContext, task: Task, model: Any, items: Sequence[Item]) -> Any:
    """Return the model with all that the method added folded in, if it answers as before."""
    expected = predict(run, task, model, items)
    merged = run.method.merge(model).eval()
    gap = _gap(expected, predict(run, task, merged, items))
    if not gap <= MERGE_TOLERANCE_NATS:
        raise TrainingError(
            f"{run.folder.name}: the merged model answers otherwise than the trained one (losses differ by up to "
            f"{gap:.3g} nats); mend the method's merge, or use training.save = 'trainable'"
        )
    return merged


def _check_reload(run: RunContext, task: Task, model: Any, fresh: Any, items: Sequence[Item]) -> None:
    """Load the saved weights into a fresh model and compare its answers with those of the trained one."""
    expected = predict(run, task, model, items)
    reloaded = load_saved(restore(fresh, run.method, task, run.folder), run.config, run.folder, run.device)
    answers = predict(run, task, reloaded, items)
    if answers.predictions != expected.predictions or not np.array_equal(answers.losses_nats, expected.losses_nats):
        raise TrainingError(
            f"{run.folder.name}: the saved weights do not reload to the same predictions (losses differ by up to "
            f"{_gap(expected, answers):.3g} nats); something that training changed is neither a "
            "parameter nor a persistent buffer of the model"
        )


def _gap(first: Predictions, other: Predictions) -> float:
    """Return how far the losses of two predictions lie apart at the most, in nats."""
    return float(np.abs(first.losses_nats - other.losses_nats).max())
