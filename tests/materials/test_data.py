"""Rows out of files: reading, picking, labels, fingerprints, leaks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.config import DataConfig
from bench.config.task import TargetKind
from bench.core.errors import InputError
from bench.materials.load import load_splits
from bench.materials.splits import Splits
from bench.materials.tables import read_file


def _read(tmp_path: Path, name: str, content: str | bytes) -> list[dict[str, Any]]:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [dict(row) for row in read_file(file, root=tmp_path)]


def _splits(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    *,
    labels: tuple[str, ...] = (),
    kind: TargetKind | None = None,
    **changes: Any,
) -> Splits:
    """Load `rows` as every split; `changes` are other `[data]` keys, a split's table among them."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    values = {
        "source": {"kind": "local", "path": str(file)},
        "input_column": "text",
        "target_column": "target",
        "labels": labels,
        "train": {},
        "validation": {},
        "test": {},
    }
    target = kind or ("label" if labels else "text")
    return load_splits(DataConfig.model_validate(values | changes), target=target)


def _rows(*texts: str) -> list[dict[str, Any]]:
    return [{"text": text, "target": f"<{text}>"} for text in texts]


# --- readers ---------------------------------------------------------------------------------------------------------


def test_csv_keeps_newlines_commas_and_quotes_inside_quotes(tmp_path: Path) -> None:
    rows = _read(tmp_path, "a.csv", 'text,label\r\n"one\ntwo, ""three""",1\r\nfour,0\r\n')
    assert rows == [{"text": 'one\ntwo, "three"', "label": "1"}, {"text": "four", "label": "0"}]


def test_csv_takes_texts_longer_than_the_csv_modules_own_limit(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "a.csv", f"text\n{'x' * 200_000}\n")[0]["text"]) == 200_000


def test_tsv_takes_quotation_marks_as_text(tmp_path: Path) -> None:
    rows = _read(tmp_path, "a.tsv", 'sentence\tlabel\n"half a quote\t1\nit\'s "fine"\t0\n')
    assert rows == [{"sentence": '"half a quote', "label": "1"}, {"sentence": 'it\'s "fine"', "label": "0"}]


