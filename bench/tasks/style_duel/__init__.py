"""Two writers and a judge that tells them apart: the kind `style_duel`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from bench.config import (
    FreezeMethod,
    FullMethod,
    HeadOnlyMethod,
    Inputs,
    ModelConfig,
    Source,
    Strict,
    TrainingConfig,
)
from bench.core.schema import Scalar
from bench.core.wording import plural
from bench.tasks.base import Judge, Task, Train
from bench.tasks.writing import WritingTask

if TYPE_CHECKING:
    import torch

    from bench.config import SuiteConfig
    from bench.core.progress import Advance
    from bench.materials.fetch import Materials
    from bench.methods import Method


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

    metric_inputs: ClassVar[tuple[Inputs, ...]] = ("generations", "styles", "losses")
    n_texts: ClassVar[int] = 2
    n_writers: ClassVar[int] = 2

    @property
    def sample_tokens(self) -> int:
        """Return how many tokens a writer generates for one sample."""
        return math.ceil(self.over_generation * self.judge.max_length_tokens)

    @property
    def judge_options(self) -> dict[str, Scalar]:
        """Options of every metric that reads the judge: how the samples were made."""
        return {"over_generation": self.over_generation, "writer_tokens": self.sample_tokens}

    @property
    def length(self) -> int:
        """Length of a sample in tokens."""
        return self.sample_tokens

    @property
    def least_judge_accuracy(self) -> float:
        """Accuracy of the judge below which no run is scored."""
        return self.judge.minimum_accuracy

    def samples(self) -> str:
        """Return how many samples of which length there are, in words."""
        return (
            f"{plural(self.n_samples, 'sample')} a writer of {self.sample_tokens} tokens "
            f"(k = {self.over_generation:g} for each of the judge's {self.judge.max_length_tokens})"
        )

    def check(self, config: SuiteConfig) -> None:
        """Check that a run keeps both writers.

        Raises:
            ValueError: one model is to be saved.
        """
        save = config.training.save
        if save != "trainable":
            raise ValueError(f"training.save = {save!r} saves one model, a style_duel trains two; use 'trainable'")

    def base_models(self) -> dict[str, ModelConfig]:
        """Return what the judge starts from, or its checkpoint."""
        judge = self.judge.model
        if self.judge.checkpoint is not None:
            judge = judge.model_copy(update={"source": self.judge.checkpoint})
        return {"judge": judge}

    def build_model(self, config: SuiteConfig, method: Method, load: Callable[[], Any], *, seed: int) -> Any:
        """Return two writers from one base."""
        from bench.tasks.style_duel.writers import Writers

        return Writers(load, method, seed=seed, config=config)

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one pair of writers."""
        from bench.tasks.style_duel.task import StyleDuel

        return StyleDuel(self, tokenizer, n_vocabulary=model.config.vocab_size, seed=seed)

    def open_judge(
        self,
        config: SuiteConfig,
        materials: Materials,
        *,
        tokenizer: Any,
        device: torch.device,
        train: Train,
        stage: Callable[[str], AbstractContextManager[Advance]],
        folder: Path,
    ) -> Judge:
        """Return the judge, trained now or earlier."""
        from bench.tasks.style_duel.judge import open_judge

        return open_judge(
            self, config, materials, tokenizer=tokenizer, device=device, train=train, stage=stage, folder=folder
        )


TASK = StyleDuelTask
