"""The shape of `suite.toml`, after profile, method and `--set` are applied: one frozen, closed type.

TOML key = field name = JSON key in the record. A resolved `SuiteConfig` holds everything that decides a result except
the run seed; its hash is the config key under which runs are stored. How the file becomes this type is in
`bench/suite.py`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

ProfileName = Literal["documented", "offline", "tiny"]
SplitName = Literal["train", "validation", "test"]
Scalar = bool | int | float | str | None
_FAMILIES_OF = {
    "classification": ("sequence_classification",),
    "summarization": ("seq2seq", "causal"),
    "language_modeling": ("causal",),
    "style_duel": ("causal",),
}


class Strict(BaseModel):
    """Base of every table: frozen, unknown keys are errors, field docstrings are kept for `bench show`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


# --- where bytes come from -------------------------------------------------------------------------------------------


class HubSource(Strict):
    """A model or dataset repository on a model hub, pinned to one commit."""

    kind: Literal["hub"]
    id: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")
    """Repository id, `owner/name`."""
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    """The full commit hash; branch names are refused because they move."""
    config: str | None = None
    """Dataset configuration (for instance `3.0.0`); datasets only."""
    split: str | None = None
    """Dataset split to read (for instance `train`); datasets only."""


class WheelSource(Strict):
    """Files inside a wheel on a Python package index; its code is never imported."""

    kind: Literal["wheel"]
    package: str
    """Distribution name."""
    version: str
    """Exact version."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the wheel file."""
    files: str
    """Glob of the files to take out, as paths inside the wheel."""


class UrlSource(Strict):
    """One file at a URL."""

    kind: Literal["url"]
    url: str = Field(pattern=r"^https?://")
    """Where the file is."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Its hash; where absent, the first fetch writes it to a lock file and later fetches must match."""


class LocalSource(Strict):
    """A file or folder on this machine."""

    kind: Literal["local"]
    path: str
    """Path, relative to the folder the command runs in."""


class GeneratedSource(Strict):
    """Text or weights made by seeded code of ours: no download, no licence, seconds."""

    kind: Literal["generated"]
    name: str
    """Generator: `sentiment`, `headlines`, `prose_day`, `prose_night` or `prose_plain` for text, `random_weights` for
    a model."""
    n_examples: int = Field(default=0, ge=0)
    """Rows (for prose: paragraphs) to generate; 0 for a model."""
    seed: int = Field(default=0, ge=0)
    """Fixes the text or the weights; it is part of the suite, not the run seed."""


Source = Annotated[HubSource | WheelSource | UrlSource | LocalSource | GeneratedSource, Field(discriminator="kind")]


# --- data ------------------------------------------------------------------------------------------------------------


class SplitConfig(Strict):
    """Which rows of a source make one split."""

    source: Source | None = None
    """Where this split's rows come from; default: `data.source`."""
    where: dict[str, str] = {}
    """Keep only rows whose column has this value (compared as text)."""
    deduplicate: bool = False
    """Drop rows whose input text occurred earlier in the same source."""
    order: Literal["source", "hash"] = "source"
    """`source` keeps the file's order; `hash` sorts by sha256 of the input: a shuffle no library can change."""
    balanced: bool = False
    """Take labels in turn, so that every run of rows holds each label equally often; the surplus is left out."""
    start: int = Field(default=0, ge=0)
    """First row taken, after `where`, `deduplicate` and `order`."""
    stop: int | None = Field(default=None, ge=1)
    """One past the last row taken; none takes all."""

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> SplitConfig:
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(f"stop = {self.stop} must be greater than start = {self.start}")
        return self


class PartConfig(Strict):
    """One source of a continuous text."""

    source: Source
    """A plain text file; or rows, of which `column` holds one paragraph each."""
    column: str | None = None
    """Column with the paragraphs; none for a plain text file."""
    table: str | None = None
    """Table to read; SQLite files only."""
    where: dict[str, str] = {}
    """Keep only rows whose column has this value (compared as text)."""
    start_at: str | None = None
    """Drop every line before the first that begins with this, such as a contents page."""


