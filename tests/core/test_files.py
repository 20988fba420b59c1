"""Files that people write: what cannot be used is one error that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import InputError
from bench.core.files import DEEPEST, parse_toml, read_json, read_rows, read_toml
from bench.suites.resolve import load_suite, parse_override


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "Invalid value"),
        ("a = " + "[" * 5000 + "]" * 5000, f"it nests more than {DEEPEST} levels deep"),
        ("[" + ".".join("a" * 500) + "]", f"it nests more than {DEEPEST} levels deep"),
        ('a = {b = ["x\\u0000y"]}', "it holds a NUL character"),
        ('"a\\u0000" = 1', "it holds a NUL character"),
    ],
)
def test_toml_that_cannot_be_used_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"the file: cannot be read as TOML: {message}"):
        read_toml(file, shown="the file")


def test_bytes_that_are_no_text_and_a_file_that_is_not_there_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"a = '\xff'")
    for name in ("a.toml", "b.toml"):
        with pytest.raises(InputError, match=rf"{name}: cannot be read as TOML"):
            read_toml(tmp_path / name)


def test_toml_of_any_depth_in_use_is_read() -> None:
    assert parse_toml("a.b.c = [[1], [{d = 'x'}]]") == {"a": {"b": {"c": [[1], [{"d": "x"}]]}}}


def test_a_value_after_set_is_held_to_the_same() -> None:
    with pytest.raises(InputError, match="the value is not valid TOML: it holds a NUL character"):
        parse_override("title='a\\u0000'".replace("'", '"'))
    with pytest.raises(InputError, match="the value is not valid TOML: it nests more than"):
        parse_override("a=" + "[" * 2000 + "]" * 2000)


@pytest.mark.parametrize("key", ["methods", "profiles"])
@pytest.mark.parametrize("value", ["3", "true", "1.5", "'x'", "[]", "[{}]"])
def test_tables_of_another_type_are_bad_input(tmp_path: Path, key: str, value: str) -> None:
    values = {"suite": "'mine'", "method": "'full'", "methods": "{}", "profiles": "{}", key: value}
    (tmp_path / "mine").mkdir()
    text = "".join(f"{name} = {written}\n" for name, written in values.items())
    (tmp_path / "mine" / "suite.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"mine/suite\.toml: {key} must be tables by name, got "):
        load_suite(tmp_path / "mine")


def test_json_that_nests_without_end_and_lines_that_are_no_objects_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match=r"deep\.json: cannot be read as JSON \(it nests too deep\); mend it"):
        read_json(tmp_path / "deep.json", mend="mend it")
    for line in ("{", "3", "[" * 100_000):
        (tmp_path / "rows.jsonl").write_text(f'{{"a": 1}}\n{line}\n', encoding="utf-8")
        with pytest.raises(InputError, match=r"rows\.jsonl:2: cannot be read as a line of JSON"):
            read_rows(tmp_path / "rows.jsonl")
