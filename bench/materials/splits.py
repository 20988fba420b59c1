"""Sources -> Splits: rows are read, picked, checked, fingerprinted, and looked over for leaks."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.config import (
    Data,
    DataConfig,
    GeneratedSource,
    HubSource,
    LocalSource,
    Source,
    SplitConfig,
    SplitName,
    TextsConfig,
)
from bench.core.errors import InputError
from bench.materials.duplicates import near_duplicates
from bench.records.record import DataSummary, SplitSummary

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
Announce = Callable[[str], None]
ScoredSplit = Literal["test", "validation"]
SourceRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row: a text and what should come out of it."""

    id: str
    """Stable over runs and machines."""
    input: str
    target: str | int
    """A text, or the number of a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The rows of one run; of continuous texts, one example a text."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    controls: tuple[Example, ...] = ()
    """Continuous texts that are never trained on, by name."""
    summary: DataSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A source, read."""

    rows: Sequence[SourceRow]
    identity: str
    """Which bytes they came from, the same on every machine."""


def load_splits(
    config: Data, *, scored: ScoredSplit = "test", offline: bool = False, announce: Announce = lambda _: None
) -> Splits:
    """Fetch, read and pick what every split holds: rows, or one part of each continuous text.

    Args:
        config: the `[data]` table, of either kind.
        scored: `validation` puts the validation rows in the place of the test rows, which are then not looked at.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched.

    Raises:
        SourceError: a source cannot be fetched or fails its hash.
        InputError: a column or row range is missing, a label is unknown or never occurs, an id is there twice, or a
            split comes out empty; for continuous texts, see `bench.materials.continuous.load_texts`.
    """
    if isinstance(config, TextsConfig):
        from bench.materials.continuous import load_texts  # it imports this module

        return load_texts(config, scored=scored, offline=offline, announce=announce)
    if scored == "validation":
        config = config.model_copy(update={"test": config.validation})
    return _load_rows(config, offline=offline, announce=announce)


def _load_rows(config: DataConfig, *, offline: bool, announce: Announce) -> Splits:
    from bench.materials.continuous import load_controls  # it imports this module

    tables: dict[str, Table] = {}
    picked: dict[str, tuple[Example, ...]] = {}
    summaries: dict[str, SplitSummary] = {}
    for split in SPLITS:
        source = config.source_of(split)
        key = source.model_dump_json()
        if key not in tables:
            tables[key] = read_source(source, offline=offline, announce=announce)
        examples = _pick(tables[key].rows, config, getattr(config, split), place=f"data.{split}")
        picked[split] = examples
        summaries[split] = SplitSummary(
            n_examples=len(examples),
            fingerprint=digest([e.id, e.input, e.target] for e in examples),
            source=tables[key].identity,
            exact_duplicates=len(examples) - len({e.input for e in examples}),
        )
    controls, others = load_controls(config.controls or {}, offline=offline, announce=announce)
    summaries |= others
    seen = {normalised(e.input) for e in picked["train"]}
    summary = DataSummary(
        fingerprint=digest([s.fingerprint] for s in summaries.values()),
        splits=summaries,
        train_test_overlap=sum(normalised(e.input) in seen for e in picked["test"]),
        near_duplicates=near_duplicates([e.input for e in picked["train"]], [e.input for e in picked["test"]]),
    )
    return Splits(
        train=picked["train"],
        validation=picked["validation"],
        test=picked["test"],
        controls=controls,
        summary=summary,
    )


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
    """Return the text of a file: UTF-8, with or without a byte order mark, else cp1252."""
    raw = file.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")  # older news text: the pound sign as one byte


def _parsed(line: str, place: str) -> SourceRow:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected an object, got {type(row).__name__}")
    return row


