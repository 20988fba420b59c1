"""Texts written after an author: what the kinds share that train on random windows and are scored on free samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from bench.config import Family, Inputs, Memorisation
from bench.core.wording import plural
from bench.tasks.base import TaskKind


class WritingTask(TaskKind):
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

    families: ClassVar[tuple[Family, ...]] = ("causal",)
    row_name: ClassVar[str] = "sample"

    @property
    def length(self) -> int:
        """Length of a sample in tokens."""
        raise NotImplementedError

    def example_name(self, inputs: Inputs) -> str:
        """Return what one example of a metric is called: a sample, or the held-out passage beside it."""
        return "held-out passage" if inputs == "losses" else self.row_name

    def budget(self) -> Iterator[str]:
        """Yield windows, samples and the repetition penalty."""
        yield f"windows of {self.window_tokens} tokens"
        yield self.samples()
        r = self.repetition_penalty
        yield "no repetition penalty" if r is None else f"repetition penalty {r:g} to the power of the count"

    def samples(self) -> str:
        """Return how many samples of which length there are, in words."""
        return f"{plural(self.n_samples, 'sample')} of {self.length} tokens"

    @property
    def memorisation(self) -> Memorisation:
        """When samples count as memorised."""
        return Memorisation(overlap_tokens=self.memorised_overlap_tokens, share=self.memorised_share)
