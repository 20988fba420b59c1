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
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.config import SuiteConfig
from bench.core.errors import InputError, TrainingError
from bench.core.progress import Advance
from bench.materials.base_model import BaseModel, load_tokenizer
from bench.materials.fetch import Materials
from bench.materials.quiet import quiet_transformers
from bench.materials.sources.built import build_once
from bench.materials.splits import Example, Splits
from bench.metrics.judge import JUDGE_FILE, JudgeFile
from bench.records.record import JudgeSummary
from bench.tasks.base import Judge, Train
from bench.tasks.style_duel.judge_training import JudgeBuilder

if TYPE_CHECKING:
    from bench.tasks.style_duel import JudgeConfig, StyleDuelTask

EXCERPT_CHARACTERS = 20_000
_VERSION = 1
"""Raised whenever the code beside it makes another judge of the same settings."""


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
    return judge


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

    builder = JudgeBuilder(
        config=config,
        base=base,
        splits=splits,
        labels=labels,
        identity=identity,
        device=device,
        train=train,
        advance=advance,
    )
    name = f"judge-{identity}-{device.type}-{torch.__version__}"
    folder = build_once(name, builder.build)
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