class TextConfig(Strict):
    """One continuous text, cut into training, validation and test parts by position."""

    parts: tuple[PartConfig, ...] = Field(min_length=1)
    """What it is made of, in order."""
    remove: str | None = None
    """Regular expression (`^` and `$` match at lines) of what to take out, such as verse numbers."""
    unwrap: bool = False
    """Join the lines of a paragraph, which a book breaks where its page ends."""
    max_characters: int | None = Field(default=None, ge=1)
    """Keep this much of the beginning."""


class DataConfig(Strict):
    """Train, validation and test rows, and which columns hold input and target."""

    kind: Literal["rows"] = "rows"
    """Rows of a table; continuous texts have a table of their own kind."""
    source: Source | None = None
    """Where rows come from, for every split that names no source of its own."""
    input_column: str
    """Column with the text that goes in."""
    target_column: str
    """Column with the label or the text that should come out."""
    id_column: str | None = None
    """Column with a stable example id; default: position in the source."""
    labels: tuple[str, ...] = ()
    """Class names; the position is the label's number. Classification only."""
    train: SplitConfig
    """Rows that are trained on."""
    validation: SplitConfig
    """Rows whose loss is watched during training; nothing is chosen on `test`."""
    test: SplitConfig
    """Rows that are scored."""
    controls: dict[str, TextConfig] | None = None
    """Texts that have nothing to do with the task, whose loss before and after tells what was forgotten."""

    def source_of(self, split: SplitName) -> Source:
        """Return the source of a split, falling back to the shared one."""
        source: Source | None = getattr(self, split).source or self.source
        if source is None:
            raise ValueError(f"data.{split}.source is missing and there is no data.source")
        return source

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield what each source is used for, and the source."""
        for split in get_args(SplitName):
            yield split, self.source_of(split)
        for name, text in (self.controls or {}).items():
            for part in text.parts:
                yield name, part.source

    @model_validator(mode="after")
    def _every_split_has_a_source(self) -> DataConfig:
        for split in get_args(SplitName):
            self.source_of(split)
        return self


class TextsConfig(Strict):
    """Continuous texts: one to imitate, or two authors to tell apart."""

    kind: Literal["texts"] = "texts"
    """Continuous texts; rows of a table have a table of their own kind."""
    texts: dict[str, TextConfig] = Field(min_length=1)
    """Author or title -> text; the position is the label's number."""
    controls: dict[str, TextConfig] = {}
    """Texts never trained on, to set results beside: another author's, for instance."""
    validation_share: float = Field(default=0.05, gt=0, lt=0.5)
    """Share of each text, by characters and before the test part, whose loss is watched during training."""
    test_share: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of each text, by characters and at its end, that is held out."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the texts, in order."""
        return tuple(self.texts)

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield what each source is used for, and the source."""
        for name, text in (*self.texts.items(), *self.controls.items()):
            for part in text.parts:
                yield name, part.source


def _kind_of_data(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind") or ("texts" if "texts" in value else "rows"))
    return str(getattr(value, "kind", "rows"))


Data = Annotated[
    Annotated[DataConfig, Tag("rows")] | Annotated[TextsConfig, Tag("texts")], Discriminator(_kind_of_data)
]


# --- model -----------------------------------------------------------------------------------------------------------


class Architecture(Strict):
    """A transformers configuration written out, so that parameters can be counted without any weights."""

    model_type: str
    """The transformers model type, such as `distilbert` or `t5`."""
    config: dict[str, JsonValue] = {}
    """Configuration values that differ from that type's defaults."""


class ModelConfig(Strict):
    """The base model, before a method touches it."""

    source: Source
    """Where weights and tokenizer come from."""
    family: Literal["sequence_classification", "seq2seq", "causal"]
    """Which head the base model carries."""
    pooling: Literal["architecture", "mean"] = "architecture"
    """`architecture` uses the head transformers ships; `mean` averages token vectors before the same head."""
    architecture: Architecture | None = None
    """For counting parameters without weights, and for `random_weights`."""
    total_parameters: int | None = Field(default=None, ge=1)
    """What the loaded base model must count, head included; a mismatch stops the run."""


# --- method ----------------------------------------------------------------------------------------------------------


class FullMethod(Strict):
    """Train every parameter."""

    kind: Literal["full"]


class HeadOnlyMethod(Strict):
    """Train only the head: what sits outside the encoder, or a language model's output layer."""

    kind: Literal["head_only"]


