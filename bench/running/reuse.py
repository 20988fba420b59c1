"""What is said of a stored run that is used again: whether the code and libraries at hand are those that made it."""

from __future__ import annotations

from collections.abc import Iterator

from bench.records.other_code import differences_from
from bench.records.provenance import Code, code_at_hand, package_versions
from bench.records.record import Environment


def made_otherwise(environment: Environment) -> str:
    """Return in what the code and libraries at hand are not those that made a run; empty where they are.

    A library that is not installed here, or that the record does not name, is passed over.
    """
    return "; ".join(_differences(environment))


def _differences(environment: Environment) -> Iterator[str]:
    yield from (text for _, text in differences_from(Code.of(environment), code_at_hand()))
    installed = package_versions()
    for name, version in sorted(environment.packages.items()):
        if installed.get(name, version) != version:
            yield f"{name} {version} made it, and {installed[name]} is installed"
