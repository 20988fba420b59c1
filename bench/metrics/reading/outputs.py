"""One or two files to predictions and references that belong together, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.inputs import brief
from bench.metrics.reading.columns import Column, Rows
from bench.metrics.reading.rows import read_rows

ID = "id"
"""A column that, where both files have it, must be equal row by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumns:
    """What the columns are called, in files that have any."""

    prediction: str = "prediction"
    reference: str = "reference"
    group: str | None = None
    """The group that a row belongs to, such as a document; none reads none."""


USUAL_COLUMNS = OutputColumns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What was predicted, and what was wanted."""

    predictions: Column
    references: Column | None
    """As many; none where nothing is compared."""
    groups: Column | None
    """As many; none where no column was named."""
    ids: Column | None
    """As many; none where no file has them."""
    notes: tuple[str, ...]
    """What is odd about the files: a sentence each, with its counts."""


def read_outputs(
    predictions: Path, references: Path | None, *, compared: bool = True, columns: OutputColumns = USUAL_COLUMNS
) -> Outputs:
    """Read one file with both sides, or two, and check that their rows belong together.

    A blank line at the end of a text file is no row, unless the other file has a row to it: an empty text may be
    predicted.

    Args:
        predictions: file with the predictions.
        references: file with the references; none where `predictions` has both.
        compared: whether references are wanted; where not, `references` is not read.
        columns: their names.

    Raises:
        InputError: as `read_rows`; the files have different numbers of rows, or different ids in some row; there is no
            such group column.
    """
    optional = [ID, *([columns.group] if columns.group else [])]
    wanted: Column | None
    sides: tuple[Rows, ...]
    if compared and references is not None:
        ours = read_rows(predictions, [columns.prediction], optional=optional)
        theirs = read_rows(references, [columns.reference], optional=optional)
        predicted, wanted = ours.columns[columns.prediction], theirs.columns[columns.reference]
        sides, n = (theirs, ours), _n_rows(predicted, wanted)
        _check_ids(ours.columns.get(ID), theirs.columns.get(ID))
    else:
        names = [columns.prediction, *([columns.reference] if compared else [])]
        if len(set(names)) < len(names):
            raise InputError(f"{predictions}: the column {names[0]!r} is compared with itself; give a second file")
        sides = (read_rows(predictions, names, optional=optional),)
        predicted, wanted = sides[0].columns[columns.prediction], sides[0].columns.get(columns.reference)
        n = len(predicted) - predicted.n_blank
    if n == 0:
        raise InputError(f"{predictions}: holds nothing but blank lines; it must hold one example per line")
    notes = [note for rows in reversed(sides) for note in rows.notes]
    notes += [note for column in (predicted, wanted) if column is not None for note in _on_blanks(column, n)]
    return Outputs(
        predictions=predicted.first(n),
        references=wanted.first(n) if compared and wanted is not None else None,
        groups=None if columns.group is None else _groups(columns.group, sides, n),
        ids=next((rows.columns[ID].first(n) for rows in sides if ID in rows.columns), None),
        notes=tuple(dict.fromkeys(notes)),
    )


def _n_rows(predicted: Column, wanted: Column) -> int:
    """Return how many rows two files have; blank lines at the end count where the other file has rows to them."""
    n = max(len(column) - column.n_blank for column in (predicted, wanted))
    if n > min(len(predicted), len(wanted)):
        raise InputError(
            f"{predicted.file} holds {len(predicted)} predictions{_blanks(predicted)} but {wanted.file} holds "
            f"{len(wanted)} references{_blanks(wanted)}; line n of one must belong to line n of the other"
        )
    return n


def _blanks(column: Column) -> str:
    return f" (the last {plural(column.n_blank, 'line')} blank)" if column.n_blank else ""


def _on_blanks(column: Column, n: int) -> list[str]:
    """Return what became of the blank lines at the end of a file of which n rows are scored."""
    n_dropped, n_filled = len(column) - n, len(column) - column.n_blank
    notes = []
    if n_dropped:
        notes.append(f"{column.file}: {plural(n_dropped, 'blank line')} at the end, read as no row")
    if n > n_filled:
        notes.append(
            f"{column.file}: {plural(n - n_filled, 'blank line')} at the end, read as an empty text, since the other "
            "file has a row to it"
        )
    return notes


def check_same_rows(first: Outputs, other: Outputs) -> None:
    """Refuse two files of predictions that are not of the same rows.

    Raises:
        InputError: they have different numbers of rows, or different ids in some row.
    """
    if len(first.predictions) != len(other.predictions):
        raise InputError(
            f"{first.predictions.file} holds {len(first.predictions)} predictions but {other.predictions.file} holds "
            f"{len(other.predictions)}; both must be of the same rows, in the same order"
        )
    _check_ids(first.ids, other.ids)


def _check_ids(ours: Column | None, theirs: Column | None) -> None:
    """Refuse rows that name themselves, and not alike."""
    if ours is None or theirs is None:
        return
    for row, (a, b) in enumerate(zip(ours.values, theirs.values, strict=True)):
        if str(a) != str(b):
            same = Counter(map(str, ours.values)) == Counter(map(str, theirs.values))
            raise InputError(
                f"{ours.place(row)} has the id {brief(a)}, but {theirs.place(row)} has {brief(b)}; "
                + ("both files have the same ids: sort them alike" if same else "bring rows of one id together")
            )


def _groups(name: str, sides: Sequence[Rows], n: int) -> Column:
    for rows in sides:
        if name in rows.columns:
            return rows.columns[name].first(n)
    files = " and ".join(str(next(iter(rows.columns.values())).file) for rows in sides)
    raise InputError(
        f"{files}: no column {name!r} in every row to group by; give one to all rows of a .jsonl, .csv or .tsv file"
    )
