"""Files of outputs: what is a row, whatever the ending, the packing and the line ends; and what is said of odd ones."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import InputError
from bench.metrics.reading.outputs import OutputColumns, read_outputs
from bench.metrics.reading.rows import read_rows
from bench.metrics.reading.values import parse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ROWS = [("the cat sat", "a cat sat"), ("", "it rained"), ('she said "no", twice', "two\nlines"), ("naïve 猫 🐈", "ok")]
RECORDS = [{"id": row, "prediction": p, "reference": r} for row, (p, r) in enumerate(ROWS)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
CSV = """id,reference,prediction
0,a cat sat,the cat sat
1,it rained,
2,"two
lines","she said ""no"", twice"
3,ok,naïve 猫 🐈
"""


def file_of(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def read(predictions: Path, references: Path | None = None) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Return pairs, and the notes without the folder."""
    outputs = read_outputs(predictions, references)
    assert outputs.references is not None
    pairs = list(zip(outputs.predictions.values, outputs.references.values, strict=True))
    return pairs, [note.replace(f"{predictions.parent}/", "") for note in outputs.notes]


@pytest.mark.parametrize("name", ["b.jsonl", "b.JSONL", "b.json", "b.ndjson", "b.txt", "b", "b.out"])
@pytest.mark.parametrize(
    "content",
    [
        LINES,
        LINES.removesuffix(b"\n"),
        LINES.replace(b"\n", b"\r\n"),
        LINES.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + LINES,
        json.dumps(RECORDS).encode(),
        json.dumps(RECORDS, indent=2, ensure_ascii=False).encode(),
        b"\n " + json.dumps(RECORDS, indent=1).encode() + b"\n\n",
    ],
    ids=["lines", "no end", "crlf", "cr", "mark", "array", "pretty array", "array amid blanks"],
)
def test_json_is_read_whatever_the_ending(tmp_path: Path, name: str, content: bytes) -> None:
    pairs, notes = read(file_of(tmp_path, name, content))
    assert pairs == ROWS
    assert any("4 JSON objects, read as rows" in note for note in notes) == (Path(name).suffix in ("", ".txt", ".out"))


