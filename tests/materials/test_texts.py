"""Continuous texts: from files of every kind to paragraphs, and from paragraphs to parts."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config import TextsConfig
from bench.core.errors import InputError
from bench.materials.load import load_splits
from bench.materials.splits import Splits

_PROSE = ("prose_day", "prose_night")


def _generated(name: str, n: int = 40) -> dict[str, Any]:
    return {"parts": [{"source": {"kind": "generated", "name": name, "n_examples": n}}]}


def _file(path: Path, content: str | bytes) -> dict[str, Any]:
    """Write a file and return the local source that names it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {"kind": "local", "path": str(path)}


def _database(path: Path, tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, Any]:
    """Write SQLite tables with the columns `book` and `verse`."""
    with closing(sqlite3.connect(path)) as database:
        for name, rows in tables.items():
            database.execute(f'CREATE TABLE "{name}" (book INT, verse TEXT)')
            database.executemany(f'INSERT INTO "{name}" VALUES (?, ?)', rows)  # noqa: S608
        database.commit()
    return {"kind": "local", "path": str(path)}


def _load(texts: dict[str, Any], **changes: Any) -> Splits:
    return load_splits(TextsConfig.model_validate({"texts": texts, **changes}))


def _whole(part: dict[str, Any], **text: Any) -> str:
    """Return all of a one-part text, as a control holds it."""
    return _load({"day": _generated("prose_day")}, controls={"it": {"parts": [part], **text}}).controls[0].input


def _error(texts: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        _load(texts, **changes)
    return str(caught.value)


# --- plain text ------------------------------------------------------------------------------------------------------


def test_a_book_is_paragraphs_of_lines_without_the_spaces_around_them(tmp_path: Path) -> None:
    book = "\ufeff  TITLE\r\n\r\n\r\n      One line\r\n         and  two. \r\n   \r\n      Next.\r\n"
    assert _whole({"source": _file(tmp_path / "a.txt", book)}) == "TITLE\n\nOne line\nand  two.\n\nNext."


def test_lines_of_a_paragraph_are_joined_on_request(tmp_path: Path) -> None:
    source = _file(tmp_path / "a.txt", "One\nline.\n\nNext\n  one.")
    assert _whole({"source": source}, unwrap=True) == "One line.\n\nNext one."


def test_a_book_that_is_not_utf8_is_read_as_cp1252(tmp_path: Path) -> None:
    assert _whole({"source": _file(tmp_path / "a.txt", b"\x93Oh!\x94")}) == "“Oh!”"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("*** START OF THE PROJECT GUTENBERG EBOOK 829 ***", "*** END OF THE PROJECT GUTENBERG EBOOK 829 ***\nlaw"),
        ("About\n\n***START OF THIS PROJECT GUTENBERG EBOOK***", "End of the Project Gutenberg EBook\n\n***END OF***"),
        ("*** START OF THE PROJECT GUTENBERG EBOOK THE\nLONG TITLE ***\n", "*** END OF THE PROJECT\nGUTENBERG ***"),
        ("***START OF THE PROJECT GUTENBERG EBOOK A", "***END OF THE PROJECT GUTENBERG EBOOK A"),
        ("***START**THE SMALL PRINT!**START***\nlaw\n*END*THE SMALL PRINT!*Ver.9*END*", "End of Project Gutenberg's A"),
    ],
    ids=["none", "2020s", "2000s", "long title", "not closed", "1990s"],
)  # fmt: skip
def test_project_gutenbergs_frame_is_taken_off(tmp_path: Path, before: str, after: str) -> None:
    book = f"{before}\n\nThe START OF it.\n\n* * *\n\nTHE END OF it.\n\n{after}\n"
    assert _whole({"source": _file(tmp_path / "a.txt", book)}) == "The START OF it.\n\n* * *\n\nTHE END OF it."


def test_a_book_begins_at_the_first_line_that_begins_so(tmp_path: Path) -> None:
    source = _file(tmp_path / "a.txt", "by I. Chapter\n\n  I. Chapter (1)\nOne.\n\nI. Chapter (1)")
    assert _whole({"source": source, "start_at": "I. Chap"}) == "I. Chapter (1)\nOne.\n\nI. Chapter (1)"