def _pick(rows: Sequence[SourceRow], config: DataConfig, split: SplitConfig, *, place: str) -> tuple[Example, ...]:
    ids = [config.id_column] if config.id_column else []
    check_columns(rows, [config.input_column, config.target_column, *split.where, *ids], place)
    if split.balanced and not config.labels:
        raise InputError(f"{place}: balanced = true takes labels in turn, but data.labels is empty; name the classes")
    width = len(str(max(len(rows) - 1, 0)))
    chosen: list[Example] = []
    seen: set[str] = set()
    rows_by_id: dict[str, int] = {}
    for number, row in enumerate(rows):
        if any(str(row.get(column)) != value for column, value in split.where.items()):
            continue
        text = row.get(config.input_column)
        if not isinstance(text, str):
            raise InputError(f"{place}: row {number}: {config.input_column} is {text!r}, expected a text")
        if split.deduplicate and text in seen:
            continue
        seen.add(text)
        name = row.get(config.id_column) if config.id_column else f"{number:0{width}d}"
        if name is None:
            raise InputError(f"{place}: row {number}: {config.id_column} is missing")
        first = rows_by_id.setdefault(str(name), number)
        if first != number:
            raise InputError(
                f"{place}: rows {first} and {number} both have {config.id_column} = {name!r}; an id must be there "
                "once: name another data.id_column, or leave it out to count rows"
            )
        target = _target(row.get(config.target_column), config, f"{place}: row {number}")
        chosen.append(Example(id=str(name), input=text, target=target))
        if split.order == "source" and not split.balanced and len(chosen) == split.stop:
            break  # the rest of a large source stays unread
    return _cut(chosen, config.labels, split, place)


def _cut(chosen: list[Example], labels: Sequence[str], split: SplitConfig, place: str) -> tuple[Example, ...]:
    if split.order == "hash":
        chosen.sort(key=lambda e: (hashlib.sha256(e.input.encode()).digest(), e.id))
    if split.balanced:
        chosen = _in_turn(chosen, labels, place)
    qualify = "qualify and balance" if split.balanced else "qualify"
    if split.stop is not None and split.stop > len(chosen):
        raise InputError(f"{place}: stop = {split.stop}, but the source has {len(chosen)} rows that {qualify}")
    picked = tuple(chosen[split.start : split.stop])
    if not picked:
        raise InputError(f"{place}: no rows; the source has {len(chosen)} that {qualify} and start = {split.start}")
    return picked


def _in_turn(chosen: Sequence[Example], labels: Sequence[str], place: str) -> list[Example]:
    """Return each label's first example, then each one's second, and so on, until a label has no more."""
    by_label = [[e for e in chosen if e.target == number] for number in range(len(labels))]
    for label, examples in zip(labels, by_label, strict=True):
        if not examples:
            raise InputError(
                f"{place}: balanced = true, but none of the {len(chosen)} rows that qualify has the label {label!r}; "
                "mend `where` or data.labels"
            )
    return [example for turn in zip(*by_label, strict=False) for example in turn]


def check_columns(rows: Sequence[SourceRow], columns: Iterable[str], place: str) -> None:
    """Refuse rows (judged by the first) that lack a column.

    Raises:
        InputError: one is missing; the message begins with `place` and lists the columns there are.
    """
    for column in columns:
        if rows and column not in rows[0]:
            there = ", ".join(filter(None, rows[0]))  # csv keeps fields beyond the header under None
            raise InputError(f"{place}: there is no column {column!r}; the source has: {there}")


def _target(value: Any, config: DataConfig, place: str) -> str | int:
    if not config.labels:
        if not isinstance(value, str):
            raise InputError(f"{place}: {config.target_column} is {value!r}, expected a text")
        return value
    text = str(value)
    number = config.labels.index(text) if text in config.labels else int(text) if text.isdecimal() else -1
    if not 0 <= number < len(config.labels):
        allowed = f"0 to {len(config.labels) - 1}, or {', '.join(config.labels)}"
        raise InputError(f"{place}: {config.target_column} is {value!r}; allowed: {allowed}")
    return number


def normalised(text: str) -> str:
    """Return a text without its case and spacing, as leaks and repetitions are looked for."""
    return " ".join(text.casefold().split())


def digest(values: Iterable[list[Any]]) -> str:
    """Return one sha256 over lists of JSON values, in order, as 64 hex digits."""
    sha256 = hashlib.sha256()
    for value in values:
        sha256.update(json.dumps(value, ensure_ascii=False).encode() + b"\n")
    return sha256.hexdigest()
