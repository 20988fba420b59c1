"""The store: one place that knows where things lie, and objects that read a file once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from factories import make_record, write_cell

from bench.core.errors import InputError
from bench.records.making import from_runs
from bench.records.store import (
    CURVE_FILE,
    LOCK_FILE,
    PREDICTIONS_FILES,
    RECORD_FILE,
    STATISTICS_FILE,
    ResultName,
    Store,
    StoredBaseline,
    StoredRun,
    write_baseline,
)

PACKAGE = Path(__file__).parents[2] / "bench"
NAMES = {RECORD_FILE, LOCK_FILE, STATISTICS_FILE, CURVE_FILE, *PREDICTIONS_FILES.values()}
NAME = ResultName("sentiment_sst2", "documented", "frozen_body")


def strings_of_code(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that is no docstring."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def test_nobody_else_names_a_stored_file_or_a_seeds_folder() -> None:
    others = [file for file in PACKAGE.rglob("*.py") if not file.is_relative_to(PACKAGE / "records" / "store")]
    found = [
        f"{file.relative_to(PACKAGE)}:{line}: {text}"
        for file in others
        for line, text in strings_of_code(file)
        if text in NAMES or text.startswith("seed-*/")
    ]
    assert found == []


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (folder,) = write_cell(tmp_path, make_record())
    run = StoredRun(file=folder / RECORD_FILE)
    first = (run.record, run.statistics, run.predictions, run.predictions_before, run.curve)
    for name in (RECORD_FILE, STATISTICS_FILE, CURVE_FILE, *PREDICTIONS_FILES.values()):
        (folder / name).unlink()
    again = (run.record, run.statistics, run.predictions, run.predictions_before, run.curve)
    assert all(value is kept for value, kept in zip(again, first, strict=True))


def test_a_store_hands_out_the_same_object_again(tmp_path: Path) -> None:
    write_baseline(*from_runs(write_cell(tmp_path / "runs", make_record()), reason="r"), root=tmp_path / "baselines")
    store = Store(runs_root=tmp_path / "runs", roots=[tmp_path / "baselines"])
    (run,) = store.newest_runs(NAME)
    assert store.runs_in(run.folder) == store.runs_in(run.folder.parent) == (run,)
    assert store.open(run.file, mend="") is run
    baseline = store.baseline_of(NAME)
    assert baseline is not None
    assert store.open(baseline.path, mend="") is baseline
    assert store.locate_baseline(str(NAME)) is baseline
    assert store.baselines() == [baseline]


def test_a_json_file_is_a_run_or_a_baseline_by_what_it_holds(tmp_path: Path) -> None:
    folders = write_cell(tmp_path / "runs", make_record())
    path = write_baseline(*from_runs(folders, reason="r"), root=tmp_path / "baselines")
    store = Store(runs_root=None, roots=[tmp_path])
    assert isinstance(store.open(path, mend=""), StoredBaseline)
    assert isinstance(store.open(folders[0] / RECORD_FILE, mend=""), StoredRun)
    odd = tmp_path / "odd.json"
    odd.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"odd\.json: cannot be read as JSON .*; give a run"):
        store.open(odd, mend="give a run")


def test_the_newest_config_is_the_one_whose_latest_run_started_last(tmp_path: Path) -> None:
    older, newer = make_record(1), make_record(2, config__training__epochs=5)  # seed 2 starts a minute later
    write_cell(tmp_path, newer, older)
    store = Store(runs_root=tmp_path)
    assert store.names() == [NAME]
    assert set(store.configs(NAME)) == {older.config.key, newer.config.key}
    assert [run.record for run in store.newest_runs(NAME)] == [newer]
    assert store.newest_runs(NAME._replace(method="full")) == ()
    assert Store(runs_root=None).names() == []


def test_a_copy_of_a_record_has_nothing_beside_it(tmp_path: Path) -> None:
    (folder,) = write_cell(tmp_path, make_record())
    copy = folder / "copy.json"
    copy.write_bytes((folder / RECORD_FILE).read_bytes())
    run = StoredRun(file=copy)
    assert (run.is_copy, run.has_statistics, run.has_curve) == (True, False, False)
    assert run.record == make_record()
