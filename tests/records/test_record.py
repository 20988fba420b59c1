"""Records on disk: whole or not at all, exact, and refused where they do not fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from factories import make_record, write_run

from bench.core.errors import InputError
from bench.core.files import atomic_folder, canonical_json, read_rows, write_rows, write_text
from bench.records.store import read_record, read_statistics, run_folder, write_record, write_statistics


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- atomic writes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_atomic_folder_keeps_the_old_content_when_the_block_fails(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "seed-0"
    target.mkdir()
    (target / "record.json").write_text("old", encoding="utf-8")

    def fail() -> None:
        with atomic_folder(target) as scratch:
            (scratch / "record.json").write_text("new", encoding="utf-8")
            raise error

    with pytest.raises(error):
        fail()
    assert (target / "record.json").read_text(encoding="utf-8") == "old"
    assert _names(tmp_path) == ["seed-0"]


def test_atomic_folder_leaves_nothing_when_the_first_block_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "cell" / "seed-0"):
        raise RuntimeError
    assert _names(tmp_path / "cell") == []


def test_atomic_folder_replaces_the_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "seed-0"
    for name in ("first", "second"):
        with atomic_folder(target) as scratch:
            (scratch / name).touch()
            assert name not in (_names(target) if target.exists() else [])
    assert _names(target) == ["second"]
    assert _names(tmp_path) == ["seed-0"]


def test_write_text_replaces_and_leaves_no_scratch_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    write_text(file, "one")
    write_text(file, "zwei ü")
    assert file.read_bytes() == "zwei ü".encode()
    assert _names(file.parent) == ["a.txt"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_write_text_keeps_the_old_text_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(file, "two")
    assert (file.read_text(encoding="utf-8"), _names(tmp_path)) == ("one", ["a.txt"])


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_equal_and_its_bytes_repeat(tmp_path: Path) -> None:
    record = make_record(seed=3, scores__accuracy__value=1 / 3)
    write_record(tmp_path, record)
    first = (tmp_path / "record.json").read_bytes()
    again = read_record(tmp_path)
    write_record(tmp_path, again)
    assert (again, (tmp_path / "record.json").read_bytes()) == (record, first)
    assert again.scores["accuracy"].value == 1 / 3
    assert again.config.key == record.config_key
    assert read_record(tmp_path / "record.json") == record


def test_canonical_json_is_sorted_and_ends_with_a_newline() -> None:
    assert canonical_json({"b": 1.0, "a": ["é"]}) == '{\n  "a": [\n    "é"\n  ],\n  "b": 1.0\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_what_json_does_not_have(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"a": value})


def test_a_score_that_is_not_a_number_is_no_record() -> None:
    with pytest.raises(ValueError, match="finite number"):
        make_record(scores__accuracy__value=float("nan"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "there is no run record here; `bench run` writes one"),
        ("{", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        ("[]", "schema_version is None, this bench reads 1 to 2"),
        ({"schema_version": 3}, "schema_version is 3, this bench reads 1 to 2"),
        ({"seed": "three"}, "seed: Input should be a valid integer"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"model": {}}, "model.base: Field required"),
    ],
)
def test_error_names_the_file_and_what_is_wrong(tmp_path: Path, change: object, message: str) -> None:
    file = tmp_path / "record.json"
    if isinstance(change, dict):
        file.write_text(json.dumps(make_record().model_dump(mode="json") | change), encoding="utf-8")
    elif change is not None:
        file.write_bytes(change if isinstance(change, bytes) else str(change).encode())
    with pytest.raises(InputError) as caught:
        read_record(tmp_path)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_the_run_folder_holds_suite_profile_method_key_and_seed(tmp_path: Path) -> None:
    record = make_record(seed=2)
    folder = run_folder(tmp_path, record.config, 2)
    assert folder == tmp_path / "sentiment_sst2" / "documented" / "frozen_body" / record.config_key / "seed-2"
    assert read_record(write_run(folder, record)) == record


# --- rows and statistics ---------------------------------------------------------------------------------------------


def test_statistics_come_back_by_stage_and_metric(tmp_path: Path) -> None:
    given = {
        "before": {"accuracy": np.array([[0.0], [1.0]])},
        "after": {"accuracy": np.array([[1.0], [1.0]]), "sacrebleu": np.arange(12.0).reshape(2, 6)},
    }
    write_statistics(tmp_path, given)  # type: ignore[arg-type]
    got = read_statistics(tmp_path)
    assert {stage: sorted(by) for stage, by in got.items()} == {
        "before": ["accuracy"],
        "after": ["accuracy", "sacrebleu"],
    }
    for stage, by in given.items():
        for name, array in by.items():
            assert np.array_equal(got[stage][name], array)  # type: ignore[index]


def test_statistics_of_a_view_keep_their_order(tmp_path: Path) -> None:
    turned = np.arange(6.0).reshape(2, 3).T
    write_statistics(tmp_path, {"before": {}, "after": {"a": turned}})
    assert np.array_equal(read_statistics(tmp_path)["after"]["a"], turned)


def test_rows_keep_key_order_and_line_separators_in_texts(tmp_path: Path) -> None:
    rows = [{"b": "x\u2028y\x85", "a": 1 / 3}, {"b": "\n", "a": None}]
    write_rows(tmp_path / "rows.jsonl", rows)
    got = read_rows(tmp_path / "rows.jsonl")
    assert got == rows
    assert [list(row) for row in got] == [["b", "a"]] * 2
