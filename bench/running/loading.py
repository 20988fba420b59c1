"""Materials -> the model under its method, the task, and the encoded rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench.config import SplitName
from bench.core.progress import Advance
from bench.materials.base_model import check_vocabulary, count_parameters, load_tokenizer, load_weights
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
    new_modules: tuple[str, ...]
    """What the base weights lack and the run seed drew, such as a classifier's head."""


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
        InputError: weights or tokenizer are not those of such a model; the method or the task does not fit it.
    """
    with run.clock.stage("loading"):
        model, new_modules = _build(run)
        tokenizer = load_tokenizer(run.materials.base, padding_side=HEADS[run.config.model.family].padding_side)
        check_vocabulary(
            tokenizer,
            n_embeddings=getattr(getattr(model, "config", None), "vocab_size", None),
            texts=[example.input for example in run.materials.splits.train],
            place=f"model.source: {run.materials.base.identity}",
        )
        task = kind_of_task(run.config).build(run.config, tokenizer, model, seed=run.seed)
        return LoadedModel(
            model=model,
            tokenizer=tokenizer,
            task=task,
            initial_hash=state_hash(trainable_state(model)),
            new_modules=new_modules,
        )


def fresh_model(run: RunContext) -> Any:
    """Return the base weights under the method, on the device; the same every time for one seed."""
    return _build(run)[0]


def _build(run: RunContext) -> tuple[Any, tuple[str, ...]]:
    """Return the model, and the modules of the base that are new."""
    config, base = run.config, run.materials.base
    labels = config.data.labels
    new: dict[str, None] = {}  # in the model's order; a style duel loads its base twice

    def load_base() -> Any:
        weights = load_weights(
            config.model,
            base,
            n_labels=len(labels),
            seed=run.seed,
            labels=labels if HEADS[config.model.family].has_labels else (),
        )
        new.update(dict.fromkeys(weights.new_modules))
        return weights.model

    model = kind_of_task(config).build_model(config, run.method, load_base, seed=run.seed)
    return model.to(run.device).eval(), tuple(new)


def summarize_model(run: RunContext, loaded: LoadedModel) -> ModelSummary:
    """Return what a record says of a model."""
    model = loaded.model
    total, trainable = count_parameters(model), count_parameters(model, trainable=True)
    return ModelSummary(
        base=run.materials.base.identity,
        total_parameters=total,
        trainable_parameters=trainable,
        trainable_share=trainable / total,
        new_modules=loaded.new_modules,
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