def test_jsonl_skips_blank_lines_and_keeps_types(tmp_path: Path) -> None:
    assert _read(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": "b"}') == [{"a": 1}, {"a": "b"}]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_jsonl_unicode_line_separators_do_not_split_lines(tmp_path: Path, separator: str) -> None:
    text = f"one{separator}two"
    ascii_only = separator < " "
    assert _read(tmp_path, "a.jsonl", json.dumps({"a": text}, ensure_ascii=ascii_only) + "\n") == [{"a": text}]


def test_jsonl_takes_windows_line_ends(tmp_path: Path) -> None:
    assert _read(tmp_path, "a.jsonl", '{"a": 1}\r\n{"a": 2}\r\n') == [{"a": 1}, {"a": 2}]


def test_txt_is_a_headline_and_a_body_on_one_line(tmp_path: Path) -> None:
    rows = _read(tmp_path, "sport/001.txt", "\n Cup won \n\nThe cup\nwas won.\n\n  Twice. \n")
    assert rows == [{"file": "sport/001.txt", "headline": "Cup won", "body": "The cup was won. Twice."}]


def test_bytes_that_are_not_utf8_are_read_as_cp1252(tmp_path: Path) -> None:
    assert _read(tmp_path, "a.txt", b"\xa310m deal\n\x93Yes\x94") == [
        {"file": "a.txt", "headline": "£10m deal", "body": "“Yes”"}
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    assert _read(tmp_path, "a.csv", b"\xef\xbb\xbftext\nx\n") == [{"text": "x"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", "x", "cannot read .parquet; allowed: .csv, .jsonl, .tsv, .txt"),
        ("README", "x", "cannot read a file without suffix"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "a.jsonl:2: not JSON"),
        ("a.tsv", "text\tlabel\none\rtwo\t1\n", "a.tsv:1: new-line character seen in unquoted field"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: expected an object, got list"),
        ("a.jsonl", '{"a": "x"}\n{"a": "\\ud83d"}\n', "a.jsonl:2: holds half of a surrogate pair"),
        ("a.jsonl", f'{{"a": {"[" * 99_999}{"]" * 99_999}}}', "a.jsonl:1: is nested too deep"),
        ("a.csv", "text\nx\n".encode("utf-16"), "a.csv: is UTF-16 or UTF-32; save the file as UTF-8"),
        ("a.csv", "text\nx\n".encode("utf-16-be"), "a.csv: is UTF-16 or UTF-32; save the file as UTF-8"),
    ],
)
def test_error_of_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, name, content)
    assert message in str(caught.value)


# --- picking ---------------------------------------------------------------------------------------------------------


def test_start_and_stop_cut_after_where_and_deduplicate(tmp_path: Path) -> None:
    texts = ["a", "b", "a", "c", "b", "d", "e"]
    rows = [{"text": text, "target": "t", "part": "in" if i != 3 else "out"} for i, text in enumerate(texts)]
    train = {"where": {"part": "in"}, "deduplicate": True, "start": 1, "stop": 3}
    splits = _splits(tmp_path, rows, train=train)
    assert [(e.id, e.input) for e in splits.train] == [("1", "b"), ("5", "d")]


def test_where_compares_as_text(tmp_path: Path) -> None:
    rows = [{"text": f"{n}", "target": "t", "year": n} for n in (1999, 2000)]
    assert [e.input for e in _splits(tmp_path, rows, test={"where": {"year": "2000"}}).test] == ["2000"]


def test_hash_order_is_sha256_of_the_input_and_does_not_follow_the_file(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(20)]
    expected = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
    for in_file in (texts, texts[::-1]):
        splits = _splits(tmp_path, _rows(*in_file), train={"order": "hash", "stop": 5})
        assert [e.input for e in splits.train] == expected[:5]
    assert [e.input for e in splits.test] == texts[::-1]


def test_ids_are_positions_in_the_source_or_the_id_column(tmp_path: Path) -> None:
    rows = [row | {"key": f"k{i}"} for i, row in enumerate(_rows(*"abcdefghijkl"))]
    assert [e.id for e in _splits(tmp_path, rows, train={"start": 9, "stop": 11}).train] == ["09", "10"]
    assert [e.id for e in _splits(tmp_path, rows, id_column="key", train={"stop": 2}).train] == ["k0", "k1"]


def test_a_column_says_which_rows_belong_together(tmp_path: Path) -> None:
    rows = [row | {"passage": passage} for row, passage in zip(_rows(*"abcd"), ["x", 7, "x", "y"], strict=True)]
    splits = _splits(tmp_path, rows, group_column="passage")
    assert [e.group for e in splits.test] == ["x", "7", "x", "y"]
    summary, plain = splits.summary, _splits(tmp_path, rows).summary
    assert (summary.splits["test"].n_groups, plain.splits["test"].n_groups) == (3, None)
    assert summary.fingerprint == plain.fingerprint  # the rows are the same
    renamed = [row | {"passage": f"p{row['passage']}"} for row in rows]
    moved = [row | {"passage": i // 2} for i, row in enumerate(rows)]
    same, other = (_splits(tmp_path, given, group_column="passage").summary for given in (renamed, moved))
    fingerprints = [given.splits["test"].groups_fingerprint for given in (summary, same, other)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


@pytest.mark.parametrize("passage", [None, "", " "])
def test_error_a_row_of_no_group(tmp_path: Path, passage: str | None) -> None:
    rows = [row | {"passage": "x"} for row in _rows(*"abc")]
    rows[1]["passage"] = passage
    with pytest.raises(InputError, match=r"data\.train: row 1: passage is (missing|empty); every row belongs to one"):
        _splits(tmp_path, rows, group_column="passage")


def test_error_an_id_is_there_twice(tmp_path: Path) -> None:
    rows = [row | {"key": key} for row, key in zip(_rows(*"abcd"), ["k", 1, "l", "1"], strict=True)]
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, rows, id_column="key")
    assert str(caught.value).startswith("data.train: rows 1 and 3 both have key = '1'; an id must be there once")
    splits = {split: {"stop": 3} for split in ("train", "validation", "test")}
    assert [e.id for e in _splits(tmp_path, rows, id_column="key", **splits).train] == ["k", "1", "l"]


def _labelled(labels: str) -> list[dict[str, Any]]:
    return [{"text": f"text {i}", "target": label} for i, label in enumerate(labels)]


@pytest.mark.parametrize("order", ["source", "hash"])
@given(labels=st.text("abc", min_size=3, max_size=30).filter(lambda labels: set(labels) == set("abc")))
def test_balanced_rows_take_labels_in_turn_and_keep_their_order(
    tmp_path_factory: pytest.TempPathFactory, order: str, labels: str
) -> None:
    rows = _labelled(labels)
    splits = _splits(
        tmp_path_factory.mktemp("balanced"), rows, labels=tuple("abc"), train={"balanced": True, "order": order},
        validation={"order": order},
    )  # fmt: skip
    each = min(labels.count(label) for label in "abc")
    assert [e.target for e in splits.train] == [0, 1, 2] * each
    for number in range(3):
        in_order = [e for e in splits.validation if e.target == number]
        assert [e for e in splits.train if e.target == number] == in_order[:each]


def test_start_and_stop_count_balanced_rows_and_duplicates_go_first(tmp_path: Path) -> None:
    rows = [{"text": "text 0", "target": "a"}, *_labelled("aaaabbab")]
    train = {"balanced": True, "deduplicate": True, "start": 1, "stop": 5}
    splits = _splits(tmp_path, rows, labels=("a", "b"), train=train)
    # a: 0 1 2 3 6, of which the first stands in the row before; b: 4 5 7
    assert [e.input for e in splits.train] == ["text 4", "text 1", "text 5", "text 2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ()}, "data.test: balanced = true takes labels in turn, but rows of this task have none"),
        ({"labels": ("a", "b", "c")}, "none of the 3 rows that qualify has the label 'c'"),
        ({"test": {"balanced": True, "stop": 3}}, "stop = 3, but the source has 2 rows that qualify and balance"),
        ({"test": {"balanced": True, "start": 2}}, "no rows; the source has 2 that qualify and balance and start = 2"),
    ],
)
def test_error_rows_cannot_be_balanced(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, _labelled("aab"), **{"labels": ("a", "b"), "test": {"balanced": True}, **changes})
    assert message in str(caught.value)


@pytest.mark.parametrize(("given", "number"), [("positive", 1), ("1", 1), (1, 1), ("negative", 0), (0, 0)])
def test_labels_are_given_by_name_or_number(tmp_path: Path, given: str | int, number: int) -> None:
    splits = _splits(tmp_path, [{"text": "x", "target": given}], labels=("negative", "positive"))
    assert splits.test[0].target == number


@pytest.mark.parametrize("given", [2, -1, "2", "-1", "good", None, 0.5])
def test_error_unknown_label(tmp_path: Path, given: Any) -> None:
    rows = [{"text": "x", "target": "negative"}, {"text": "y", "target": given}]
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, rows, labels=("negative", "positive"))
    there = '"negative"' if given is None else f'"{given}", "negative"'
    expected = f"data.train: row 1: target is {given!r}; allowed: 0 to 1, or negative, positive"
    assert str(caught.value) == f"{expected}; the column holds data.labels = [{there}]"


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        # numbers are names here: 0 stars is no label, and not the first one
        (("1", "2", "3"), ["3", "1", "0"], r"row 2: target is '0'; allowed: 1, 2, 3; .*\[\"0\", \"1\", \"3\"\]"),
        (("1", "2", "3"), [2, 1, 0], "row 2: target is 0; allowed: 1, 2, 3"),
        (("0", "10"), ["0", "1"], "row 1: target is '1'; allowed: 0, 10"),
        (("no", "yes"), ["no", "yes", "1"], "row 0: target is 'no', which is a name, but .*row 2: target is '1'"),
        (("no", "yes"), [0, "yes"], "row 1: target is 'yes', which is a name, but .*row 0: target is 0"),
        (("no", "yes"), [True, False], "row 0: target is True; allowed: 0 to 1, or no, yes"),
        (("no", "yes"), ["01"], "row 0: target is '01'"),
    ],
)
def test_labels_are_names_or_numbers_and_never_a_mix(
    tmp_path: Path, labels: tuple[str, ...], given: list[Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _splits(tmp_path, [{"text": str(i), "target": label} for i, label in enumerate(given)], labels=labels)


def test_a_mix_of_names_and_numbers_is_found_over_splits(tmp_path: Path) -> None:
    rows = [{"text": str(i), "target": label} for i, label in enumerate(["no", "yes", "1"])]
    parts: dict[str, Any] = {"train": {"stop": 1}, "validation": {"start": 1, "stop": 2}, "test": {"start": 2}}
    with pytest.raises(InputError, match=r"data\.train: row 0: .* name, but data\.test: row 2: .* number"):
        _splits(tmp_path, rows, labels=("no", "yes"), **parts)


@pytest.mark.parametrize(
    ("labels", "given", "are"),
    [(("1", "2"), [2, "1"], "names"), (("no", "yes"), [1, "0"], "numbers"), ((), ["x"], None)],
)
def test_the_record_says_how_labels_are_given(
    tmp_path: Path, labels: tuple[str, ...], given: list[Any], are: str | None
) -> None:
    rows = [{"text": str(i), "target": label} for i, label in enumerate(given)]
    splits = _splits(tmp_path, rows, labels=labels)
    assert splits.summary.labels_are == are
    if labels:
        assert [example.target for example in splits.test] == [1, 0]


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (_rows("a"), {"input_column": "texts"}, "data.train: there is no column 'texts'; the source has: text, target"),
        (_rows("a"), {"id_column": "id"}, "data.train: there is no column 'id'"),
        (_rows("a"), {"test": {"where": {"part": "x"}}}, "data.test: there is no column 'part'"),
        (_rows("a", "b"), {"train": {"stop": 3}}, "data.train: stop = 3, but the source has 2 rows that qualify"),
        (_rows("a", "b"), {"test": {"start": 2}}, "data.test: no rows; the source has 2 that qualify and start = 2"),
        ([{"text": 3, "target": "t"}], {}, "data.train: row 0: text is 3, expected a text"),
        ([{"text": "a", "target": 3}], {}, "data.train: row 0: target is 3, expected a text"),
        ([*_rows("a"), {"text": "b"}], {}, "data.train: row 1: target is None, expected a text"),
        ([*_rows("a"), {"target": "b"}], {}, "data.train: row 1: text is None, expected a text"),
        ([_rows("a")[0] | {"k": 1}, *_rows("b")], {"id_column": "k"}, "data.train: row 1: k is missing"),
        ([], {}, "holds no rows"),
    ],
)
def test_error_rows_do_not_fit_the_suite(
    tmp_path: Path, rows: list[dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, rows, **changes)
    assert message in str(caught.value)


def test_error_a_line_with_too_many_fields_still_lists_the_columns(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,label\na,b,c\n", encoding="utf-8")
    source = {"kind": "local", "path": str(file)}
    values = {"source": source, "input_column": "text", "target_column": "target", "train": {}, "validation": {}}
    with pytest.raises(InputError, match="there is no column 'target'; the source has: text, label"):
        load_splits(DataConfig.model_validate(values | {"test": {}}))


# --- several references, and labels of words -------------------------------------------------------------------------


def _targets(splits: Splits) -> list[Any]:
    return [example.target for example in splits.train]


def test_a_row_may_have_several_references(tmp_path: Path) -> None:
    rows = [{"text": "a", "target": ["x", "y"]}, {"text": "b", "target": "z"}, {"text": "c", "target": ["w"]}]
    splits = _splits(tmp_path, rows)
    assert _targets(splits) == [("x", "y"), "z", "w"]
    assert [example.references for example in splits.train] == [("x", "y"), ("z",), ("w",)]
    line = '["0", "a", ["x", "y"]]\n["1", "b", "z"]\n["2", "c", "w"]\n'
    assert splits.summary.splits["train"].fingerprint == hashlib.sha256(line.encode()).hexdigest()


def test_several_columns_hold_a_reference_each_and_an_empty_one_is_left_out(tmp_path: Path) -> None:
    rows = [{"text": "a", "one": "x", "two": "y"}, {"text": "b", "one": "", "two": "z"}, {"text": "c", "one": "w"}]
    assert _targets(_splits(tmp_path, rows, target_column=["one", "two"])) == [("x", "y"), "z", "w"]
    assert _targets(_splits(tmp_path, rows, target_column=["two", "one"]))[0] == ("y", "x")
    with pytest.raises(InputError, match=r"data\.train: row 0: one, two are all empty; a row needs one text or more"):
        _splits(tmp_path, [{"text": "a", "one": None, "two": ""}], target_column=["one", "two"])


@pytest.mark.parametrize("target", [[], [1], ["x", None], {"x": 1}, 3, None])
def test_error_what_is_neither_a_text_nor_texts(tmp_path: Path, target: Any) -> None:
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, [{"text": "a", "target": target}])
    assert str(caught.value) == f"data.train: row 0: target is {target!r}, expected a text or a list of texts"


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a", "a"], "names a column twice"), ([], "must be the name of a column"), (3, "must be the name of a column")],
)
def test_error_columns_of_targets(tmp_path: Path, names: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        _splits(tmp_path, _rows("a"), target_column=names)


WORDS = ("O", "NAME")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (["Ada", "was", "here"], ["NAME", "O", "O"]),
        ("Ada was here", "NAME O O"),
        ("Ada was here", [1, 0, 0]),
    ],
)
def test_every_word_has_a_label(tmp_path: Path, text: Any, target: Any) -> None:
    splits = _splits(tmp_path, [{"text": text, "target": target}], labels=WORDS, kind="tags")
    assert [(e.input, e.target, e.references) for e in splits.train] == [("Ada was here", (1, 0, 0), ())]


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (" ", [], "text has no words; leave the row out by data.*.where"),
        ("Ada was", [1], "target has 1 labels for 2 words; give one for every word"),
        ("Ada was", [1, 2], 'target[1] is 2; allowed: 0 to 1, or O, NAME; the column holds data.labels = ["1", "2"]'),
        ("Ada was", 1, "target is 1, expected a label for every word"),
        (["Ada", "was here"], [1, 0], "text holds the word 'was here'; a word is not empty and has no space"),
        (["Ada", ""], [1, 0], "text holds the word ''; a word is not empty and has no space"),
        ([1, 2], [1, 0], "text is [1, 2], expected a text, or a list of words"),
    ],
)
def test_error_labels_of_words(tmp_path: Path, text: Any, target: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _splits(tmp_path, [{"text": text, "target": target}], labels=WORDS, kind="tags")
    assert str(caught.value) == f"data.train: row 0: {message}"


def test_a_list_of_words_is_a_text_for_no_other_task(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"text is \['a'\], expected a text"):
        _splits(tmp_path, [{"text": ["a"], "target": "x"}])


# --- summary ---------------------------------------------------------------------------------------------------------


def test_fingerprints_are_pinned(tmp_path: Path) -> None:
    splits = _splits(tmp_path, _rows("a", "b"))
    line = '["0", "a", "<a>"]\n["1", "b", "<b>"]\n'
    assert splits.summary.splits["train"].fingerprint == hashlib.sha256(line.encode()).hexdigest()
    assert splits.summary.fingerprint == "10a66bb02448ce2ec60626f2720d1c3bbc25fda2541dfc4536d89415fab79bbe"


def test_fingerprints_change_with_order_text_and_target_and_not_with_the_file(tmp_path: Path) -> None:
    def of(rows: list[dict[str, Any]], **changes: Any) -> str:
        return _splits(tmp_path, rows, **changes).summary.fingerprint

    rows = [row | {"key": row["text"]} for row in _rows("a", "b")]
    base = of(rows, id_column="key")
    assert of([*rows, {"text": "c", "target": "c", "key": "c"}], id_column="key",
              **{split: {"stop": 2} for split in ("train", "validation", "test")}) == base  # fmt: skip
    different = [
        of(rows[::-1], id_column="key"),
        of(rows),
        of([rows[0], rows[1] | {"text": "B"}], id_column="key"),
        of([rows[0], rows[1] | {"target": "B"}], id_column="key"),
        of(rows, id_column="key", test={"stop": 1}),
    ]
    assert len({base, *different}) == 1 + len(different)


def test_duplicates_and_leaks_are_counted(tmp_path: Path) -> None:
    rows = _rows("A  cat", "a dog", "a dog", "A cat", " a CAT ", "a fox")
    summary = _splits(tmp_path, rows, train={"stop": 3}, test={"start": 3}).summary
    assert summary.splits["train"].exact_duplicates == 1
    assert summary.splits["test"].exact_duplicates == 0
    assert summary.train_test_overlap == 2


def test_the_source_of_a_split_is_in_the_summary(tmp_path: Path) -> None:
    generated = {"kind": "generated", "name": "headlines", "n_examples": 3, "seed": 5}
    splits = _splits(tmp_path, _rows("a"), input_column="text", test={})
    assert splits.summary.splits["test"].source.startswith("local:rows.jsonl#sha256:")
    values = {"source": generated, "input_column": "body", "target_column": "headline"}
    config = DataConfig.model_validate(values | {"train": {}, "validation": {}, "test": {}})
    assert load_splits(config).summary.splits["test"].source == "generated:headlines?n=3&seed=5"
