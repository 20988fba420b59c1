"""The shape of a study file: which methods, what is searched for each, by how much work, chosen on which rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, JsonValue, Tag, field_validator, model_validator

from bench.config import ProfileName, Strict
from bench.core.errors import InputError, suggest
from bench.core.schema import Fault, validate
from bench.suites.resolve import read_tables

DEFAULT_TRIAL_SEED = 1000
"""Far from the run seeds that people count from 0."""


class Range(Strict):
    """Numbers between two ends, both of them included."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    log: bool = False
    """Whether equal ratios, not equal distances, are equally likely."""
    integer: bool = False
    """Whether only whole numbers are tried."""

    @model_validator(mode="after")
    def _holds_values(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"holds no values to search: low = {self.low:g} must be less than high = {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, got {self.low:g}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"integer = true needs whole numbers, got {self.low:g} to {self.high:g}")
        return self


class Choices(Strict):
    """Values of any kind, each as likely as the others."""

    choices: tuple[JsonValue, ...]
    """Two or more, all different."""

    @model_validator(mode="after")
    def _are_different(self) -> Choices:
        if not self.choices:
            raise ValueError("choices holds no values to search; give two or more")
        texts = [repr(value) for value in self.choices]
        if len(texts) < 2 or len(set(texts)) < len(texts):
            raise ValueError(f"choices = [{', '.join(texts)}]: give two or more values, all different")
        return self


def _kind_of_values(value: Any) -> str:
    is_choices = isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value)
    return "choices" if is_choices else "range"


Values = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind_of_values)]


class StudyMethod(Strict):
    """One method, and what is searched for it."""

    use: str | None = None
    """The method by name, or `./file.py:Name`; default: the name of its table."""
    space: dict[str, Values] = Field(default_factory=dict)
    """Dotted config key -> the values that are tried; written as keys of the method's table itself."""


class Select(Strict):
    """What a setting is chosen by."""

    split: str = "validation"
    """Always `validation`."""
    metric: str | None = None
    """One of the suite's metrics; default: its primary metric."""

    @field_validator("split")
    @classmethod
    def _is_never_the_test(cls, split: str) -> str:
        if split == "test":
            raise ValueError(
                "settings chosen on the rows that they are scored on look better than they are; leave it out, or give "
                "'validation'"
            )
        if split != "validation":
            raise ValueError("the only rows to choose on are 'validation'")
        return split


class Budget(Strict):
    """The work that every run may do: exactly one of the three."""

    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps, of one batch size for all."""
    tokens: int | None = Field(default=None, ge=1)
    """Tokens of text trained on."""
    seconds: float | None = Field(default=None, gt=0)
    """Seconds of training, on this machine."""

    @model_validator(mode="after")
    def _is_one(self) -> Budget:
        if sum(value is not None for value in (self.steps, self.tokens, self.seconds)) != 1:
            raise ValueError("give exactly one of steps, tokens and seconds")
        return self

    def __str__(self) -> str:
        """Return it in words: `200 steps`."""
        unit, value = next(item for item in self.model_dump().items() if item[1] is not None)
        return f"{value:,} {unit}"


class StudyFile(Strict):
    """A study as it is written."""

    study: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Its name, which its report carries."""
    suite: str
    """Suite folder or name."""
    profile: ProfileName
    """Which of the suite's profiles; never `auto`, which depends on the machine."""
    trials: int = Field(ge=1)
    """Settings tried for each method, its default among them; the same number for all."""
    seeds: tuple[int, ...] = Field(min_length=1)
    """Run seeds of the final runs, default and tuned."""
    trial_seeds: tuple[int, ...] = Field(default=(DEFAULT_TRIAL_SEED,), min_length=1)
    """Run seeds of every trial; none of them may be among `seeds`."""
    sampler_seed: int = Field(default=0, ge=0)
    """Fixes which settings are tried."""
    select: Select = Select()
    budget: Budget
    set: tuple[str, ...] = ()
    """Overrides for every run, `key.path=value` each, as after `--set`."""
    methods: dict[str, StudyMethod] = Field(min_length=1)
    """In order; the first is the reference that the others are compared with."""

    @model_validator(mode="after")
    def _seeds_are_apart(self) -> StudyFile:
        for name, seeds in (("seeds", self.seeds), ("trial_seeds", self.trial_seeds)):
            if len(set(seeds)) < len(seeds) or min(seeds) < 0:
                raise ValueError(f"{name} = {list(seeds)}: expected different integers, 0 or above")
        shared = sorted({*self.seeds} & {*self.trial_seeds})
        if shared:
            raise ValueError(
                f"trial_seeds and seeds share {', '.join(map(str, shared))}: settings that were chosen for the luck of "
                "a seed would bring that luck along; keep them apart"
            )
        return self


def load_study(path: str | Path) -> StudyFile:
    """Read a study file.

    Raises:
        InputError: it cannot be read, a key is unknown or missing, or a value is of the wrong type or out of range.
    """
    return parse_study(read_tables(Path(path), "study"), place=str(path))


def parse_study(tables: Mapping[str, Any], *, place: str) -> StudyFile:
    """Return the study that TOML tables hold.

    Args:
        tables: as `tomllib` reads them; a searched key may be quoted, or written as nested tables.
        place: what messages call the file.

    Raises:
        InputError: as `load_study`.
    """
    values = dict(tables)
    if isinstance(values.get("methods"), Mapping):
        values["methods"] = {name: _method(name, table, place) for name, table in values["methods"].items()}
    return validate(StudyFile, values, explain=lambda fault: f"{place}: {_explain(fault)}")


def _method(name: str, table: Any, place: str) -> Any:
    """Return a method's table with its searched keys under `space`."""
    if not isinstance(table, Mapping):
        return table
    rest = {key: value for key, value in table.items() if key != "use"}
    if "trials" in rest:
        raise InputError(f"{place}: methods.{name}.trials: every method is given as many trials; set `trials` for all")
    space = dict(_flat(rest))
    for key, value in space.items():
        if not isinstance(value, Mapping):
            raise InputError(
                f"{place}: methods.{name}.{key} = {value!r} is no search space; give {{ low = ..., high = ... }} or "
                "{ choices = [...] }, or set one value for all methods by `set`"
            )
    return {"space": space} | ({"use": table["use"]} if "use" in table else {})


def _flat(table: Mapping[str, Any], prefix: str = "") -> Mapping[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        is_table = isinstance(value, Mapping) and all(isinstance(inner, Mapping) for inner in value.values()) and value
        flat |= _flat(value, f"{path}.") if is_table else {path: value}
    return flat


_OURS: Final = "Value error, "
"""What pydantic writes before a message of ours."""


def _explain(fault: Fault) -> str:
    """Return a fault of a study: which field, what is wrong, what is allowed."""
    is_ours = fault.message.startswith(_OURS)  # then the last part names a table of ours, not a key
    last = None if is_ours else fault.location[-1]
    keys = [str(part) for part in fault.location if part not in ("space", "range", "choices") or part == last]
    field = ".".join(keys)
    if fault.kind == "unknown key":
        return f"{field} is not a known key{suggest(keys[-1], _keys_beside(fault.location))}"
    if fault.kind == "missing key":
        return f"{field} is missing"
    return f"{field + ': ' if field else ''}{fault.message.removeprefix(_OURS)}{fault.got}"


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    tables: dict[str, type[Strict]] = {"select": Select, "budget": Budget, "range": Range, "choices": Choices}
    table = next((str(part) for part in reversed(loc[:-1]) if part in tables), "")
    return list(tables.get(table, StudyFile).model_fields)
