"""A stored run's saved model -> its answers to new rows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench.config import DataConfig, GeneratedSource, SuiteConfig
from bench.config.task import TargetKind
from bench.core.errors import InputError, SourceError
from bench.core.progress import Clock
from bench.materials.base_model import BaseModel, fetch_base_model, load_tokenizer
from bench.materials.fetch import Materials
from bench.materials.heads import HEADS
from bench.materials.load import load_splits
from bench.materials.mean_pooled import MeanPooledClassifier
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example, Splits, Target
from bench.materials.tables import SourceRow, check_columns
from bench.materials.targets import LabelReader, input_of, target_of
from bench.methods.applying import build
from bench.records.predictions import Predictions
from bench.records.store import StoredRun
from bench.running.cache import RunCache
from bench.running.context import RunContext
from bench.running.device import choose_device, make_deterministic
from bench.running.learning import predict
from bench.running.loading import fresh_model
from bench.running.settings import RunSettings
from bench.running.weights import MODEL_FOLDER, WEIGHTS_FILE, is_whole, load_saved, restore
from bench.tasks.base import Task, kind_of_task


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAnswer:
    """What a saved model says of one row."""

    id: str
    prediction: str | list[str]
    """A text, the name of a label, or one name for every word."""
    reference: str | list[str] | None = None
    """What the row asks for, in the same words; none where the file does not say."""
    loss_nats: float | None = None
    """Negative log-likelihood of the reference."""

    def values(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        values = {"id": self.id, "prediction": self.prediction}
        return values if self.reference is None else values | {"reference": self.reference, "loss_nats": self.loss_nats}


def predict_rows(run: StoredRun, rows: Sequence[SourceRow], settings: RunSettings, *, place: str) -> list[RowAnswer]:
    """Have the saved model of a run answer new rows, as it answered its test rows.

    Args:
        run: a stored run, weights included.
        rows: with the columns of the suite's data; the target column may be missing.
        settings: device, and whether a base model may be fetched.
        place: where the rows are from, for messages.

    Raises:
        InputError: the run saved no model, or its task reads no rows; a row does not fit.
        SourceError: the base model is no longer the one of the record, or cannot be fetched.
    """
    from bench.core.network_guard import forbid_network

    config = run.record.config
    if not isinstance(config.data, DataConfig):
        raise InputError(
            f"{run.folder}: a {config.task.kind} task writes freely and answers no rows; open its model from "
            f"{run.folder / MODEL_FOLDER}"
        )
    _check_saved(run)
    examples, has_targets = _examples(config, config.data, rows, place)
    with forbid_network() if settings.offline else contextlib.nullcontext():
        predictions = _predictions(run, examples, settings)
    return [
        RowAnswer(
            id=example.id,
            prediction=_words(config.data, predictions.predictions[i]),
            reference=_words(config.data, predictions.references[i]) if has_targets else None,
            loss_nats=float(predictions.losses_nats[i]) if has_targets else None,
        )
        for i, example in enumerate(examples)
    ]


def _check_saved(run: StoredRun) -> None:
    record, config = run.record, run.record.config
    weights = run.folder / MODEL_FOLDER / "config.json" if is_whole(config) else run.folder / WEIGHTS_FILE
    if not weights.is_file():
        raise InputError(
            f"{run.folder}: holds no saved model ({weights.relative_to(run.folder)} is missing); a run keeps one by "
            f"itself (training.save), a baseline keeps none: bench run {record.suite} --profile {record.profile} "
            f"--method {record.method} --seeds {record.seed} --force"
        )


def _examples(
    config: SuiteConfig, data: DataConfig, rows: Sequence[SourceRow], place: str
) -> tuple[list[Example], bool]:
    """Return rows as examples, and whether they say what should come out."""
    if not rows:
        raise InputError(f"{place}: holds no rows")
    kind = config.task.target
    has_targets = all(column in rows[0] for column in data.target_columns)
    check_columns(rows, [data.input_column], place)
    reader = LabelReader(labels=data.labels)
    examples = []
    for number, row in enumerate(rows):
        where = f"{place}: row {number}"
        text = input_of(row, data.input_column, kind, where)
        target = target_of(row, data, kind, where, reader) if has_targets else _stand_in(kind, text)
        name = row.get(data.id_column) if data.id_column else None
        examples.append(Example(id=str(number if name is None else name), input=text, target=target))
    return examples, has_targets


def _stand_in(kind: TargetKind, text: str) -> Target:
    """Return a target for a row that has none; nobody is told its loss."""
    if kind == "tags":
        return (0,) * len(text.split())
    return 0 if kind == "label" else ""


def _predictions(run: StoredRun, examples: Sequence[Example], settings: RunSettings) -> Predictions:
    context = _context(run, examples, settings)
    model, tokenizer = _saved_model(context)
    task = kind_of_task(context.config).build(context.config, tokenizer, model, seed=context.seed)
    if not _opens_alone(context.config):
        model = _with_weights(context, task, model)
    with context.clock.stage("encoding", len(examples)) as advance:
        items = task.encode(model, examples, "test", advance=advance)
    with context.clock.stage("predicting", len(items)) as advance:
        return predict(context, task, model, items, advance)


def _context(run: StoredRun, examples: Sequence[Example], settings: RunSettings) -> RunContext:
    config = run.record.config
    device = choose_device(settings.device)
    make_deterministic()
    base = BaseModel(folder=run.folder / MODEL_FOLDER, identity=f"{run.folder / MODEL_FOLDER}")
    needs_base = not (_opens_alone(config) and _has_tokenizer(run))
    rows = Splits(train=(), validation=(), test=tuple(examples), summary=run.record.data)
    return RunContext(
        config=config,
        seed=run.record.seed,
        settings=settings,
        device=device,
        materials=Materials(
            splits=rows,
            base=_base_of(run, settings) if needs_base else base,
            task_models={},
            metric_models={},
        ),
        method=build(config.method),
        cache=RunCache(),
        clock=Clock(settings.progress),
        folder=run.folder,
    )


def _opens_alone(config: SuiteConfig) -> bool:
    """Return whether the saved model is whole and of transformers: a method of a user may have made another of it."""
    return is_whole(config) and config.method.kind != "plugin"


def _has_tokenizer(run: StoredRun) -> bool:
    """Return whether the run saved its tokenizer, which older ones did not."""
    return (run.folder / MODEL_FOLDER / "tokenizer_config.json").is_file()


def _base_of(run: StoredRun, settings: RunSettings) -> BaseModel:
    """Return the run's base model, if it is still the one of the record."""
    config, announce = run.record.config, settings.progress.say
    texts: list[str] = []
    if isinstance(config.model.source, GeneratedSource):  # whose tokenizer is made of the training words
        splits = load_splits(config.data, target=config.task.target, offline=settings.offline, announce=announce)
        texts = [text for example in splits.train for text in (example.input, *example.references)]
    base = fetch_base_model(config.model, texts, offline=settings.offline, announce=announce)
    if base.identity != run.record.model.base:
        raise SourceError(
            f"{run.folder}: the base model was {run.record.model.base}, and is now {base.identity}; bring the first "
            "back, or train again"
        )
    return base


def _saved_model(context: RunContext) -> tuple[Any, Any]:
    """Return the saved model, or the base under its method where weights are still to be put in; and the tokenizer."""
    config = context.config
    head = HEADS[config.model.family]
    tokenizer = load_tokenizer(context.materials.base, padding_side=head.padding_side)
    if not _opens_alone(config):
        return fresh_model(context), tokenizer
    loader = MeanPooledClassifier if config.model.pooling == "mean" else head.loader
    with quiet_transformers():
        model = loader.from_pretrained(context.folder / MODEL_FOLDER, dtype=torch.float32)
    return model.to(context.device).eval(), tokenizer


def _with_weights(context: RunContext, task: Task, fresh: Any) -> Any:
    restored = restore(fresh, context.method, task, context.folder)
    return load_saved(restored, context.config, context.folder, context.device)


def _words(data: DataConfig, answer: Any) -> Any:
    """Return an answer in words: the name of a label for its number."""
    if isinstance(answer, int):
        return data.labels[answer]
    return list(answer) if isinstance(answer, tuple) else answer
