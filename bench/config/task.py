"""What goes in and what should come out: `[task]`, whose keys depend on its `kind`.

A kind of task lives in one module of `bench.tasks`, which holds all its facts. `KINDS` lists the kinds, and `kind_of`
imports the module of one by its name. It is the one import that goes from a room to a later one: a suite file names its
kind, so the type of its table is known only when the file is read.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from bench.config.inputs import Inputs
from bench.config.model import Family, ModelConfig
from bench.config.sources import Source
from bench.core.errors import InputError, suggest
from bench.core.schema import Scalar, Strict

if TYPE_CHECKING:
    from bench.config.suite import SuiteConfig

KINDS = {
    "classification": "bench.tasks.classification",
    "language_modeling": "bench.tasks.language_modeling",
    "style_duel": "bench.tasks.style_duel",
    "text_to_text": "bench.tasks.text_to_text",
    "token_classification": "bench.tasks.token_classification",
}
"""Kind -> the module that holds its facts: the type of its table and how it is learned."""

FIRST_NAMES = {"text_to_text": "summarization"}
"""Kind -> the name that it had first. Suite files and records may go on using that name, and config keys are computed
with it, so that what was stored keeps its address."""

TargetKind = Literal["text", "label", "tags"]
"""What a row asks for: a text (or one of several), the number of a label, or the number of a label for every word."""


class TaskConfig(Strict):
    """Base of every `[task]` table: what the rest of the project asks a kind of task."""

    kind: str
    """Name of the kind, one of `KINDS`."""

    families: ClassVar[tuple[Family, ...]]
    """Model families that can learn it."""
    metric_inputs: ClassVar[tuple[Inputs, ...]]
    """What its predictions give to metrics."""
    target: ClassVar[TargetKind] = "text"
    """What `data.target_column` holds."""
    n_texts: ClassVar[int | None] = None
    """How many continuous texts it needs under `data.texts`; none where it reads rows."""
    predicts_text: ClassVar[bool] = True
    """Whether its model predicts text, so that texts which have nothing to do with the task tell what was forgotten."""
    draws_head: ClassVar[bool] = False
    """Whether the run seed draws a head that the base weights lack."""

    def check(self, config: SuiteConfig) -> None:
        """Check what only this kind asks of the rest of a suite.

        Raises:
            ValueError: something does not fit; the message begins with its key.
        """

    def base_models(self) -> dict[str, ModelConfig]:
        """Return the base models that a run loads besides `[model]`, by what each is used for."""
        return {}

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield what each further source is used for, and the source."""
        for name, model in self.base_models().items():
            yield name, model.source

    @property
    def judge_options(self) -> dict[str, Scalar]:
        """Options of every metric that reads the judge, where the suite gives none."""
        return {}

    @property
    def keeps_short_predictions(self) -> bool:
        """Whether predictions are also kept as they stand after fewer tokens."""
        return False

    # --- what a report says of it ---

    row_name: ClassVar[str] = "test row"
    """What a prediction is made for."""
    reference_name: ClassVar[str] = "reference"
    """What stands beside a prediction."""
    n_writers: ClassVar[int] = 1
    """Models trained side by side; samples of several are shown beside each other."""

    def example_name(self, inputs: Inputs) -> str:
        """Return what one example of a metric is called, by what the metric reads."""
        return self.row_name

    def budget(self) -> Iterator[str]:
        """Yield what a report says of the budget besides the training table, in a few words each."""
        yield from ()

    @property
    def memorisation(self) -> Memorisation | None:
        """When samples count as memorised; none for a kind that writes no free samples."""
        return None

    @property
    def least_judge_accuracy(self) -> float | None:
        """Accuracy of the judge below which no run is scored; none for a kind without a judge."""
        return None


class Memorisation(Strict):
    """When generated samples count as memorised."""

    overlap_tokens: int
    """One sample repeats this many training tokens in a row, or more; key `task.memorised_overlap_tokens`."""
    share: float
    """This share of the samples' 8-grams, or more, is found in the training text; key `task.memorised_share`."""


def name_today(name: str) -> str:
    """Return the name that a kind of task has today, for that or for its first name."""
    return next((kind for kind, first in FIRST_NAMES.items() if first == name), name)


def kind_of(name: str) -> type[TaskConfig]:
    """Return the table type of a kind of task, which knows everything about it.

    Args:
        name: one of `KINDS`, or the first name of one.

    Raises:
        InputError: there is no such kind.
    """
    kind = name_today(name)
    if kind not in KINDS:
        raise InputError(f"{name!r} is not a kind of task{suggest(name, KINDS)}")
    table: type[TaskConfig] = importlib.import_module(KINDS[kind]).TASK
    return table


def _of_its_kind(value: Any) -> Any:
    """Check a table by the type of its kind; what does not fit keeps its place in the file."""
    if isinstance(value, TaskConfig):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("must be a table")
    name = value.get("kind")
    if name is None:
        missing = InitErrorDetails(type="missing", loc=("kind",), input=value)
        raise ValidationError.from_exception_data("task", [missing])
    try:
        table = kind_of(str(name))
    except InputError as error:
        unknown = PydanticCustomError("unknown_kind", "{message}", {"message": str(error)})
        raise ValidationError.from_exception_data(
            "task", [InitErrorDetails(type=unknown, loc=("kind",), input=name)]
        ) from None
    return table.model_validate({**value, "kind": name_today(str(name))})


Task = Annotated[SerializeAsAny[TaskConfig], BeforeValidator(_of_its_kind)]
