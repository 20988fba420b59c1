"""One author to imitate: the kind `language_modeling`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from bench.config import Inputs
from bench.tasks.base import Task
from bench.tasks.writing import WritingTask

if TYPE_CHECKING:
    from bench.config import SuiteConfig


class LanguageModelingTask(WritingTask):
    """One text to imitate."""

    kind: Literal["language_modeling"]
    sample_tokens: int = Field(ge=8)
    """Length of a sample, shortest and longest: the end token is never sampled."""

    metric_inputs: ClassVar[tuple[Inputs, ...]] = ("generations", "losses")
    n_texts: ClassVar[int] = 1
    reference_name: ClassVar[str] = "human passage"

    @property
    def length(self) -> int:
        """Length of a sample in tokens."""
        return self.sample_tokens

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one model."""
        from bench.tasks.language_modeling.task import LanguageModeling

        return LanguageModeling(self, tokenizer, n_vocabulary=model.config.vocab_size, seed=seed)


TASK = LanguageModelingTask