def test_files_of_a_folder_follow_each_other_and_do_not_run_together(tmp_path: Path) -> None:
    for name, text in (("2.txt", "two\n\nthree"), ("1.txt", "zero\n\none")):
        _file(tmp_path / "book" / name, text)
    part = {"source": {"kind": "local", "path": str(tmp_path / "book")}, "start_at": "one"}
    assert _whole(part) == "one\n\ntwo\n\nthree"


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "part,text\n1,one\n2,no\n1,\n1,two\n"),
        ("a.tsv", "part\ttext\n1\tone\n2\tno\n1\t\n1\ttwo\n"),
        ("a.jsonl", '{"part": 1, "text": "one"}\n{"part": 2, "text": "no"}\n{"part": 1}\n{"part": 1, "text": " two "}'),
    ],
)
def test_rows_are_paragraphs_and_empty_ones_are_dropped(tmp_path: Path, name: str, content: str) -> None:
    part = {"source": _file(tmp_path / name, content), "column": "text", "where": {"part": "1"}}
    assert _whole(part) == "one\ntwo"


def test_text_files_with_a_column_are_a_headline_and_a_body(tmp_path: Path) -> None:
    for name in ("b", "a"):
        _file(tmp_path / "news" / f"{name}.txt", f"Head {name}\n\nBody of\n\n{name}.")
    part = {"source": {"kind": "local", "path": str(tmp_path / "news")}, "column": "body"}
    assert _whole(part) == "Body of a.\nBody of b."


def test_database_rows_come_in_the_order_they_were_written(tmp_path: Path) -> None:
    rows = [(2, "2:1 nine"), (1, "1:1 eight"), (2, None), (2, "2:2 seven\r\nsix")]
    source = _database(tmp_path / "a b?.db", {"other": [(2, "no")], "the verses": rows})
    part = {"source": source, "table": "the verses", "column": "verse", "where": {"book": "2"}}
    before = (tmp_path / "a b?.db").read_bytes()
    assert _whole(part, remove=r"^\d+:\d+ ") == "nine\nseven\nsix"
    assert (tmp_path / "a b?.db").read_bytes() == before


def test_generated_prose_needs_no_column() -> None:
    assert _whole(_generated("prose_plain", 3)["parts"][0]).count("\n") == 2


# --- cleaning --------------------------------------------------------------------------------------------------------


def test_remove_matches_at_lines_and_leaves_no_empty_ones(tmp_path: Path) -> None:
    source = _file(tmp_path / "a.txt", "[Figure]\n\nOne _very_\n[Figure]\nlong line.\n\n[1] A note\non it.\n\nEnd.")
    removed = _whole({"source": source}, remove=r"_|^\[Figure\]$|^\[\d+\][\s\S]*")
    assert removed == "One very\nlong line.\n\nEnd."


@pytest.mark.parametrize(
    ("max_characters", "kept"),
    [(2, "fo"), (4, "four"), (9, "four"), (10, "four\n\nfive"), (14, "four\n\nfive"), (15, "four\n\nfive\n\nsix")],
)
def test_max_characters_keeps_whole_paragraphs_of_the_beginning(tmp_path: Path, max_characters: int, kept: str) -> None:
    source = _file(tmp_path / "a.txt", "four\n\nfive\n\nsix\n\nI")
    assert _whole({"source": source}, max_characters=max_characters) == kept


def test_parts_follow_each_other(tmp_path: Path) -> None:
    plain, rows = _file(tmp_path / "a.txt", "a\n\nb"), _file(tmp_path / "c.csv", "text\nc\nd\n")
    parts = [{"source": rows, "column": "text"}, {"source": plain}]
    splits = _load({"day": _generated("prose_day")}, controls={"it": {"parts": parts}})
    assert splits.controls[0].input == "c\n\nd\n\na\n\nb"
    first, second = splits.summary.splits["control it"].source.split("; ")
    assert first.startswith("local:c.csv#sha256:")
    assert second.startswith("local:a.txt#sha256:")


# --- parts -----------------------------------------------------------------------------------------------------------


