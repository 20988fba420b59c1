"""One label per text: the kind `classification`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from bench.config import Family, Inputs
from bench.config.task import TargetKind
from bench.tasks.base import Task, TaskKind

if TYPE_CHECKING:
    from bench.config import SuiteConfig


class ClassificationTask(TaskKind):
    """One label per text."""

    kind: Literal["classification"]
    max_length_tokens: int = Field(ge=4)
    """Texts are cut to this many tokens."""
    padding: Literal["max_length", "longest"]
    """Pad to `max_length_tokens`, or to the longest text of the batch."""

    families: ClassVar[tuple[Family, ...]] = ("sequence_classification",)
    metric_inputs: ClassVar[tuple[Inputs, ...]] = ("labels", "losses")
    target: ClassVar[TargetKind] = "label"
    predicts_text: ClassVar[bool] = False
    draws_head: ClassVar[bool] = True

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one model."""
        from bench.tasks.classification.task import Classification

        size = config.training.evaluation_batch_size
        return Classification(self, tokenizer, model, config.method, batch_size=size)


TASK = ClassificationTask
