"""A file to rows, by what it holds: plain text, JSON, CSV or TSV, packed or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.reading.columns import Column, Rows
from bench.metrics.reading.delimited import read_delimited
from bench.metrics.reading.json_rows import holds_records, is_object, read_json
from bench.metrics.reading.lines import Lines, read_lines

_JSON = (".jsonl", ".json", ".ndjson", ".jsonlines")
_PACKED = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd")


def read_rows(file: Path, wanted: Sequence[str], *, optional: Sequence[str] = ()) -> Rows:
    """Read columns of a file.

    JSON lines, and one JSON array, are recognised whatever the ending says; `.csv` and `.tsv` have a header line; of
    any other file each line is a text, in the one column that is wanted.

    Args:
        file: UTF-8, packed or not.
        wanted: columns that each row must have.
        optional: columns that are read where every row has them; a file of plain text has none.

    Raises:
        InputError: as `read_lines`, or a row does not parse or lacks a column; the message names file and line.
    """
    text = read_lines(file)
    endings = [suffix.lower() for suffix in file.suffixes]
    if endings and endings[-1] in _PACKED:
        endings.pop()
    ending = endings[-1] if endings else ""
    if ending in (".csv", ".tsv"):
        return read_delimited(text, wanted, optional, tabs=ending == ".tsv")
    if ending in _JSON:
        return read_json(text, wanted, optional)
    if holds_records(text, wanted[0]):
        rows = read_json(text, wanted, optional)
        n_rows = plural(len(rows.columns[wanted[0]]), "JSON object")
        return Rows(columns=rows.columns, notes=(*rows.notes, f"{file}: holds {n_rows}, read as rows with fields"))
    return _plain(text, wanted)


def _plain(text: Lines, wanted: Sequence[str]) -> Rows:
    file, lines = text.file, text.lines
    if len(wanted) > 1:
        raise InputError(
            f"{file}: references are missing; give a second file, or one .jsonl, .csv or .tsv file with both"
        )
    n_blank = next((n for n, line in enumerate(reversed(lines)) if line.strip()), len(lines))
    counts = {
        "with a carriage return inside, read as part of the text": sum("\r" in line for line in lines),
        f"that are JSON objects without the field {wanted[0]!r}, read as texts": sum(map(is_object, lines)),
    }
    counted = [f"{file}: {n:,} of {plural(len(lines), 'line')} {what}" for what, n in counts.items() if n]
    column = Column(file=file, lines=range(1, len(lines) + 1), values=lines, typed=False, n_blank=n_blank)
    return Rows(columns={wanted[0]: column}, notes=(*text.notes, *counted))
