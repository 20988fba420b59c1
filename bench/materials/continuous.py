"""Continuous texts -> Splits: books and collections of paragraphs, each cut by position into three parts."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from bench.config import GeneratedSource, HubSource, PartConfig, SplitName, TextConfig, TextsConfig
from bench.core.errors import InputError
from bench.core.progress import Announce
from bench.materials.duplicates import near_duplicates
from bench.materials.splits import SPLITS, Example, ScoredSplit, Splits, digest, normalised
from bench.materials.tables import SourceRow, check_columns, decoded, read_file, read_source
from bench.records.record import DataSummary, SplitSummary

_LINES = re.IGNORECASE | re.MULTILINE
# Project Gutenberg's frame. A title may take several lines; files of the nineties close their small print with *END*.
_HEADER = re.compile(
    r"^ *(?:\*\*\* ?START OF (?:(?:[^*\n]+\n){0,3}[^*\n]*\*\*\*)?|\*END\*? ?THE SMALL PRINT).*$", _LINES
)
_FOOTER = re.compile(r"^ *(?:\*\*\* ?END OF |END OF (?:THE |THIS )?PROJECT GUTENBERG)", _LINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A text, or a part of one."""

    paragraphs: Sequence[str]
    """None is empty or, once cleaned, holds an empty line."""
    between: str
    """What stands between two of them."""
    sources: tuple[str, ...]
    """Identities of the bytes it came from."""

    @property
    def joined(self) -> str:
        return self.between.join(self.paragraphs)


def load_texts(
    config: TextsConfig,
    *,
    scored: ScoredSplit = "test",
    offline: bool = False,
    announce: Announce = lambda _: None,
) -> Splits:
    """Fetch and read continuous texts, and cut each by position: training, then validation, then test part.

    Cuts fall between paragraphs. The test part is the last paragraphs that hold at least `test_share` of the
    characters, the validation part is those before it that hold at least `validation_share`.

    Args:
        config: the `[data]` table.
        scored: `validation` puts the validation parts in the place of the test parts.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched.

    Returns:
        One example a text in every split, in the order of `config.texts`: its name, that part of it, the number of its
        label. One example a control: its name, the whole of it, and -1.

    Raises:
        SourceError: a source cannot be fetched or fails its hash.
        InputError: a column, table or first line is missing, a regular expression is none, a part of a text comes out
            empty, or two texts are the same.
    """
    texts = {
        name: _cut(_read(text, f"data.texts.{name}", offline=offline, announce=announce), config, f"data.texts.{name}")
        for name, text in config.texts.items()
    }
    controls, others = load_controls(config.controls, offline=offline, announce=announce)
    parts = {split: {name: cut[split] for name, cut in texts.items()} for split in SPLITS}
    if scored == "validation":
        parts["test"] = parts["validation"]
    _refuse_one_author_twice(parts["train"])
    examples = {
        split: tuple(Example(id=name, input=text.joined, target=i) for i, (name, text) in enumerate(part.items()))
        for split, part in parts.items()
    }
    summaries: dict[str, SplitSummary] = {
        **{split: _summary(parts[split].values(), examples[split]) for split in SPLITS},
        **others,
    }
    seen = set(_paragraphs(parts["train"].values()))
    return Splits(
        train=examples["train"],
        validation=examples["validation"],
        test=examples["test"],
        controls=controls,
        summary=DataSummary(
            fingerprint=digest([s.fingerprint] for s in summaries.values()),
            splits=summaries,
            train_test_overlap=sum(paragraph in seen for paragraph in _paragraphs(parts["test"].values())),
            near_duplicates=near_duplicates(sorted(seen), _paragraphs(parts["test"].values())),
        ),
    )


def load_controls(
    config: Mapping[str, TextConfig], *, offline: bool, announce: Announce
) -> tuple[tuple[Example, ...], dict[str, SplitSummary]]:
    """Read texts that are never trained on.

    Args:
        config: the `data.controls` table.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched.

    Returns:
        One example a text: its name, the whole of it, and -1; and their summaries, by `control <name>`.

    Raises:
        SourceError: a source cannot be fetched or fails its hash.
        InputError: as `load_texts`.
    """
    examples, summaries = [], {}
    for name, text in config.items():
        whole = _read(text, f"data.controls.{name}", offline=offline, announce=announce)
        examples.append(Example(id=name, input=whole.joined, target=-1))
        summaries[f"control {name}"] = _summary([whole], examples[-1:])
    return tuple(examples), summaries


