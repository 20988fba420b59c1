"""What one run of one seed leaves behind: the types of `record.json`; `bench.records.store` says where it lies.

Two records of the same config and seed differ nowhere outside `cost`.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from bench.config import Strict, SuiteConfig
from bench.records.judge_summary import CalibrationBin as CalibrationBin
from bench.records.judge_summary import JudgeSummary as JudgeSummary
from bench.records.score import Note as Note
from bench.records.score import Score as Score
from bench.records.score import StoredInterval as StoredInterval
from bench.records.score import StoredValue as StoredValue

SCHEMA_VERSION: Final = 2
"""Of records and of baselines. 2 added `evaluations`, `controls`, `judge` and texts that are no rows; version 1 loads
as it is."""
Stage = Literal["before", "after"]
"""Of fine-tuning."""


class SplitSummary(Strict):
    """What one split held."""

    n_examples: int
    fingerprint: str
    """sha256 over ids, inputs and targets, in order."""
    source: str
    """Identity of the bytes the rows came from."""
    exact_duplicates: int
    """Rows whose input occurs earlier in the same split."""
    unit: Literal["rows", "paragraphs"] = "rows"
    """What `n_examples` counts."""
    majority_share: float | None = Field(default=None, ge=0, le=1)
    """Share of the most frequent label, of rows or words; none where no labels come out, and in records of before."""
    n_groups: int | None = Field(default=None, ge=1)
    """Groups that the rows belong to; none where every row stands for itself, and in records of before."""
    groups_fingerprint: str | None = None
    """sha256 over the number of each row's group, in order: which rows belong together; none without groups."""


class DataSummary(Strict):
    """The rows of a run."""

    fingerprint: str
    """sha256 over the fingerprints of the splits, and of control texts where there are any."""
    splits: dict[str, SplitSummary]
    train_test_overlap: int
    """Test rows whose input, case and spacing aside, also stands in the training rows."""
    near_duplicates: int | None = None
    """Test rows that resemble a training row, those that equal one included; none in records of version 1."""
    labels_are: Literal["names", "numbers"] | None = None
    """How the rows give their labels, names or positions in `data.labels`; none where there are no labels, and in older
    records."""


class ModelSummary(Strict):
    """The model of a run."""

    base: str
    """Identity of the base weights: source and revision or hash."""
    total_parameters: int
    trainable_parameters: int
    trainable_share: float
    """Trainable / total, in [0, 1]."""
    new_modules: tuple[str, ...] | None = None
    """Modules that the base weights lack and the run seed drew, such as a classifier's head; empty where they lack
    none, none in older records."""


class Hashes(Strict):
    """sha256 of what a seed decides; another seed must change the first two."""

    initial_trainable: str
    """Trainable parameters before the first step."""
    batch_order: str
    """Training example ids in the order they were fed."""
    final_trainable: str
    """Trainable parameters after the last step."""
    predictions: str
    """predictions.jsonl."""


class EpochSummary(Strict):
    """Losses and accuracies at the end of one epoch (or of the step budget)."""

    epoch: float
    step: int
    train_loss: float
    """Mean loss over the epoch's batches, as training saw it; padding masked."""
    validation_loss: float
    """Loss over the validation rows, dropout off; padding masked."""
    train_loss_unmasked: float | None = None
    """The same with padding counted, as the recipe computed it."""
    validation_loss_unmasked: float | None = None
    train_accuracy: float | None = None
    """Share of the epoch's training examples that were right when they were seen."""
    validation_accuracy: float | None = None


class Evaluation(Strict):
    """The test rows in the middle of training (and at its start and end)."""

    step: int = Field(ge=0)
    """Optimiser steps done."""
    train_loss: float | None = None
    """Mean loss of the batches since the evaluation before; none at step 0."""
    scores: dict[str, StoredValue]
    """Metric -> value."""


class Forgetting(Strict):
    """How well the model predicts a text that has nothing to do with its task."""

    before_nats: float
    """Mean loss of a token before training."""
    after_nats: float
    """The same after it; what it gained was forgotten."""
    n_windows: int
    """Windows of the text that were read."""


class WorkingTree(Strict):
    """What version control says of files that a run read."""

    commit: str | None
    """Commit of the repository that they lie in; none outside one."""
    dirty: bool | None
    """Whether no commit holds them as they are: changed, or never committed; none outside a repository."""


class Environment(Strict):
    """Software and hardware that produced a run."""

    bench_version: str
    commit: str | None
    """Commit of the working tree, where it is one."""
    dirty: bool | None
    """Whether that tree had uncommitted changes."""
    code_sha256: str | None = None
    """sha256 of the source files of this package: tells one state of changed code from another; none in older
    records."""
    user_files: dict[str, WorkingTree] = Field(default_factory=dict)
    """`suite`, `method` or `metric NAME` -> what version control says of the folder or file; only those that were read
    from one, and none in older records."""
    python: str
    platform: str
    packages: dict[str, str]
    device: str
    """Device class, such as `cpu` or the GPU's name."""
    n_threads: int
    n_processes: int = 1
    """That training batches were split between."""
    precision: str
    determinism: dict[str, str]
    """The switches that were set, by name."""


class Cost(Strict):
    """The only block in which two runs of the same config and seed may differ."""

    started_at: str
    """UTC, ISO 8601."""
    wall_time_s: float
    stages_s: dict[str, float]
    """Seconds by stage."""
    cpu_time_s: float | None = None
    """Processor time over all threads, which a busy machine disturbs less; none in older records."""
    peak_memory_bytes: int
    """Peak resident memory of the process during the run; where the system cannot forget a peak, so far."""
    peak_gpu_memory_bytes: int | None = None
    n_training_tokens: int
    training_tokens_per_s: float
    saved_bytes: int
    """Size of the saved weights on disk."""


class MeasuredSeed(Strict):
    """What one seed of a config gave: the part that a record and a baseline share."""

    seed: int
    hashes: Hashes
    scores_before: dict[str, Score]
    scores: dict[str, Score]
    changes: dict[str, StoredInterval]
    """After fine-tuning minus before, by the paired bootstrap over the same test examples."""
    epochs: list[EpochSummary]
    evaluations: tuple[Evaluation, ...] = ()
    """The test rows along the way; empty where `training.evaluate_every_steps` is not set."""
    controls: dict[str, dict[str, Score]] = Field(default_factory=dict)
    """Human text -> the metrics that score texts, so that a reader can place the model's; empty for other tasks."""
    judge: JudgeSummary | None = None
    """Style duels only."""
    forgetting: dict[str, Forgetting] = Field(default_factory=dict)
    """Unrelated text -> its loss before and after; empty where the suite names none, or the model writes no text."""
    reload_identical: bool
    """Whether the saved weights, loaded into a fresh model, gave the same predictions."""
    environment: Environment
    """Versions, commit, dirty flag and device: the seeds of a baseline may have been run on several."""
    cost: Cost


class MeasuredConfig(Strict):
    """What was run, and on what: the same for every seed of a config."""

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    suite: str
    profile: str
    method: str
    config_key: str
    config: SuiteConfig
    data: DataSummary
    model: ModelSummary


class RunRecord(MeasuredSeed, MeasuredConfig):
    """The result of one config under one seed."""
