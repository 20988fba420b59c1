"""Building a judge: trained on chunks of both authors, or taken as it is, then validated and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.config import TrainingConfig
from bench.core.errors import InputError
from bench.core.files import canonical_json, file_sha256
from bench.core.progress import Advance, no_advance
from bench.materials.base_model import BaseModel, load_model, load_tokenizer
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example, Splits
from bench.methods.applying import apply_method, build
from bench.metrics.judge import JUDGE_FILE, JudgeFile
from bench.tasks.base import Train
from bench.tasks.classification import ClassificationTask
from bench.tasks.classification.task import Classification
from bench.tasks.style_duel.chunks import balanced, chunks_of
from bench.tasks.style_duel.judge_validation import Reader, validate

if TYPE_CHECKING:
    from bench.tasks.style_duel import JudgeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeBuilder:
    """What a judge is made of."""

    config: JudgeConfig
    base: BaseModel
    splits: Splits
    labels: tuple[str, ...]
    """The authors by number."""
    identity: str
    """Hash of all of it."""
    device: torch.device
    train: Train
    advance: Advance

    def build(self, folder: Path) -> None:
        """Write model, tokenizer and `judge.json` into a folder."""
        tokenizer = load_tokenizer(self.base, padding_side="right")
        training = balanced(self._chunks(tokenizer, self.splits.train, "the train part"))
        held_out = balanced(self._chunks(tokenizer, self.splits.test, "the test part"))
        others = {text.id: self._chunks(tokenizer, [text], "the text") for text in self.splits.controls}
        model, n_training_chunks = self._model(tokenizer, training)
        model.config.id2label = dict(enumerate(self.labels))
        model.config.label2id = {label: i for i, label in enumerate(self.labels)}
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        summary = validate(
            Reader(task=self._task(tokenizer, model), model=model, training=self._training),
            held_out,
            others,
            labels=self.labels,
            max_length_tokens=self.config.max_length_tokens,
            n_training_chunks=n_training_chunks,
            identity=self.identity,
            weights_sha256=file_sha256(folder / "model.safetensors"),
        )
        file = JudgeFile(pooling=self.config.model.pooling, precision=self._training.precision, summary=summary)
        (folder / JUDGE_FILE).write_text(canonical_json(file.model_dump(mode="json")), encoding="utf-8")

    @property
    def _training(self) -> TrainingConfig:
        """Return the training table, in half precision only where the device has it."""
        lower = self.device.type == "cuda"
        return self.config.training if lower else self.config.training.model_copy(update={"precision": "float32"})

    def _chunks(self, tokenizer: Any, texts: Sequence[Example], part: str) -> list[Example]:
        return chunks_of(texts, tokenizer, max_length_tokens=self.config.max_length_tokens, part=part)

    def _model(self, tokenizer: Any, rows: Sequence[Example]) -> tuple[Any, int]:
        """Return the judge's model, trained or loaded, and how many chunks it was trained on."""
        config = self.config
        model = load_model(config.model, self.base, n_labels=len(self.labels), seed=config.seed)
        limit = getattr(model.config, "max_position_embeddings", None)
        if limit is not None and config.max_length_tokens > limit:
            raise InputError(
                f"task.judge.max_length_tokens = {config.max_length_tokens} is longer than the {limit} positions its "
                f"model has; give {limit} or less"
            )
        if config.checkpoint is not None:
            return model.to(self.device), 0
        method = build(config.method)
        model = apply_method(model, method, seed=config.seed).to(self.device).eval()
        task = self._task(tokenizer, model)
        items = task.encode(model, rows, "train", advance=no_advance)
        validation = balanced(self._chunks(tokenizer, self.splits.validation, "the validation part"))
        watched = task.encode(model, validation, "validation", advance=no_advance)
        self.train(
            model,
            task,
            items,
            watched,
            self._training,
            seed=config.seed,
            method=method,
            advance=self.advance,
        )
        return model, len(rows)

    def _task(self, tokenizer: Any, model: Any) -> Classification:
        table = ClassificationTask(
            kind="classification", max_length_tokens=self.config.max_length_tokens, padding="longest"
        )
        size = self.config.training.evaluation_batch_size
        return Classification(table, tokenizer, model, self.config.method, batch_size=size)
