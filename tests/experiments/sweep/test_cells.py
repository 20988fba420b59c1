"""One cell: done, stored, failed or held by another sweep, and what is left on disk."""

from __future__ import annotations

from pathlib import Path

import fake_runs
import pytest

from bench.core.locks import clear_scratch, hold
from bench.experiments.sweep import SweepCell, plan
from bench.experiments.sweep.cells import CellJob, Runner, Stopped, run_cell
from bench.running.settings import RunSettings


@pytest.fixture
def cell(tmp_path: Path) -> SweepCell:
    return plan(["imdb"], profile="tiny", seeds=(1,), settings=RunSettings(runs_root=tmp_path)).cells[0].cell


def _task(cell: SweepCell, root: Path, run: Runner = fake_runs.store, *, force: bool = False) -> CellJob:
    return CellJob(cell=cell, settings=RunSettings(runs_root=root, force=force), run=run)


def _stale(folder: Path) -> Path:
    """Leave what a killed `atomic_folder` leaves."""
    scratch = folder.with_name(f".{folder.name}-abc123") / "new"
    scratch.mkdir(parents=True)
    (scratch / "weights").write_bytes(b"half")
    return scratch.parent


def test_a_cell_runs_once_and_again_only_by_force(cell: SweepCell, tmp_path: Path) -> None:
    assert run_cell(_task(cell, tmp_path)).state == "done"
    again = run_cell(_task(cell, tmp_path, fake_runs.fail_on_seed_1))
    assert (again.state, again.message) == ("stored", None)
    assert run_cell(_task(cell, tmp_path, force=True)).state == "done"


def test_an_error_of_ours_is_one_line_and_the_traceback_a_file(cell: SweepCell, tmp_path: Path) -> None:
    failed = run_cell(_task(cell, tmp_path, fake_runs.fail_on_seed_1))
    assert failed.state == "failed"
    assert failed.message == "the loss left the numbers; lower training.learning_rate"
    assert failed.log is not None
    assert failed.log.parent == cell.folder(tmp_path).parent
    assert "Traceback" in failed.log.read_text(encoding="utf-8")
    assert run_cell(_task(cell, tmp_path)).state == "done"
    assert not failed.log.exists()


def test_a_foreign_error_says_its_type_and_where_it_was_raised(cell: SweepCell, tmp_path: Path) -> None:
    other = SweepCell(config=cell.config, seed=2)
    message = run_cell(_task(other, tmp_path, fake_runs.fail_on_seed_1)).message
    assert message is not None
    assert message.startswith("ZeroDivisionError: by zero (")
    assert message.endswith(", in fail_on_seed_1)")
    left = run_cell(_task(cell, tmp_path, fake_runs.exit_on_seed_1))
    assert left.state == "failed"
    assert left.message is not None
    assert left.message.startswith("SystemExit: 3")


def test_being_told_to_stop_is_no_failure_of_the_cell(cell: SweepCell, tmp_path: Path) -> None:
    def stopped(*_: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        run_cell(_task(cell, tmp_path, stopped))
    assert not list(tmp_path.rglob("*.log"))


def test_a_cell_that_another_sweep_holds_is_left_to_it(cell: SweepCell, tmp_path: Path) -> None:
    folder = cell.folder(tmp_path)
    with hold(folder, wait=False):
        scratch = _stale(folder)
        assert run_cell(_task(cell, tmp_path)).state == "busy"
        clear_scratch(folder)
        assert scratch.exists()
    clear_scratch(folder)
    assert not scratch.exists()
    assert run_cell(_task(cell, tmp_path)).state == "done"


def test_what_a_killed_run_left_is_cleared_and_nothing_else(cell: SweepCell, tmp_path: Path) -> None:
    folder = cell.folder(tmp_path)
    stale, of_another = _stale(folder), _stale(folder.with_name("seed-10"))
    assert run_cell(_task(cell, tmp_path)).state == "done"
    assert not stale.exists()
    assert of_another.exists()
    assert (folder / "record.json").is_file()
