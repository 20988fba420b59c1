"""The rows of a suite as far as they are on this machine: checked as a run does, and asked for labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from bench.config import DataConfig, LocalSource, SplitName, SuiteConfig, kind_of
from bench.core.errors import BenchError
from bench.core.schema import validate
from bench.materials.load import PickedRows, pick_rows
from bench.materials.sources.local import is_local_present
from bench.materials.tables import SourceRow, read_source
from bench.materials.targets import as_key, labels_in


def labels_there(tables: Mapping[str, Any]) -> str:
    """Return the end of a message on forgotten labels: those of the rows, ready to paste; empty where none is at hand.

    Args:
        tables: a resolved suite, as TOML holds it.
    """
    try:
        data = validate(DataConfig, tables["data"])
        kind = kind_of(str(tables["task"]["kind"]))
        rows = [row for split in get_args(SplitName) for row in _rows_of(data, split)]
    except BenchError:  # not fetched yet, or another fault that its own message will say
        return ""
    labels = labels_in(rows, data.target_columns[0], kind.target)
    return f"; data.target_column = {data.target_columns[0]!r} holds {as_key(labels)}" if labels else ""


def rows_at_hand(config: SuiteConfig) -> PickedRows | None:
    """Return the rows of a suite, checked as a run does; none where they are not files of this machine.

    Raises:
        InputError: they do not fit the suite; see `bench.materials.load.load_splits`.
    """
    data = config.data
    if not isinstance(data, DataConfig):
        return None
    for split in get_args(SplitName):
        source = data.source_of(split)
        if not (isinstance(source, LocalSource) and is_local_present(source)):
            return None
    return pick_rows(data, config.task.target, offline=True)


def _rows_of(data: DataConfig, split: SplitName) -> list[SourceRow]:
    """Return the rows of a split's source that its `where` lets through."""
    rows = read_source(data.source_of(split), offline=True, announce=lambda _: None).rows
    where: Mapping[str, str] = getattr(data, split).where
    return [row for row in rows if all(str(row.get(column)) == value for column, value in where.items())]
