"""What is said of a stored run that is used again: whether the code and libraries at hand are those that made it."""

from __future__ import annotations

from collections.abc import Iterator

from bench.records.other_code import code_objections
from bench.records.provenance import code_at_hand, package_versions
from bench.records.record import RunRecord


def made_otherwise(record: RunRecord) -> str:
    """Return in what the code and libraries at hand are not those that made a run; empty where they are.

    A library that is not installed here, or that the record does not name, is passed over.
    """
    return "; ".join(_differences(record))


def _differences(record: RunRecord) -> Iterator[str]:
    yield from (text for _, text in code_objections([record], code_at_hand()))
    installed = package_versions()
    for name, version in sorted(record.environment.packages.items()):
        if installed.get(name, version) != version:
            yield f"{name} {version} made it, and {installed[name]} is installed"
