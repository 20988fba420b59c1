"""The field's methods by name, each with its paper, its default settings, and where it cannot apply: `library.toml`.

Torch-free: it is read to list and to resolve.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from bench.config import Strict, SuiteConfig
from bench.core.errors import InputError, suggest

_FILE = Path(__file__).parent / "library.toml"


class Rule(Strict):
    """Where a method cannot apply; every key that is given must fit."""

    family: str | tuple[str, ...] | None = None
    """`model.family`."""
    model_type: str | tuple[str, ...] | None = None
    """`model.architecture.model_type`; a suite that writes none down fits no rule that asks for one."""
    task: str | tuple[str, ...] | None = None
    """`task.kind`."""
    why: str
    """What is missing, as the rest of a sentence about the model or the task."""

    def fits(self, config: SuiteConfig) -> bool:
        """Return whether a suite is one that the rule is about."""
        architecture = config.model.architecture
        pairs = (
            (self.family, config.model.family),
            (self.model_type, None if architecture is None else architecture.model_type),
            (self.task, config.task.kind),
        )
        return all(
            value in ((allowed,) if isinstance(allowed, str) else allowed)
            for allowed, value in pairs
            if allowed is not None
        )


class LibraryMethod(Strict):
    """One method of the library."""

    title: str
    """One line for people."""
    paper: str
    """Authors, year, title, and where it appeared."""
    defaults: str
    """Where the values of the table come from."""
    table: dict[str, Any]
    """As under `[methods.<name>]` of a suite; it may hold `training`."""
    not_for: tuple[Rule, ...] = Field(default=())
    """Where it cannot apply."""


@functools.cache
def _entries() -> Mapping[str, LibraryMethod]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: LibraryMethod.model_validate(table) for name, table in tables.items()}


def names() -> list[str]:
    """Return the names of the library's methods, in its order."""
    return list(_entries())


def entry(name: str) -> LibraryMethod:
    """Return a method of the library.

    Raises:
        InputError: there is none of that name.
    """
    if name not in _entries():
        raise InputError(f"method {name!r} is not in the library{suggest(name, names())}")
    return _entries()[name]


def why_not(name: str, config: SuiteConfig) -> str | None:
    """Return why a method of the library cannot apply to a resolved suite; none where it can, or nobody knows.

    Args:
        name: a method of the library.
        config: a suite resolved with any method; its model and task decide.

    Raises:
        InputError: there is none of that name.
    """
    for rule in entry(name).not_for:
        if rule.fits(config):
            architecture = config.model.architecture
            model = config.model.family if architecture is None else architecture.model_type
            return f"{model}: {rule.why}"
    return None
