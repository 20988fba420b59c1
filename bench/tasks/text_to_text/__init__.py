"""A text in, a text out, such as a summary or a translation: the kind `text_to_text`, once called `summarization`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from bench.config import Family, Inputs
from bench.tasks.base import Task, TaskKind

if TYPE_CHECKING:
    from bench.config import SuiteConfig


class TextToTextTask(TaskKind):
    """A text in, a text out."""

    kind: Literal["text_to_text"]
    prompt: str
    """What the model reads; `{input}` stands for the text, cut so that the rest of the prompt survives."""
    source_length_tokens: int = Field(ge=8)
    """Prompt and text together are cut to this many tokens."""
    target_length_tokens: int = Field(ge=2)
    """Reference texts are cut to this many tokens when training."""
    target_padding: Literal["max_length", "longest"]
    """Pad labels to `target_length_tokens`, or to the longest of the batch."""
    max_new_tokens: int = Field(ge=1)
    """Longest generated text; decoding is greedy."""
    short_new_tokens: int | None = Field(default=None, ge=1)
    """Also keep each prediction as it stands after this many tokens, for claims measured at that length."""

    families: ClassVar[tuple[Family, ...]] = ("seq2seq", "causal")
    metric_inputs: ClassVar[tuple[Inputs, ...]] = ("texts", "losses")

    @model_validator(mode="after")
    def _prompt_has_a_place_for_the_text(self) -> TextToTextTask:
        if self.prompt.count("{input}") != 1:
            raise ValueError(f"prompt = {self.prompt!r} must hold {{input}} exactly once")
        return self

    @property
    def keeps_short_predictions(self) -> bool:
        """Whether predictions are also kept as they stand after fewer tokens."""
        return self.short_new_tokens is not None

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one model: encoder-decoder models read and write, causal models continue the prompt."""
        from bench.tasks.text_to_text.task import CausalTextToText, Seq2SeqTextToText

        family_task = Seq2SeqTextToText if config.model.family == "seq2seq" else CausalTextToText
        return family_task(self, tokenizer)


TASK = TextToTextTask
