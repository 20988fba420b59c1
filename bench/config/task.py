"""What goes in and what should come out: `[task]`."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.config.method import FreezeMethod, FullMethod, HeadOnlyMethod
from bench.config.model import ModelConfig
from bench.config.sources import Source
from bench.config.training import TrainingConfig
from bench.core.schema import Strict


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