class FreezeMethod(Strict):
    """Freeze modules by name, or the lower layers, and train the rest."""

    kind: Literal["freeze"]
    modules: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Glob patterns of module names, such as `distilbert` or `*.attention`; give this or `layers`."""
    layers: float | None = Field(default=None, gt=0, le=1)
    """Share of the layers that is frozen, from the lowest, with the embeddings below them; give this or `modules`."""
    frozen_dropout: bool = False
    """Whether dropout still runs inside the frozen modules while training."""

    @model_validator(mode="after")
    def _one_choice(self) -> FreezeMethod:
        if (self.modules is None) == (self.layers is None):
            raise ValueError("give exactly one of modules and layers")
        return self


class SelectMethod(Strict):
    """Train parameters by name and freeze the rest."""

    kind: Literal["select"]
    parameters: tuple[str, ...] = Field(min_length=1)
    """Glob patterns of parameter names, such as `*.bias`."""
    head: bool | None = None
    """Also train a classifier's head: what lies outside its body."""


class PeftMethod(Strict):
    """Any method of the peft library."""

    kind: Literal["peft"]
    config: dict[str, Any]
    """The peft configuration as a table; `peft_type` names the method."""
    also_train: tuple[str, ...] = ()
    """Base modules trained in full beside the adapter; an output layer that is tied is untied first."""
    head: bool | None = None
    """Also train a classifier's head: what lies outside its body."""
    lora_plus_ratio: float | None = Field(default=None, ge=1)
    """LoRA+: the learning rate of every B is this many times that of its A."""

    @model_validator(mode="after")
    def _names_its_type(self) -> PeftMethod:
        if "peft_type" not in self.config:
            raise ValueError("config.peft_type is missing, for instance peft_type = 'LORA'")
        return self


class PluginMethod(Strict):
    """A method of the user's own: a subclass of `bench.methods.Method` in a file or an installed package."""

    kind: Literal["plugin"]
    use: str = Field(pattern=r"^[^:]+:[A-Za-z_]\w*$")
    """`path/to/file.py:Name`, or `package.module:Name`."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Hash of the file that defines it, so that another version is another config; filled in where it is left out."""
    settings: dict[str, Scalar] = {}
    """Arguments of its constructor."""


MethodConfig = Annotated[
    FullMethod | HeadOnlyMethod | FreezeMethod | SelectMethod | PeftMethod | PluginMethod, Field(discriminator="kind")
]


# --- training --------------------------------------------------------------------------------------------------------


class TrainingConfig(Strict):
    """Optimisation, as given to `transformers.Trainer`."""

    epochs: int | None = Field(default=None, ge=1)
    """Passes over the training rows; give this or `steps`."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; give this or `epochs`."""
    batch_size: int = Field(ge=1)
    """Examples per optimiser step."""
    evaluation_batch_size: int = Field(default=32, ge=1)
    """Examples per batch when predicting."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """`adam` is Adam without weight decay."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (AdamW)."""
    scheduler: Literal["constant", "linear", "cosine"] = "constant"
    """Shape of the learning rate after warm-up."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    max_grad_norm: float = Field(default=0.0, ge=0)
    """Gradients are clipped to this norm; 0 does not clip."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of forward and backward passes; weights stay in float32."""
    save: Literal["trainable", "pretrained", "merged"] = "trainable"
    """Keep the trained parameters alone; the whole model by `save_pretrained` (of a peft method its adapter alone); or
    the whole model after the method has folded what it added into the base."""
    evaluate_every_steps: int | None = Field(default=None, ge=1)
    """Also predict the test rows before the first step, after every so many, and after the last: a curve."""
    evaluate_metrics: tuple[str, ...] = ()
    """Metrics of that curve; empty: the primary metric."""

    @model_validator(mode="after")
    def _one_budget(self) -> TrainingConfig:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give exactly one of epochs and steps")
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError("weight_decay needs optimizer = 'adamw' (or 'sgd'); 'adam' has none")
        return self


# --- task ------------------------------------------------------------------------------------------------------------


class ClassificationTask(Strict):
    """One label per text."""

    kind: Literal["classification"]
    max_length_tokens: int = Field(ge=4)
    """Texts are cut to this many tokens."""
    padding: Literal["max_length", "longest"]
    """Pad to `max_length_tokens`, or to the longest text of the batch."""


