"""The judge of a style duel: trained on real text of both authors, validated, and kept in a folder of its own.

It is the same for every run seed and every method of a suite, so that their scores compare: its seed is part of the
suite, its identity a hash of everything that makes it, and it is built once for a machine
(`bench.materials.sources.built`). Training and held-out chunks come from different parts of each text, so that no chunk
leaks.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bench import metrics
from bench.config import SuiteConfig
from bench.core import seeds
from bench.core.errors import InputError, TrainingError
from bench.core.files import canonical_json, file_sha256
from bench.core.progress import Advance, no_advance
from bench.materials.base_model import BaseModel, load_model, load_tokenizer
from bench.materials.fetch import Materials
from bench.materials.quiet import quiet_transformers
from bench.materials.sources.built import build_once
from bench.materials.splits import Example, Splits
from bench.methods.applying import apply_method, build
from bench.metrics.judge import JUDGE_FILE, JudgeFile
from bench.metrics.score import score
from bench.records.record import CalibrationBin, JudgeSummary
from bench.statistics.intervals import Array
from bench.tasks.base import Judge, Train
from bench.tasks.batches import autocast
from bench.tasks.classification import ClassificationTask
from bench.tasks.classification.task import Classification

if TYPE_CHECKING:
    from bench.tasks.style_duel import JudgeConfig, StyleDuelTask

N_BINS = 10
EXCERPT_CHARACTERS = 20_000
_VERSION = 1
"""Raised whenever the code below makes another judge of the same settings."""


def open_judge(
    task: StyleDuelTask,
    config: SuiteConfig,
    materials: Materials,
    *,
    tokenizer: Any,
    device: torch.device,
    train: Train,
    stage: Callable[[str], AbstractContextManager[Advance]],
    folder: Path,
) -> Judge:
    """Return the judge of a suite with a copy in the run folder; see `bench.tasks.base.TaskKind.open_judge`."""
    base = materials.task_models["judge"]
    if task.judge.checkpoint is not None:
        check_checkpoint(base, config.data.labels)
    reader = load_tokenizer(base, padding_side="right")
    check_over_generation(task, materials.splits.train, writer=tokenizer, judge=reader)
    with stage("judging") as advance:
        judge = make_judge(task.judge, base, materials.splits, device=device, train=train, advance=advance)
    keep_judge(judge, folder)
    return replace(judge, metric_options={"over_generation": task.over_generation, "writer_tokens": task.sample_tokens})


def make_judge(
    config: JudgeConfig, base: BaseModel, splits: Splits, *, device: torch.device, train: Train, advance: Advance
) -> Judge:
    """Return the judge of a suite, trained now or earlier.

    Args:
        config: the `[task.judge]` table.
        base: what `fetch_base_model` returned for its model, or for `checkpoint` where that is given.
        splits: both authors' texts, and the control texts.
        device: where it is trained.
        train: fine-tunes it.
        advance: told of every training step.

    Raises:
        InputError: a text is too short for a chunk, or a chunk too long for the judge's model.
        TrainingError: its accuracy on held-out chunks is below `minimum_accuracy`.
    """
    labels = tuple(example.id for example in splits.train)
    settings = config.model_dump(mode="json", exclude={"minimum_accuracy"}, exclude_none=True)  # the bar makes no judge
    made_from = [_VERSION, settings, base.identity, labels, splits.summary.fingerprint]
    identity = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]

    def build(folder: Path) -> None:
        _Judging(config, base, splits, labels, identity, device, train, advance).build(folder)

    name = f"judge-{identity}-{device.type}-{torch.__version__}"
    folder = build_once(name, build)
    summary = JudgeFile.model_validate_json((folder / JUDGE_FILE).read_text(encoding="utf-8")).summary
    _check_accuracy(summary, config)
    return Judge(folder=folder, summary=summary)


def keep_judge(judge: Judge, run: Path) -> None:
    """Put the judge beside a run's other files, as links where the file system allows, so that the run is whole."""

    def link(source: str, target: str) -> None:
        try:
            Path(target).hardlink_to(source)
        except OSError:
            shutil.copy2(source, target)

    shutil.copytree(judge.folder, run / "judge", copy_function=link)


def _check_accuracy(summary: JudgeSummary, config: JudgeConfig) -> None:
    if summary.accuracy.value < config.minimum_accuracy:
        raise TrainingError(
            f"task.judge: accuracy on {summary.accuracy.n_examples} held-out chunks is {summary.accuracy.value:.3f}, "
            f"below task.judge.minimum_accuracy = {config.minimum_accuracy:g}; nothing it scored would mean anything: "
            "train it longer (task.judge.training), on longer chunks, or on authors that differ more"
        )


