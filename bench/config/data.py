"""Which rows or texts are trained on and scored: `[data]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from bench.config.sources import Source
from bench.core.schema import Strict

SplitName = Literal["train", "validation", "test"]


class SplitConfig(Strict):
    """Which rows of a source make one split."""

    source: Source | None = None
    """Where this split's rows come from; default: `data.source`."""
    where: dict[str, str] = Field(default_factory=dict)
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
    where: dict[str, str] = Field(default_factory=dict)
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
    """Column with the text that goes in; where every word has a label, the words as a list will do."""
    target_column: str | tuple[str, ...]
    """Column with what should come out: a label, a text, or a list of texts of which any would do. Several columns, as
    a list, hold one text each, and an empty one is left out. The first text is trained on, and all are scored by."""
    id_column: str | None = None
    """Column with a stable example id; default: position in the source."""
    group_column: str | None = None
    """Column with what rows have in common, such as the passage that several questions are about; none where every row
    stands for itself. Rows of one group count as one observation in every interval and test."""
    labels: tuple[str, ...] = ()
    """Names of the classes, where labels come out; the position is the label's number."""
    train: SplitConfig
    """Rows that are trained on."""
    validation: SplitConfig
    """Rows whose loss is watched during training; nothing is chosen on `test`."""
    test: SplitConfig
    """Rows that are scored."""
    controls: dict[str, TextConfig] | None = None
    """Texts that have nothing to do with the task, whose loss before and after tells what was forgotten."""

    @field_validator("target_column", mode="before")
    @classmethod
    def _names_columns(cls, value: Any) -> Any:
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError("must be the name of a column, or a list of names")
        if len(set(names)) < len(names):
            raise ValueError("names a column twice")
        return value

    @property
    def target_columns(self) -> tuple[str, ...]:
        """Return the names under `target_column`."""
        return (self.target_column,) if isinstance(self.target_column, str) else self.target_column

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
    controls: dict[str, TextConfig] = Field(default_factory=dict)
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
