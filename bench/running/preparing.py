"""Training batches for methods whose start depends on data, before the first prediction.

Nothing of the run's own randomness moves by it: batches come in an order of their own, and every generator is put back
as it was.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bench.core import seeds
from bench.core.errors import InputError
from bench.methods import Method
from bench.methods.applying import answers_of, check_unchanged, state_hash, trainable_state
from bench.methods.base import defines
from bench.methods.user_method import name_of
from bench.running.context import RunContext
from bench.running.loading import EncodedSplits, LoadedModel
from bench.tasks.base import Item, Task
from bench.tasks.batches import device_of, on_device


def prepare(run: RunContext, loaded: LoadedModel, rows: EncodedSplits) -> LoadedModel:
    """Let the method see training batches, where it asks for them; any other run is left alone.

    Args:
        run: what runs.
        loaded: the model, which is changed.
        rows: encoded splits.

    Returns:
        The loaded model, with the hash of what trains now.

    Raises:
        InputError: a user's method fails, trains nothing any more, or its model answers differently from the base
            without being meant to.
    """
    if not defines(run.method, "prepare"):
        return loaded
    with run.clock.stage("preparing"):
        prepare_models(
            loaded.model,
            loaded.task,
            run.method,
            rows.train,
            batch_size=run.config.training.batch_size,
            seed=run.seed,
        )
    return replace(loaded, initial_hash=state_hash(trainable_state(loaded.model)))


def prepare_models(
    model: Any, task: Task, method: Method, items: Sequence[Item], *, batch_size: int, seed: int
) -> None:
    """Let a method see training batches of every base model, and hold it to where it may start.

    Args:
        model: what `apply` left, on its device; changed in place.
        task: makes batches.
        method: what was applied.
        items: encoded training rows.
        batch_size: rows of a batch.
        seed: the run seed.

    Raises:
        InputError: as `prepare`.
    """
    with _random_numbers_of_its_own(seed, device_of(model)):
        for part, base in enumerate(task.base_models(model)):
            before = answers_of(base, method)
            batches = training_batches(task, base, items, part=part, batch_size=batch_size, seed=seed)
            with torch.enable_grad():
                method.prepare(base, batches)
            base.zero_grad(set_to_none=True)
            base.eval()
            if not any(p.requires_grad for p in base.parameters()):
                raise InputError(f"method {name_of(method)}: prepare left no parameter to train")
            check_unchanged(base, method, before, hook="prepare")


def training_batches(
    task: Task, model: Any, items: Sequence[Item], *, part: int, batch_size: int, seed: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield one pass over the training rows, shuffled by the seed's "preparation" stream.

    Args:
        task: makes batches.
        model: what is called with them, on its device.
        items: encoded training rows.
        part: position of the model among the task's `base_models`.
        batch_size: rows of a batch; the last one may have fewer.
        seed: the run seed.
    """
    order = seeds.generator(seed, "preparation").permutation(len(items))
    for start in range(0, len(order), batch_size):
        chosen = [items[i] for i in order[start : start + batch_size]]
        yield task.model_inputs(on_device(task.collate(chosen), model), part)


@contextlib.contextmanager
def _random_numbers_of_its_own(run_seed: int, device: torch.device) -> Iterator[None]:
    """Seed every generator from the "preparation" stream, and put all back as they were at the end."""
    devices = [device] if device.type == "cuda" else []
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - users' code may draw from it
    seed = seeds.derive(run_seed, "preparation")
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
