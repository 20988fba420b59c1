"""One label per word, such as which words are names of people: the kind `token_classification`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from bench.config import Family, Inputs
from bench.config.task import TargetKind
from bench.tasks.base import Task, TaskKind

if TYPE_CHECKING:
    from bench.config import SuiteConfig


class TokenClassificationTask(TaskKind):
    """One label per word."""

    kind: Literal["token_classification"]
    max_length_tokens: int = Field(ge=4)
    """Texts are cut to this many tokens when training; a text that is scored must fit."""
    padding: Literal["max_length", "longest"]
    """Pad to `max_length_tokens`, or to the longest text of the batch."""

    families: ClassVar[tuple[Family, ...]] = ("token_classification",)
    metric_inputs: ClassVar[tuple[Inputs, ...]] = ("tags", "losses")
    target: ClassVar[TargetKind] = "tags"
    predicts_text: ClassVar[bool] = False
    draws_head: ClassVar[bool] = True

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one model."""
        from bench.tasks.token_classification.task import TokenClassification

        return TokenClassification(self, tokenizer, model, config.data.labels)


TASK = TokenClassificationTask