# --- from sources to paragraphs --------------------------------------------------------------------------------------


def _read(text: TextConfig, place: str, *, offline: bool, announce: Announce) -> _Text:
    parts = [
        _read_part(part, f"{place}.parts.{number}", offline=offline, announce=announce)
        for number, part in enumerate(text.parts)
    ]
    paragraphs = list(_cleaned((paragraph for part in parts for paragraph in part.paragraphs), text, place))
    if not paragraphs:
        raise InputError(f"{place}: no text is left; mend `where`, `column` or `remove`")
    whole = _Text(
        paragraphs=paragraphs,
        between="\n\n" if any(part.between == "\n\n" for part in parts) else "\n",
        sources=tuple(identity for part in parts for identity in part.sources),
    )
    return whole if text.max_characters is None else _beginning(whole, text.max_characters)


def _read_part(part: PartConfig, place: str, *, offline: bool, announce: Announce) -> _Text:
    from bench.materials import sources

    if isinstance(part.source, GeneratedSource | HubSource):
        table = read_source(part.source, offline=offline, announce=announce)
        column = "text" if isinstance(part.source, GeneratedSource) else None
        paragraphs = _column(table.rows, part, place, default=column)
        return _Text(paragraphs=paragraphs, between="\n", sources=(table.identity,))
    fetched = sources.fetch(part.source, offline=offline, announce=announce)
    if part.column is None and all(file.suffix == ".txt" for file in fetched.files):
        paragraphs = _plain(fetched.files, part, place)
        return _Text(paragraphs=paragraphs, between="\n\n", sources=(fetched.identity,))
    paragraphs = []
    for file in fetched.files:
        is_database = file.suffix in (".db", ".sqlite")
        rows = _table(file, part, place) if is_database else read_file(file, root=fetched.path)
        paragraphs += _column(rows, part, place, is_database=is_database)
    return _Text(paragraphs=paragraphs, between="\n", sources=(fetched.identity,))


def _plain(files: Iterable[Path], part: PartConfig, place: str) -> list[str]:
    """Return the paragraphs of a book: its lines without the spaces around them, parted at empty ones."""
    _refuse(part, ("table", "where"), "plain text", place)
    lines = [line.strip() for file in files for line in (*_unframed(decoded(file)).split("\n"), "")]
    if part.start_at is not None:
        start_at = part.start_at
        first = next((number for number, line in enumerate(lines) if line.startswith(start_at)), None)
        if first is None:
            raise InputError(
                f"{place}: no line begins with start_at = {start_at!r}; give the beginning of a line as it stands in "
                "the file, without its indentation"
            )
        lines = lines[first:]
    return re.split(r"\n{2,}", "\n".join(lines))