def test_parts_are_cut_by_characters_between_paragraphs(tmp_path: Path) -> None:
    # 100 characters: the last 20 take in 19 + 11, the 30 before take in 5 + 25, though 29 would miss by one
    sizes = [40, 25, 5, 11, 19]
    book = "\n\n".join(letter * size for letter, size in zip("abcde", sizes, strict=True))
    splits = _load(
        {"it": {"parts": [{"source": _file(tmp_path / "a.txt", book)}]}}, test_share=0.2, validation_share=0.3
    )
    assert [e.input for e in splits.test] == ["d" * 11 + "\n\n" + "e" * 19]
    assert [e.input for e in splits.validation] == ["b" * 25 + "\n\n" + "c" * 5]
    assert [e.input for e in splits.train] == ["a" * 40]


@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=40),
    test_share=st.floats(0.01, 0.49),
    validation_share=st.floats(0.01, 0.49),
)
def test_parts_are_the_smallest_that_hold_their_share(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], test_share: float, validation_share: float
) -> None:
    n, total = len(sizes), sum(sizes)
    test = max(i for i in range(n) if sum(sizes[i:]) >= test_share * total)
    validation = max((i for i in range(test) if sum(sizes[i:test]) >= validation_share * total), default=0)
    paragraphs = [chr(ord("a") + i % 26) * size for i, size in enumerate(sizes)]
    texts = {"it": {"parts": [{"source": _file(tmp_path_factory.mktemp("it") / "a.txt", "\n\n".join(paragraphs))}]}}
    shares = {"test_share": test_share, "validation_share": validation_share}
    if validation == 0:
        assert f"the text has {total} characters in {n} paragraphs" in _error(texts, **shares)
        return
    splits = _load(texts, **shares)
    assert splits.train[0].input.split("\n\n") == paragraphs[:validation]
    assert splits.validation[0].input.split("\n\n") == paragraphs[validation:test]
    assert splits.test[0].input.split("\n\n") == paragraphs[test:]


def test_texts_are_labels_in_order_and_controls_have_none() -> None:
    splits = _load(
        {"night": _generated("prose_night"), "day": _generated("prose_day")},
        controls={"plain": _generated("prose_plain", 5)},
    )
    for part in (splits.train, splits.validation, splits.test):
        assert [(e.id, e.target) for e in part] == [("night", 0), ("day", 1)]
    assert [(e.id, e.target) for e in splits.controls] == [("plain", -1)]
    assert "alas" in splits.test[0].input
    assert "alas" not in splits.test[1].input


# --- summary ---------------------------------------------------------------------------------------------------------


def test_summary_counts_paragraphs_repetitions_and_leaks(tmp_path: Path) -> None:
    # 10 + 3 + 7 paragraphs of two characters at shares of 0.15 and 0.35
    one = "a1 A1 a2 a3 a4 a5 a6 a7 a8 a9 v1 v2 V1 b1 a1 t1 t2 t3 T1 t1".split()
    two = "b1 b2 b3 b4 b5 b6 b7 b8 b9 b0 a1 w1 w2 a2 b2 u1 u2 u3 t1 t2".split()
    first, second = _file(tmp_path / "a.txt", "\n\n".join(one)), _file(tmp_path / "b.csv", "\n".join(["text", *two]))
    splits = _load(
        {"one": {"parts": [{"source": first}]}, "two": {"parts": [{"source": second, "column": "text"}]}},
        controls={"other": {"parts": [{"source": _file(tmp_path / "c.txt", "a1\n\nA1\n\nc")}]}},
        test_share=0.35,
        validation_share=0.15,
    )
    summaries = splits.summary.splits
    assert {name: (s.n_examples, s.exact_duplicates, s.unit) for name, s in summaries.items()} == {
        "train": (20, 1, "paragraphs"),
        "validation": (6, 1, "paragraphs"),
        "test": (14, 4, "paragraphs"),  # T1, t1; and t1, t2 of the other text
        "control other": (3, 1, "paragraphs"),
    }
    assert splits.summary.train_test_overlap == 4  # b1, a1; a2, b2
    assert summaries["test"].source.startswith("local:a.txt#sha256:")
    assert "; local:b.csv#sha256:" in summaries["test"].source


