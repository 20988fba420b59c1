"""Dotted paths into nested tables, such as `training.learning_rate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ABSENT: Final = object()
"""What `value_at` returns where a path leads nowhere."""


def value_at(values: Any, path: str) -> Any:
    """Return the value at a dotted path through tables and lists (a number picks from a list), or `ABSENT`."""
    for part in path.split("."):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdecimal() and int(part) < len(values):
            values = values[int(part)]
        else:
            return ABSENT
    return values


def flatten(table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return dotted path -> value of everything in nested tables.

    Args:
        table: the outermost one.
        prefix: what every path begins with.
    """
    flat: dict[str, Any] = {}
    for name, value in table.items():
        path = f"{prefix}.{name}"
        flat |= flatten(value, path) if isinstance(value, Mapping) else {path: value}
    return flat


def differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Return dotted path -> both values, of everything in which two nested tables differ; `ABSENT` where one lacks it.

    Args:
        before: one table.
        after: the other.
        prefix: what every path begins with; empty for nothing.
    """
    changed: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys((*before, *after)):
        path = f"{prefix}.{name}" if prefix else name
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed |= differences(old, new, path)
        elif old != new:
            changed[path] = (old, new)
    return changed