def _unframed(text: str) -> str:
    """Return a book without what Project Gutenberg puts before and after it, with one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    headers = list(_HEADER.finditer(text))
    start = headers[-1].end() if headers else 0
    footer = _FOOTER.search(text, start)
    return text[start : footer.start() if footer else None]


def _column(
    rows: Sequence[SourceRow], part: PartConfig, place: str, *, default: str | None = None, is_database: bool = False
) -> list[str]:
    """Return one column of the rows that qualify; a missing value is an empty paragraph."""
    _refuse(part, ("start_at",) if is_database else ("start_at", "table"), "these rows", place)
    column = part.column or default
    if column is None:
        there = f"; the source has: {', '.join(filter(None, rows[0]))}" if rows else ""
        raise InputError(f"{place}: these are rows, so `column` must name the one with the paragraphs{there}")
    check_columns(rows, [column, *part.where], place)
    paragraphs: list[str] = []
    for number, row in enumerate(rows):
        if any(str(row.get(name)) != value for name, value in part.where.items()):
            continue
        paragraph = row.get(column)
        if not isinstance(paragraph, str | None):
            raise InputError(f"{place}: row {number}: {column} is {paragraph!r}, expected a text")
        paragraphs.append(paragraph or "")
    return paragraphs


def _refuse(part: PartConfig, keys: Iterable[str], what: str, place: str) -> None:
    for key in keys:
        if getattr(part, key):
            raise InputError(f"{place}: {key} = {getattr(part, key)!r} means nothing for {what}; leave it out")


def _table(file: Path, part: PartConfig, place: str) -> list[SourceRow]:
    """Return the rows of an SQLite table in the order they were written."""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if part.table is None or part.table not in tables:
                raise InputError(
                    f"{place}: table = {part.table!r} is not in {file.name}; allowed: {', '.join(sorted(tables))}"
                )
            database.row_factory = sqlite3.Row
            name = part.table.replace('"', '""')
            return [dict(row) for row in database.execute(f'SELECT * FROM "{name}" ORDER BY rowid')]  # noqa: S608
    except sqlite3.Error as error:
        raise InputError(f"{place}: {file.name} cannot be read as SQLite ({error}); give a database file") from None


# --- from paragraphs to parts ----------------------------------------------------------------------------------------


def _cleaned(paragraphs: Iterable[str], text: TextConfig, place: str) -> Iterator[str]:
    """Yield paragraphs without what `remove` matches, without spaces around lines, and without empty lines."""
    try:
        removed = re.compile(text.remove, re.MULTILINE) if text.remove is not None else None
    except re.error as error:
        raise InputError(f"{place}.remove: {text.remove!r} is not a regular expression: {error}") from None
    for paragraph in paragraphs:
        kept = removed.sub("", paragraph) if removed else paragraph
        lines = filter(None, (line.strip() for line in kept.replace("\r\n", "\n").split("\n")))
        if cleaned := (" " if text.unwrap else "\n").join(lines):
            yield cleaned


def _beginning(text: _Text, max_characters: int) -> _Text:
    """Keep whole paragraphs while they fit, and of a first one that does not as much as does."""
    kept: list[str] = []
    room = max_characters
    for paragraph in text.paragraphs:
        room -= len(paragraph)
        if room < 0:
            break
        kept.append(paragraph)
        room -= len(text.between)
    return replace(text, paragraphs=kept or [text.paragraphs[0][:max_characters]])


def _cut(text: _Text, config: TextsConfig, place: str) -> dict[SplitName, _Text]:
    sizes = [len(paragraph) for paragraph in text.paragraphs]
    test = _start_of_last(sizes, config.test_share * sum(sizes))
    validation = _start_of_last(sizes[:test], config.validation_share * sum(sizes))
    if validation == 0:
        raise InputError(
            f"{place}: no training part is left: the text has {sum(sizes)} characters in {len(sizes)} paragraphs that "
            f"stay whole; give more text, or lower data.test_share = {config.test_share} and "
            f"data.validation_share = {config.validation_share}"
        )
    return {
        "train": replace(text, paragraphs=text.paragraphs[:validation]),
        "validation": replace(text, paragraphs=text.paragraphs[validation:test]),
        "test": replace(text, paragraphs=text.paragraphs[test:]),
    }


def _start_of_last(sizes: Sequence[int], wanted: float) -> int:
    """Return the position of the latest paragraph from which on there are `wanted` (> 0) characters or more, else 0."""
    held = 0
    for start in range(len(sizes) - 1, -1, -1):
        held += sizes[start]
        if held >= wanted:
            return start
    return 0


# --- what they are ---------------------------------------------------------------------------------------------------


def _refuse_one_author_twice(train: Mapping[str, _Text]) -> None:
    paragraphs = {name: set(_paragraphs([text])) for name, text in train.items()}
    for (first, a), (second, b) in combinations(paragraphs.items(), 2):
        if a <= b or b <= a:
            raise InputError(
                f"data.texts.{first} and data.texts.{second} are one author twice: every training paragraph of one "
                "stands in the other; give two different texts"
            )


def _summary(texts: Iterable[_Text], examples: Sequence[Example]) -> SplitSummary:
    texts = tuple(texts)
    paragraphs = _paragraphs(texts)
    return SplitSummary(
        n_examples=len(paragraphs),
        fingerprint=digest([e.id, e.input, e.target] for e in examples),
        source="; ".join(dict.fromkeys(identity for text in texts for identity in text.sources)),
        exact_duplicates=len(paragraphs) - len(set(paragraphs)),
        unit="paragraphs",
    )


def _paragraphs(texts: Iterable[_Text]) -> list[str]:
    """Return all paragraphs, case and spacing aside."""
    return [normalised(paragraph) for text in texts for paragraph in text.paragraphs]
