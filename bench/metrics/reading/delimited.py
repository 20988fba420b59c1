"""CSV and TSV with a header line, to rows."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.reading.columns import Column, Rows
from bench.metrics.reading.lines import Lines


def read_delimited(text: Lines, wanted: Sequence[str], optional: Sequence[str], *, tabs: bool) -> Rows:
    """Read CSV as `csv` reads it, strictly; or TSV, where a quotation mark is text as in GLUE's files.

    Raises:
        InputError: a line does not parse or has more or fewer values than the header, or the header lacks a column.
    """
    file, kind = text.file, "TSV" if tabs else "CSV"
    csv.field_size_limit(max(csv.field_size_limit(), sum(len(line) + 1 for line in text.lines)))
    lines = (f"{line}\n" for line in text.lines)
    reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(lines, strict=True)
    rows: list[tuple[int, list[str]]] = []
    n_blank, begin = 0, 1
    try:
        for row in reader:
            if row:
                rows.append((begin, row))
            else:
                n_blank += 1
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{file}:{begin}: is not {kind} ({error}); mend the row that begins there") from None
    header = _header(file, rows, wanted)
    for begin, row in rows[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{file}:{begin}: has {plural(len(row), 'value')} but the header line names {len(header)}; "
                + ("a text must hold no tab" if tabs else "put a text that holds a comma in quotation marks")
            )
    columns = {
        name: Column(
            file=file,
            lines=[begin for begin, _ in rows[1:]],
            values=[row[header.index(name)] for _, row in rows[1:]],
            typed=False,
        )
        for name in (*wanted, *(name for name in optional if name in header))
    }
    notes = [f"{file}: {plural(n_blank, 'blank line')}, read as no row"] if n_blank else []
    if tabs and (n_quoted := sum(map(_is_quoted, (value for name in wanted for value in columns[name].values)))):
        notes.append(f"{file}: {plural(n_quoted, 'value')} in quotation marks, which in a TSV are part of the text")
    return Rows(columns=columns, notes=(*text.notes, *notes))


def _header(file: Path, rows: Sequence[tuple[int, list[str]]], wanted: Sequence[str]) -> list[str]:
    names = [name.strip() for name in rows[0][1]] if rows else []
    for name, n in Counter(names).items():
        if n > 1:
            raise InputError(f"{file}: the header line names {name!r} {n} times; give each column a name of its own")
    for name in wanted:
        if name not in names:
            there = ", ".join(map(repr, names)) or "none"
            raise InputError(f"{file}: the header line names no column {name!r}; it names {there}{_mend(names)}")
    if len(rows) == 1:
        raise InputError(f"{file}: has a header line and no row below it")
    return names


def _mend(names: Sequence[str]) -> str:
    """Return what to do about a header that lacks a column."""
    if len(names) == 1 and (mark := next((mark for mark in ";\t|" if mark in names[0]), None)):
        return f", parted by {mark!r}: save the file with commas, or as .tsv with tabs"
    return "; name the one that is meant, such as with --prediction-column"


def _is_quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == '"'