@pytest.mark.parametrize("name", ["b.csv", "b.CSV", "b.csv.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_has_columns_in_any_order(tmp_path: Path, name: str, end: str) -> None:
    content = CSV.replace("\n", end).encode()
    pairs, notes = read(file_of(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content))
    assert [(p, r.replace("\r", "")) for p, r in pairs] == ROWS
    assert notes == []


def test_tsv_has_no_quoting_and_says_so(tmp_path: Path) -> None:
    file = file_of(tmp_path, "b.tsv", b'prediction\treference\nhe said "no"\tx\n"all"\ty\n')
    pairs, notes = read(file)
    assert pairs == [('he said "no"', "x"), ('"all"', "y")]
    assert notes == ["b.tsv: 1 value in quotation marks, which in a TSV are part of the text"]


@pytest.mark.parametrize(
    ("pack", "ending"),
    [
        (gzip.compress, ".gz"),
        (bz2.compress, ".bz2"),
        (lzma.compress, ".xz"),
        (zstd.compress, ".zst"),
        (gzip.compress, "bin"),
    ],
)
def test_packed_files_are_known_by_their_bytes(tmp_path: Path, pack: Any, ending: str) -> None:
    assert read(file_of(tmp_path, f"b.jsonl{ending}", pack(LINES)))[0] == ROWS
    half = len(LINES) // 2
    assert read(file_of(tmp_path, f"c.jsonl{ending}", pack(LINES[:half]) + pack(LINES[half:])))[0] == ROWS
    broken = file_of(tmp_path, f"d.jsonl{ending}", pack(LINES * 50)[:-9])
    with pytest.raises(InputError, match=r"d\.jsonl[.\w]*: cannot be unpacked as \w+ \(.*; copy or make"):
        read(broken)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    file = file_of(tmp_path, "b.csv", b"output,gold\na,b\n")
    outputs = read_outputs(file, None, columns=OutputColumns(prediction="output", reference="gold"))
    assert outputs.references is not None
    assert (outputs.predictions.values, outputs.references.values) == (["a"], ["b"])
    with pytest.raises(InputError, match=r"b\.csv: the column 'output' is compared with itself"):
        read_outputs(file, None, columns=OutputColumns(prediction="output", reference="output"))


def test_bare_values_of_one_side_are_rows(tmp_path: Path) -> None:
    wanted = file_of(tmp_path, "r.txt", b"x\ny\n")
    for content in (b'["a", "b"]', b'[\n  "a",\n  "b"\n]\n', b'"a"\n"b"\n'):
        assert read(file_of(tmp_path, "p.json", content), wanted)[0] == [("a", "x"), ("b", "y")]
    tags = file_of(tmp_path, "t.jsonl", b'["O", "B-PER"]\n["O"]\n')
    assert read(tags, tags)[0] == [(["O", "B-PER"], ["O", "B-PER"]), (["O"], ["O"])]


# --- text files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predictions", "references", "pairs", "notes"),
    [
        (b"a\nb\n", b"x\ny", [("a", "x"), ("b", "y")], []),
        (b"a\n\nc\n", b"x\ny\nz\n", [("a", "x"), ("", "y"), ("c", "z")], []),
        (
            b"a\n\n",
            b"x\n\n",
            [("a", "x")],
            ["p.txt: 1 blank line at the end, read as no row", "r.txt: 1 blank line at the end, read as no row"],
        ),
        (b"a\r\n \r\n\r\n", b"x\n", [("a", "x")], ["p.txt: 2 blank lines at the end, read as no row"]),
        (b"a\n", b"x\n\n", [("a", "x")], ["r.txt: 1 blank line at the end, read as no row"]),
        (
            b"a\n\n",
            b"x\ny\n",
            [("a", "x"), ("", "y")],
            ["p.txt: 1 blank line at the end, read as an empty text, since the other file has a row to it"],
        ),
        (
            b"a\rb\rc",
            b"x\ny\nz\n",
            [("a", "x"), ("b", "y"), ("c", "z")],
            ["p.txt: 3 lines, ended by carriage returns alone"],
        ),
        (
            b"a\rb\n\nc\n",
            b"x\ny\nz\n",
            [("a\rb", "x"), ("", "y"), ("c", "z")],
            ["p.txt: 1 of 3 lines with a carriage return inside, read as part of the text"],
        ),
        (
            b"\xef\xbb\xbfa\nb\n\xef\xbb\xbfc\n",
            b"x\ny\nz\n",
            [("a", "x"), ("b", "y"), ("c", "z")],
            ["p.txt: 2 lines with a byte order mark at the start, which is no part of it"],
        ),
        (
            b'{"text": "a"}\nb\n{"text": "c"}\n',
            b"x\ny\nz\n",
            [('{"text": "a"}', "x"), ("b", "y"), ('{"text": "c"}', "z")],
            ["p.txt: 2 of 3 lines that are JSON objects without the field 'prediction', read as texts"],
        ),
        (b"{a}\n[b]\n", b"x\ny\n", [("{a}", "x"), ("[b]", "y")], []),
        ("one\u2028two\x0bthree\x85four\n".encode(), b"x\n", [("one\u2028two\x0bthree\x85four", "x")], []),
    ],
)
def test_lines_of_text_are_rows_and_odd_ones_are_counted(
    tmp_path: Path, predictions: bytes, references: bytes, pairs: Any, notes: Any
) -> None:
    both = file_of(tmp_path, "p.txt", predictions), file_of(tmp_path, "r.txt", references)
    assert read(*both) == (pairs, notes)


def test_blank_lines_between_records_are_no_rows(tmp_path: Path) -> None:
    pairs, notes = read(file_of(tmp_path, "b.jsonl", LINES.replace(b"\n", b"\n\n")))
    assert (pairs, notes) == (ROWS, ["b.jsonl: 4 blank lines, read as no row"])
    pairs, notes = read(file_of(tmp_path, "b.csv", b"prediction,reference\na,b\n\n\n"))
    assert (pairs, notes) == ([("a", "b")], ["b.csv: 2 blank lines, read as no row"])


def test_generated_texts_have_no_blank_row_at_the_end(tmp_path: Path) -> None:
    outputs = read_outputs(file_of(tmp_path, "p.txt", b"a\n\nb\n\n"), None, compared=False)
    assert (outputs.predictions.values, outputs.references) == (["a", "", "b"], None)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "b.jsonl",
            b'{"prediction": "a", "reference": "b"}\n{"prediction": "a"',
            r"b\.jsonl:2: is not JSON \(Expecting",
        ),
        ("b.json", b'{\n"prediction": "a",\n"reference": "b"\n}', r"b\.json:1: is not JSON .*one array of objects"),
        ("b.json", b'[\n{"prediction": "a", "reference": "b"},\n{]', r"b\.json:3: is not JSON"),
        ("b.json", b'[{"prediction": "a",\n"reference": "b"}\n', r"b\.json:2: is not JSON \(Expecting ',' or '\]'"),
        (
            "b.json",
            b'[{"prediction": "a", "reference": "b"}\n]\nx',
            r"b\.json:3: is not JSON \(Text after",
        ),
        ("b.json", b"[]", r"b\.json: holds no row"),
        ("b.json", b"plain text\n", r"b\.json:1: is not JSON"),
        (
            "b.jsonl",
            b'\n{"prediction": "a"}\n',
            r"b\.jsonl:2: the field 'reference' is missing; its keys are pred",
        ),
        (
            "b.jsonl",
            b'{"prediction": "a", "prediction": "b", "reference": ""}',
            r":1: the field 'prediction' stands twice",
        ),
        ("b.csv", b"prediction,reference\na,b\nc,d,e\n", r"b\.csv:3: has 3 values but the header line names 2"),
        ("b.csv", b'prediction,reference\na,"b\nc\n', r"b\.csv:2: is not CSV \(unexpected end of data\)"),
        (
            "b.csv",
            b"prediction;reference\na;b\n",
            r"names no column 'prediction'; it names 'prediction;reference', parted by ';': save the file with commas",
        ),
        ("b.csv", b"prediction,prediction\na,b\n", r"the header line names 'prediction' 2 times"),
        ("b.csv", b"prediction,reference\n", r"b\.csv: has a header line and no row"),
        ("b.tsv", b"prediction\treference\na\n", r"b\.tsv:2: has 1 value but the header line names 2"),
        ("b.txt", "the cat\n".encode("utf-16"), r"b\.txt: is UTF-16; save the file as UTF-8"),
        ("b.csv", "the cat\n".encode("utf-16-be"), r"b\.csv:1: holds a NUL byte, so the file is UTF-16 without"),
        ("b.jsonl", "the cat\n".encode("utf-32"), r"b\.jsonl: is UTF-32"),
        ("b.txt", b"a\nb\0c is a longer line\n", r"b\.txt:2: holds a NUL byte, so the file is no text"),
        ("b.txt", b"a\ncaf\xe9\n", r"b\.txt:2: is not UTF-8"),
        ("b.txt", b"PK\x03\x04\0\0", r"b\.txt: is a zip archive"),
        ("b.json", b"PAR1\0\0", r"b\.json: is a Parquet file"),
        ("b.txt", b"", r"b\.txt: the file is empty"),
        ("b.txt", b"\xef\xbb\xbf", r"b\.txt: the file is empty"),
        ("b.txt", gzip.compress(b"", mtime=0), r"b\.txt: the file is empty"),
        ("b.jsonl", b"\n\n", r"b\.jsonl: holds no row"),
    ],
)
def test_files_that_cannot_be_read_say_where_and_why(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(file_of(tmp_path, name, content))


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (
            b"a\n\n",
            b"x\ny\nz\n\n",
            r"p\.txt holds 2 predictions \(the last 1 line blank\) but .* 4 references \(the",
        ),
        (b"a\nb\nc\n", b"x\n", r"p\.txt holds 3 predictions but .*r\.txt holds 1 references; line n of one"),
        (b"\n\n", b"\n", r"p\.txt: holds nothing but blank lines"),
        (
            b'{"id": 1, "prediction": "a"}',
            b'{"id": 2, "reference": "a"}',
            r"p\.txt:1 has the id 1, but .*:1 has 2; bring",
        ),
        (
            b'{"id": 1, "prediction": "a"}\n{"id": 2, "prediction": "a"}',
            b'{"id": "2", "reference": "a"}\n{"id": "1", "reference": "a"}',
            "both files have the same ids: sort them alike",
        ),
    ],
)
def test_rows_of_two_files_must_belong_together(
    tmp_path: Path, predictions: bytes, references: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(file_of(tmp_path, "p.txt", predictions), file_of(tmp_path, "r.txt", references))


def test_a_name_that_is_no_path_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("a\0b")):
        with pytest.raises(InputError, match="cannot be read"):
            read_rows(path, ["prediction"])