def test_fingerprints_are_sha256_over_names_texts_and_labels(tmp_path: Path) -> None:
    def lines(*values: list[Any]) -> str:
        return hashlib.sha256("".join(json.dumps(value) + "\n" for value in values).encode()).hexdigest()

    text = {"parts": [{"source": _file(tmp_path / "a.txt", "a\n\nb\n\nc")}]}
    splits = _load({"one": text}, controls={"two": text})
    prints = {name: s.fingerprint for name, s in splits.summary.splits.items()}
    assert prints == {
        "train": lines(["one", "a", 0]),
        "validation": lines(["one", "b", 0]),
        "test": lines(["one", "c", 0]),
        "control two": lines(["two", "a\n\nb\n\nc", -1]),
    }
    assert splits.summary.fingerprint == lines(*([value] for value in prints.values()))


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "part", "message"),
    [
        ("a.txt", "One.", {"start_at": "Two"}, "no line begins with start_at = 'Two'"),
        ("a.txt", "One.", {"where": {"part": "1"}}, "where = {'part': '1'} means nothing for plain text; leave it out"),
        ("a.csv", "text\nx\n", {"column": "text", "start_at": "x"}, "start_at = 'x' means nothing for these rows"),
        ("a.csv", "text\nx\n", {"column": "text", "table": "x"}, "table = 'x' means nothing for these rows"),
        ("a.csv", "text,n\nx,1\n", {}, "`column` must name the one with the paragraphs; the source has: text, n"),
        ("a.csv", "text,n\nx,1\n", {"column": "body"}, "there is no column 'body'; the source has: text, n"),
        ("a.csv", "text\nx\n", {"column": "text", "where": {"n": "1"}}, "there is no column 'n'; the source has: text"),
        ("a.jsonl", '{"a": "x"}\n{"a": 1}', {"column": "a"}, "row 1: a is 1, expected a text"),
        ("a.epub", "x", {}, "cannot read .epub; allowed: .csv, .jsonl, .tsv, .txt"),
        ("a.db", "x" * 200, {"table": "t", "column": "a"}, "a.db cannot be read as SQLite (file is not a database)"),
    ],
)
def test_error_of_a_part_that_does_not_fit_its_source(
    tmp_path: Path, name: str, content: str, part: dict[str, Any], message: str
) -> None:
    texts = {"day": _generated("prose_day"), "it": {"parts": [{"source": _file(tmp_path / name, content), **part}]}}
    error = _error(texts)
    assert message in error
    assert error.startswith("data.texts.it.parts.0: ") or name == "a.epub"


@pytest.mark.parametrize("table", [None, "verse"])
def test_error_a_table_that_is_not_there(tmp_path: Path, table: str | None) -> None:
    source = _database(tmp_path / "a.sqlite", {"verses": [(1, "x")], "books": []})
    error = _error({"it": {"parts": [{"source": source, "table": table, "column": "verse"}]}})
    assert error == f"data.texts.it.parts.0: table = {table!r} is not in a.sqlite; allowed: books, verses"


def test_error_remove_is_not_a_regular_expression() -> None:
    error = _error({"it": {**_generated("prose_day"), "remove": "(a"}})
    assert error.startswith("data.texts.it.remove: '(a' is not a regular expression: missing )")


def test_error_no_text_is_left() -> None:
    control = {"it": {**_generated("prose_day"), "remove": ".*"}}
    assert _error({"day": _generated("prose_day")}, controls=control).startswith("data.controls.it: no text is left")


def test_error_a_text_too_short_to_cut(tmp_path: Path) -> None:
    error = _error({"it": {"parts": [{"source": _file(tmp_path / "a.txt", "four\n\nfive!")}]}})
    assert error.startswith(
        "data.texts.it: no training part is left: the text has 9 characters in 2 paragraphs that stay whole; "
        "give more text, or lower data.test_share = 0.1 and data.validation_share = 0.05"
    )


@pytest.mark.parametrize("n", [40, 80])
def test_error_one_author_twice(n: int) -> None:
    texts = {"day": _generated("prose_day"), "night": _generated("prose_night"), "noon": _generated("prose_day", n)}
    assert _error(texts).startswith("data.texts.day and data.texts.noon are one author twice")