@dataclass(frozen=True, slots=True)
class _Judging:
    """One judge in the making."""

    config: JudgeConfig
    base: BaseModel
    splits: Splits
    labels: tuple[str, ...]
    identity: str
    device: torch.device
    train: Train
    advance: Advance

    def build(self, folder: Path) -> None:
        tokenizer = load_tokenizer(self.base, padding_side="right")
        train_rows = _balanced(self._chunks(tokenizer, self.splits.train, "the train part"))
        test_rows = _balanced(self._chunks(tokenizer, self.splits.test, "the test part"))
        others = {text.id: self._chunks(tokenizer, [text], "the text") for text in self.splits.controls}
        model, n_training = self._model(tokenizer, train_rows)
        model.config.id2label = dict(enumerate(self.labels))
        model.config.label2id = {label: i for i, label in enumerate(self.labels)}
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
        task = self._task(tokenizer, model)
        weights = file_sha256(folder / "model.safetensors")
        summary = self._validated(task, model, test_rows, others, n_training, weights)
        file = JudgeFile(pooling=self.config.model.pooling, precision=self._training.precision, summary=summary)
        (folder / JUDGE_FILE).write_text(canonical_json(file.model_dump(mode="json")), encoding="utf-8")

    @property
    def _training(self) -> Any:
        """Return the training table, in half precision only where the device has it."""
        lower = self.device.type == "cuda"
        return self.config.training if lower else self.config.training.model_copy(update={"precision": "float32"})

    def _chunks(self, tokenizer: Any, texts: Sequence[Example], what: str) -> list[Example]:
        """Cut each text into chunks that fill the judge's window, special tokens counted; `what` is for errors."""
        room = self.config.max_length_tokens - tokenizer.num_special_tokens_to_add()
        chunks = []
        for text in texts:
            with quiet_transformers():
                offsets = tokenizer(text.input, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
            if len(offsets) < room:
                key = "controls" if text.number < 0 else "texts"
                raise InputError(
                    f"data.{key}.{text.id}: {what} has {len(offsets)} judge tokens, which do not fill one chunk of "
                    f"{room} (task.judge.max_length_tokens = {self.config.max_length_tokens}, special tokens aside); "
                    "give a longer text, larger shares of it, or shorter chunks"
                )
            for i in range(len(offsets) // room):
                first, last = offsets[i * room], offsets[(i + 1) * room - 1]
                chunks.append(Example(id=f"{text.id}-{i}", input=text.input[first[0] : last[1]], target=text.target))
        return chunks

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
        validation = _balanced(self._chunks(tokenizer, self.splits.validation, "the validation part"))
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
        how = ClassificationTask(
            kind="classification", max_length_tokens=self.config.max_length_tokens, padding="longest"
        )
        size = self.config.training.evaluation_batch_size
        return Classification(how, tokenizer, model, self.config.method, batch_size=size)

    def _validated(
        self,
        task: Classification,
        model: Any,
        rows: Sequence[Example],
        others: Mapping[str, Sequence[Example]],
        n_training: int,
        weights: str,
    ) -> JudgeSummary:
        truth, chosen, confidence = self._judged(task, model, rows)
        bins = _bins(confidence, truth == chosen)
        _, guessed, _ = self._judged(task, model, [_shuffled(row, i) for i, row in enumerate(rows)])
        confusion = np.zeros((len(self.labels), len(self.labels)), dtype=int)
        np.add.at(confusion, (truth, chosen), 1)
        accuracy = metrics.build("accuracy", n_classes=len(self.labels))
        return JudgeSummary(
            identity=self.identity,
            weights_sha256=weights,
            labels=self.labels,
            max_length_tokens=self.config.max_length_tokens,
            n_training_chunks=n_training,
            accuracy=score(accuracy, chosen.tolist(), truth.tolist())[0],
            confusion=tuple(tuple(int(n) for n in row) for row in confusion),
            calibration_error=sum(abs(b.confidence - b.accuracy) * b.n_chunks for b in bins) / len(rows),
            calibration=bins,
            shuffled_accuracy=score(accuracy, guessed.tolist(), truth.tolist())[0],
            others={name: self._shares(task, model, chunks) for name, chunks in others.items()},
        )

    def _judged(
        self, task: Classification, model: Any, rows: Sequence[Example]
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Array]:
        """Return true label, chosen label and the probability of the chosen one, each (n_rows,)."""
        items = task.encode(model, rows, "test", advance=no_advance)
        with torch.inference_mode(), autocast(self._training, model):
            predicted = task.predict(
                model, items, batch_size=self.config.training.evaluation_batch_size, advance=no_advance
            )
        truth, chosen = np.array(predicted.references, dtype=int), np.array(predicted.predictions, dtype=int)
        true_probability = np.exp(-predicted.losses_nats)
        return truth, chosen, np.where(truth == chosen, true_probability, 1 - true_probability)

    def _shares(self, task: Classification, model: Any, chunks: Sequence[Example]) -> tuple[float, ...]:
        rows = [replace(chunk, target=0) for chunk in chunks]  # by neither author: whichever, it is not looked at
        _, chosen, _ = self._judged(task, model, rows)
        return tuple(float((chosen == i).mean()) for i in range(len(self.labels)))


def _balanced(chunks: Sequence[Example]) -> list[Example]:
    """Keep equally many chunks of each author, spread evenly over the longer text."""
    by_author: dict[int, list[Example]] = {}
    for chunk in chunks:
        by_author.setdefault(chunk.number, []).append(chunk)
    n = min(len(own) for own in by_author.values())
    return [own[i * len(own) // n] for own in by_author.values() for i in range(n)]


def _shuffled(row: Example, number: int) -> Example:
    """Return a chunk with its words in random order, the same in every build."""
    words = np.array(row.input.split(), dtype=object)
    order = np.random.default_rng(seeds.derive(0, "shuffled words", number)).permutation(len(words))
    return Example(id=row.id, input=" ".join(words[order]), target=row.target)


def _bins(confidence: Array, right: np.ndarray[Any, Any]) -> tuple[CalibrationBin, ...]:
    """Return the occupied bins of equal width over [0, 1] (Guo et al. 2017, section 2)."""
    places = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return tuple(
        CalibrationBin(
            confidence=float(confidence[places == i].mean()),
            accuracy=float(right[places == i].mean()),
            n_chunks=int((places == i).sum()),
        )
        for i in range(N_BINS)
        if (places == i).any()
    )


def check_checkpoint(checkpoint: BaseModel, labels: tuple[str, ...]) -> None:
    """Check that what was given as a trained judge tells the authors of a suite apart.

    Args:
        checkpoint: what `fetch_base_model` returned for `task.judge.checkpoint`.
        labels: the authors, in the order of `data.texts`.

    Raises:
        InputError: it is no saved model, or has other labels.
    """
    file = checkpoint.folder / "config.json"
    if not file.is_file():
        raise InputError(
            f"task.judge.checkpoint: {checkpoint.folder} holds no config.json; give the folder of a saved classifier, "
            "such as the `judge` folder of a run"
        )
    config = json.loads(file.read_text(encoding="utf-8"))
    names = tuple(label for _, label in sorted((int(i), label) for i, label in config.get("id2label", {}).items()))
    if names != labels:
        raise InputError(
            f"task.judge.checkpoint: its labels are {', '.join(names) or 'not named'}, the authors under data.texts "
            f"are {', '.join(labels)}; give a judge of these authors in this order, or none to have one trained"
        )


def check_over_generation(task: StyleDuelTask, texts: Sequence[Example], *, writer: Any, judge: Any) -> None:
    """Check that a sample's tokens become as many judge tokens as the judge reads.

    Args:
        task: the `[task]` table.
        texts: the authors' training texts, on which the tokenizers are compared.
        writer: the writers' tokenizer.
        judge: the judge's.

    Raises:
        InputError: they become fewer for some author.
    """
    room = task.judge.max_length_tokens - judge.num_special_tokens_to_add()
    for text in texts:
        excerpt = text.input[:EXCERPT_CHARACTERS]
        with quiet_transformers():
            written, read = (len(t(excerpt, add_special_tokens=False)["input_ids"]) for t in (writer, judge))
        if task.sample_tokens * read < room * written:
            raise InputError(
                f"task.over_generation = {task.over_generation:g}: {task.sample_tokens} writer tokens become about "
                f"{task.sample_tokens * read // written} judge tokens of {text.id}'s text, fewer than the {room} that "
                f"task.judge.max_length_tokens = {task.judge.max_length_tokens} leaves for text; "
                f"give {_rounded_up(room * written / read / task.judge.max_length_tokens)} or more"
            )


def _rounded_up(value: float) -> str:
    """Return a number with two decimals, none smaller."""
    return f"{math.ceil(value * 100) / 100:.2f}"
