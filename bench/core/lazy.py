"""Packages whose names are imported when they are first asked for, so that a command pays for what it uses alone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def import_on_demand(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package (PEP 562).

    The package names the same imports under `TYPE_CHECKING`, so that a type checker and a reader see them.

    Args:
        package: its `__name__`.
        places: name -> `module:attribute`.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - the name that Python asks for
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = places[name].partition(":")
        value = getattr(importlib.import_module(module), attribute)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__
