"""A value with its interval, as every stored result has it."""

from __future__ import annotations

from pydantic import Field

from bench.core.schema import Strict


class StoredValue(Strict):
    """A value and the ends of its interval: the base of every stored result."""

    value: float
    """In the metric's unit."""
    low: float
    """Lower end of the interval over examples."""
    high: float
    """Upper end of the interval over examples."""


class StoredInterval(StoredValue):
    """A value with an interval that says what coverage it aims at."""

    confidence: float = Field(gt=0, lt=1)
    """Coverage the interval aims at."""


class Note(Strict):
    """Something that a metric counted and a reader of its score should know, such as letters that it never saw."""

    text: str
    """A sentence without a full stop, with its counts: `the tokenizer dropped 12 of 40 letters of the references`."""
    count: int = Field(ge=1)
    """How many there are."""
    of: int | None = Field(default=None, ge=1)
    """Of how many; none where there is no whole."""


class Score(StoredInterval):
    """One metric on one set of predictions, at full precision."""

    n_examples: int = Field(ge=1)
    """Examples scored."""
    n_groups: int | None = Field(default=None, ge=1)
    """Groups that these belong to, which the interval is over; none where every example stands for itself."""
    unit: str
    """What the value counts, such as `fraction` or `points (0-100)`."""
    higher_is_better: bool
    """Direction."""
    signature: str
    """Identity of the metric: scores compare only where it is equal."""
    notes: tuple[Note, ...] | None = None
    """What the metric counted beside the value; none where it counted nothing, as in every record of before."""
