"""Materials -> the model under its method, the task, and the encoded rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench.config import SplitName
from bench.core.progress import Advance
from bench.materials.base_model import count_parameters, load_model, load_tokenizer
from bench.materials.heads import HEADS
from bench.materials.splits import SPLITS
from bench.methods.applying import state_hash, trainable_state
from bench.records.record import ModelSummary
from bench.running.cache import EncodedRows
from bench.running.context import RunContext
from bench.running.forgetting import unrelated_windows
from bench.tasks.base import Item, Task, kind_of_task


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A base model under its method, and what it is to do."""

    model: Any
    """A transformers model or what the method made of it, on the device, in evaluation mode."""
    tokenizer: Any
    """The base model's."""
    task: Task
    initial_hash: str
    """Of the trainable parameters before the first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSplits:
    """The rows of a suite as its task takes them."""

    train: list[Item]
    validation: list[Item]
    test: list[Item]
    """What is predicted and scored."""
    unrelated: dict[str, torch.Tensor]
    """Texts on which forgetting is measured: title -> ids (n_windows, W); empty where the suite has none."""


def load(run: RunContext) -> LoadedModel:
    """Load the base model, apply the method, and build the task.

    Raises:
        InputError: the method or the task does not fit the model.
    """
    with run.clock.stage("loading"):
        model = fresh_model(run)
        tokenizer = load_tokenizer(run.materials.base, padding_side=HEADS[run.config.model.family].padding_side)
        task = kind_of_task(run.config).build(run.config, tokenizer, model, seed=run.seed)
        return LoadedModel(
            model=model,
            tokenizer=tokenizer,
            task=task,
            initial_hash=state_hash(trainable_state(model)),
        )


def fresh_model(run: RunContext) -> Any:
    """Return the base weights under the method, on the device; the same every time for one seed."""
    config, base = run.config, run.materials.base

    def load_base() -> Any:
        return load_model(config.model, base, n_labels=len(config.data.labels), seed=run.seed)

    return kind_of_task(config).build_model(config, run.method, load_base, seed=run.seed).to(run.device).eval()


def summarize_model(run: RunContext, model: Any) -> ModelSummary:
    """Return what a record says of a model."""
    total, trainable = count_parameters(model), count_parameters(model, trainable=True)
    return ModelSummary(
        base=run.materials.base.identity,
        total_parameters=total,
        trainable_parameters=trainable,
        trainable_share=trainable / total,
    )


def encode(run: RunContext, loaded: LoadedModel) -> EncodedSplits:
    """Encode the rows of every split; what does not depend on method or seed is encoded once a process.

    Raises:
        InputError: a row or a text does not fit the model.
    """
    splits = run.materials.splits
    n_rows = len(splits.train) + len(splits.validation) + len(splits.test)
    with run.clock.stage("encoding", n_rows) as advance:
        train, validation, test = (_encoded(run, loaded, split, advance) for split in SPLITS)
        unrelated = unrelated_windows(splits.controls, loaded.tokenizer, max_positions=_max_positions(loaded.model))
    return EncodedSplits(train=train, validation=validation, test=test, unrelated=unrelated)


def _encoded(run: RunContext, loaded: LoadedModel, split: SplitName, advance: Advance) -> list[Item]:
    key = EncodedRows(
        split=split,
        encoded_by=loaded.task.encoded_by(split),
        max_positions=_max_positions(loaded.model),
        device=str(run.device),
    )
    rows = getattr(run.materials.splits, split)
    return run.cache.encoded.get(key, lambda: loaded.task.encode(loaded.model, rows, split, advance=advance))


def _max_positions(model: Any) -> int | None:
    return getattr(model.config, "max_position_embeddings", None)
