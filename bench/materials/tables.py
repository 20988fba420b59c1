"""Sources -> rows: fetched, verified, and read by the suffix of each file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config import (
    GeneratedSource,
    HubSource,
    LocalSource,
    Source,
)
from bench.core.errors import InputError
from bench.core.progress import Announce

SourceRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A source, read."""

    rows: Sequence[SourceRow]
    identity: str
    """Which bytes they came from, the same on every machine."""


def read_source(source: Source, *, offline: bool, announce: Announce) -> Table:
    """Fetch a source and read all its rows.

    Raises:
        SourceError: it cannot be fetched or fails its hash.
        InputError: a file of it cannot be read, or a local one holds no rows.
    """
    from bench.materials import sources
    from bench.materials.sources import generated, hub

    if isinstance(source, GeneratedSource):
        return Table(
            rows=generated.rows(source),
            identity=f"generated:{source.name}?n={source.n_examples}&seed={source.seed}",
        )
    if isinstance(source, HubSource):
        return Table(
            rows=hub.load_rows(source, offline=offline, announce=announce),
            identity=f"hub:{source.id}@{source.revision}/{source.config}/{source.split}",
        )
    fetched = sources.fetch(source, offline=offline, announce=announce)
    rows: list[SourceRow] = [row for file in fetched.files for row in read_file(file, root=fetched.path)]
    if not rows and isinstance(source, LocalSource):
        raise InputError(f"{source.path}: holds no rows")
    return Table(rows=rows, identity=fetched.identity)


def read_file(file: Path, *, root: Path) -> list[SourceRow]:
    """Read the rows of one data file, by its suffix.

    Args:
        file: `.csv` and `.tsv` with a header line; `.jsonl` with an object a line; `.txt`: headline, then body.
        root: folder that the `file` column of a `.txt` row is relative to.

    Raises:
        InputError: the suffix is another, or the file does not parse.
    """
    text = decoded(file)
    match file.suffix:
        case ".csv":
            return _delimited(io.StringIO(text, newline=""), file, dialect="excel")
        case ".tsv":
            # GLUE-style: no quoting, a quotation mark is text
            return _delimited(io.StringIO(text), file, delimiter="\t", quoting=csv.QUOTE_NONE)
        case ".jsonl":
            return [_parsed(line, f"{file.name}:{n}") for n, line in enumerate(io.StringIO(text), 1) if line.strip()]
        case ".txt":
            headline, _, body = text.strip().partition("\n")
            where = file.relative_to(root).as_posix()
            return [{"file": where, "headline": headline.strip(), "body": " ".join(body.split())}]
    raise InputError(f"{file}: cannot read {file.suffix or 'a file without suffix'}; allowed: .csv, .jsonl, .tsv, .txt")


def _delimited(lines: io.StringIO, file: Path, **how: Any) -> list[SourceRow]:
    csv.field_size_limit(max(csv.field_size_limit(), len(lines.getvalue())))  # an article may pass csv's 131,072
    reader = csv.DictReader(lines, **how)
    try:
        return list(reader)
    except csv.Error as error:
        raise InputError(f"{file.name}:{reader.line_num}: {error}") from None


def decoded(file: Path) -> str:
    """Return the text of a file: UTF-8, with or without a byte order mark, else cp1252.

    Raises:
        InputError: it is UTF-16 or UTF-32, which cp1252 would read as letters between NUL characters.
    """
    raw = file.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw[:4]:
        raise InputError(f"{file}: is UTF-16 or UTF-32; save the file as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")  # older news text: the pound sign as one byte


def _parsed(line: str, place: str) -> SourceRow:
    try:
        row = json.loads(line)
        if "\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{place}: holds half of a surrogate pair, which is no character; mend or drop the row"
        ) from None
    except ValueError as error:
        raise InputError(f"{place}: not JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{place}: is nested too deep to be read; give texts, numbers or lists") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected an object, got {type(row).__name__}")
    return row


def check_columns(rows: Sequence[SourceRow], columns: Iterable[str], place: str) -> None:
    """Refuse rows (judged by the first) that lack a column.

    Raises:
        InputError: one is missing; the message begins with `place` and lists the columns there are.
    """
    for column in columns:
        if rows and column not in rows[0]:
            there = ", ".join(filter(None, rows[0]))  # csv keeps fields beyond the header under None
            raise InputError(f"{place}: there is no column {column!r}; the source has: {there}")