@pytest.mark.parametrize(
    ("inputs", "prediction", "reference", "message"),
    [
        ("texts", '"good \\ud83d morning"', '"a"', "b.jsonl:1: holds half of a surrogate pair, U+D83D at character 6"),
        ("texts", '"a"', '["b", "\\udc00"]', "b.jsonl:1: holds half of a surrogate pair, U+DC00 at character 1"),
        ("texts", '"a"', "null", "b.jsonl:1: null is not a text"),
        ("texts", '"a"', "[]", "b.jsonl:1: [] is not a text"),
        ("texts", '["a"]', '"a"', "b.jsonl:1: ['a'] is not a text"),
        ("texts", "NaN", '"a"', "b.jsonl:1: nan is not a text"),
        ("texts", "[" * 300 + "]" * 300, '"a"', "is not a text"),
        ("labels", "1.0", "1", "b.jsonl:1: 1.0 is not a whole number"),
        ("labels", "true", "1", "b.jsonl:1: True is not a whole number"),
        ("labels", "1", "9223372036854775808", "b.jsonl:1: 9223372036854775808 is past 64 bits"),
        ("labels", "1", '"%s"' % ("9" * 5000), "is past 64 bits"),
        ("labels", "-1", "1", "b.jsonl:1: -1 is not a class number"),
        ("labels", '"spam"', "1", "b.jsonl:1: 'spam' is not a whole number, and"),
        ("labels", '"spam"', '""', "b.jsonl:1: '' is not the name of a label"),
        ("labels", '"1_0"', "1", "b.jsonl:1: '1_0' is not a whole number"),
        ("losses", "1e999", "1", "b.jsonl:1: inf is not a loss"),
        ("losses", "-1", "1", "b.jsonl:1: -1 is not a loss"),
        ("losses", "1" * 400, "1", "b.jsonl:1: 1111111111111111111111111111111111111... is not a number"),
        ("losses", "1", "0", "b.jsonl:1: 0 is not a token count"),
        ("styles", '"a"', '"alice"', "b.jsonl:1: 'alice' is not a whole number"),
        ("tags", '["O"]', '"O O"', "b.jsonl:1: has 1 label, but b.jsonl:1 has 2"),
        ("tags", '["O", 1.5]', '"O O"', "b.jsonl:1: 1.5 is not a whole number"),
        ("tags", "1", '"O"', "b.jsonl:1: 1 is no list of labels"),
    ],
)
def test_values_of_another_kind_are_placed(
    tmp_path: Path, inputs: Any, prediction: str, reference: str, message: str
) -> None:
    file = file_of(tmp_path, "b.jsonl", f'{{"prediction": {prediction}, "reference": {reference}}}\n'.encode())
    outputs = read_outputs(file, None)
    with pytest.raises(InputError) as caught:
        parse(inputs, outputs.predictions, outputs.references)
    assert message in str(caught.value).replace(f"{tmp_path}/", "")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        (b"prediction,reference\n1, 1\n+0,01\n", ([1, 0], [1, 1])),
        (b"prediction,reference\nham,spam\n spam,spam\n", (["ham", "spam"], ["spam", "spam"])),
    ],
)
def test_labels_are_numbers_or_names(tmp_path: Path, content: bytes, labels: Any) -> None:
    outputs = read_outputs(file_of(tmp_path, "b.csv", content), None)
    assert parse("labels", outputs.predictions, outputs.references) == labels


def test_names_in_json_may_look_like_numbers(tmp_path: Path) -> None:
    rows = b'{"prediction": "1", "reference": "other"}\n{"prediction": "2", "reference": "2"}\n'
    outputs = read_outputs(file_of(tmp_path, "b.jsonl", rows), None)
    assert parse("labels", outputs.predictions, outputs.references) == (["1", "2"], ["other", "2"])