class SummarizationTask(Strict):
    """A long text in, a short one out."""

    kind: Literal["summarization"]
    prompt: str
    """What the model reads; `{input}` stands for the text, cut so that the rest of the prompt survives."""
    source_length_tokens: int = Field(ge=8)
    """Prompt and text together are cut to this many tokens."""
    target_length_tokens: int = Field(ge=2)
    """Reference summaries are cut to this many tokens when training."""
    target_padding: Literal["max_length", "longest"]
    """Pad labels to `target_length_tokens`, or to the longest of the batch."""
    max_new_tokens: int = Field(ge=1)
    """Longest generated summary; decoding is greedy."""
    short_new_tokens: int | None = Field(default=None, ge=1)
    """Also keep each summary as it stands after this many tokens, for claims measured at that length."""

    @model_validator(mode="after")
    def _prompt_has_a_place_for_the_text(self) -> SummarizationTask:
        if self.prompt.count("{input}") != 1:
            raise ValueError(f"prompt = {self.prompt!r} must hold {{input}} exactly once")
        return self


class WritingTask(Strict):
    """What is set for every author to imitate: random windows in, free samples out."""

    window_tokens: int = Field(ge=8)
    """Length of a training window, drawn anywhere in an author's training part."""
    n_samples: int = Field(ge=2)
    """Samples that each writer generates whenever it is scored; held-out text is cut into as many passages, whose loss
    is measured."""
    prompt: str = ""
    """What every sample continues; empty starts from the model's begin token."""
    banned_tokens: tuple[str, ...] = ()
    """Regular expressions; a token whose decoded text one of them matches as a whole is never sampled."""
    repetition_penalty: float | None = Field(default=None, gt=1)
    """r > 1: a token that occurred c times has its probability divided by r ** c; none leaves it alone."""
    memorised_overlap_tokens: int = Field(default=50, ge=2)
    """A sample that repeats this many training tokens in a row counts as memorised."""
    memorised_share: float = Field(default=0.25, gt=0, le=1)
    """So do samples whose 8-grams are found in the training text in this share or more."""


class LanguageModelingTask(WritingTask):
    """One text to imitate."""

    kind: Literal["language_modeling"]
    sample_tokens: int = Field(ge=8)
    """Length of a sample, shortest and longest: the end token is never sampled."""


class JudgeConfig(Strict):
    """The classifier that tells two authors apart; the same for every run seed and method of a suite."""

    checkpoint: Source | None = None
    """A judge that is trained already; none trains one."""
    model: ModelConfig
    """What it starts from."""
    method: Annotated[FullMethod | HeadOnlyMethod | FreezeMethod, Field(discriminator="kind")]
    """What of it is trained; an adapter cannot be saved as a classifier of its own."""
    training: TrainingConfig
    """How it is trained, on chunks of the training parts."""
    max_length_tokens: int = Field(ge=8)
    """Length of a chunk, and of what it reads of a generated text."""
    seed: int = Field(default=0, ge=0)
    """Fixes its training; part of the suite, not the run seed."""
    minimum_accuracy: float = Field(gt=0, le=1)
    """Accuracy on held-out chunks below which no run is scored."""

    @model_validator(mode="after")
    def _is_a_classifier(self) -> JudgeConfig:
        if self.model.family != "sequence_classification":
            raise ValueError(f"model.family = {self.model.family!r}: a judge needs 'sequence_classification'")
        return self


class StyleDuelTask(WritingTask):
    """Two writers from one base model, each on an author of its own, and a judge that tells them apart."""

    kind: Literal["style_duel"]
    over_generation: float = Field(gt=0)
    """k: writer tokens generated for every judge token needed, since the tokenizers differ."""
    judge: JudgeConfig

    @property
    def sample_tokens(self) -> int:
        """Return how many tokens a writer generates for one sample."""
        return math.ceil(self.over_generation * self.judge.max_length_tokens)


Task = Annotated[
    ClassificationTask | SummarizationTask | LanguageModelingTask | StyleDuelTask, Field(discriminator="kind")
]


# --- scoring ---------------------------------------------------------------------------------------------------------


class MetricConfig(Strict):
    """How one metric is applied; the table's key is the metric's name."""

    first_rows: int | None = Field(default=None, ge=1)
    """Score only the first rows of the test split."""
    prediction: Literal["full", "short"] = "full"
    """Score the whole prediction, or its first `task.short_new_tokens` tokens."""
    model: Source | None = None
    """The model a learned metric such as BERTScore runs."""
    options: dict[str, Scalar] = {}
    """Options of the metric itself."""


class SuiteConfig(Strict):
    """A resolved suite: one profile, one method, every value final."""

    suite: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the suite, equal to its folder's."""
    version: int = Field(ge=1)
    """Raised whenever a change makes old and new results incomparable."""
    title: str
    """One line for people."""
    profile: ProfileName
    """Which of the suite's profiles this is."""
    method_name: str
    """Name of the method under `[methods]`."""
    primary_metric: str
    """The metric that decides; one of `metrics`."""
    task: Task
    data: Data
    model: ModelConfig
    method: MethodConfig
    training: TrainingConfig
    metrics: dict[str, MetricConfig] = Field(min_length=1)
    scored_split: Literal["test", "validation"] | None = None
    """Rows that are scored; none means `test`. `validation` is for choosing settings, which must not see the test."""
    chosen: dict[str, str] = {}
    """Keys the recipe leaves open -> why this value."""

    @model_validator(mode="after")
    def _primary_metric_is_scored(self) -> SuiteConfig:
        if self.primary_metric not in self.metrics:
            allowed = ", ".join(self.metrics)
            raise ValueError(f"primary_metric = {self.primary_metric!r} is not one of metrics: {allowed}")
        return self

    @model_validator(mode="after")
    def _curve_metrics_are_scored(self) -> SuiteConfig:
        for name in self.training.evaluate_metrics:
            if name not in self.metrics:
                allowed = ", ".join(self.metrics)
                raise ValueError(f"training.evaluate_metrics: {name!r} is not one of metrics: {allowed}")
        return self

    @model_validator(mode="after")
    def _data_fits_the_task(self) -> SuiteConfig:
        n_texts = {"language_modeling": 1, "style_duel": 2}.get(self.task.kind)
        if isinstance(self.data, DataConfig) != (n_texts is None):
            wanted = "rows" if n_texts is None else "texts"
            raise ValueError(f"a {self.task.kind} task needs data of kind {wanted!r}, got {self.data.kind!r}")
        if isinstance(self.data, TextsConfig) and len(self.data.texts) != n_texts:
            names = ", ".join(self.data.texts)
            raise ValueError(f"a {self.task.kind} task needs {n_texts} text(s) under data.texts, got {names}")
        return self

    @model_validator(mode="after")
    def _controls_can_be_read(self) -> SuiteConfig:
        if self.task.kind == "classification" and getattr(self.data, "controls", None):
            raise ValueError("data.controls: a classifier predicts no text, so there is no loss on any; leave them out")
        return self

    @model_validator(mode="after")
    def _model_fits_the_task(self) -> SuiteConfig:
        allowed = _FAMILIES_OF[self.task.kind]
        if self.model.family not in allowed:
            wanted = " or ".join(repr(family) for family in allowed)
            raise ValueError(f"a {self.task.kind} task needs model.family = {wanted}, got {self.model.family!r}")
        return self

    @model_validator(mode="after")
    def _saves_what_it_trains(self) -> SuiteConfig:
        if self.task.kind == "style_duel" and self.training.save != "trainable":
            saves = self.training.save
            raise ValueError(f"training.save = {saves!r} saves one model, a style_duel trains two; use 'trainable'")
        return self

    @model_validator(mode="after")
    def _short_predictions_are_made(self) -> SuiteConfig:
        short = [name for name, metric in self.metrics.items() if metric.prediction == "short"]
        if short and getattr(self.task, "short_new_tokens", None) is None:
            raise ValueError(f"metrics.{short[0]}.prediction = 'short' needs task.short_new_tokens")
        return self

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield what each source of the suite is used for, and the source."""
        yield "model", self.model.source
        yield from self.data.sources()
        if isinstance(self.task, StyleDuelTask):
            yield "judge", self.task.judge.checkpoint or self.task.judge.model.source
        for name, metric in self.metrics.items():
            if metric.model is not None:
                yield f"metric {name}", metric.model

    @property
    def key(self) -> str:
        """Return the config key: 12 hex digits that change with every value that can change a result."""
        # Without nones, as in config.lock.toml: a key that is new and absent must not give old results a new address.
        values = self.model_dump(mode="json", exclude={"title", "chosen"}, exclude_none=True)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
