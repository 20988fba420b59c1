"""`bench sweep`: what it reads, prints and ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from typer.testing import CliRunner

from bench.cli import sweep as verb
from bench.cli.app import app
from bench.core.errors import InputError
from bench.experiments.sweep import CellResult, SweepResult, plan
from bench.running.settings import RunSettings
from bench.suites.profile import resolve_suite

IMDB = ["sweep", "suites/imdb", "--profile", "tiny"]


def _invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def _stored(root: Path, seed: int) -> None:
    config = resolve_suite("imdb", profile="tiny", method="full")
    fake_runs.store(config, seed, RunSettings(runs_root=root))


def test_a_plan_counts_and_runs_nothing(tmp_path: Path) -> None:
    _stored(tmp_path, 1)
    command = [*IMDB, "--method", "full,head_only", "--method", "lora", "--seeds", "0-2,5", "--runs", str(tmp_path)]
    shown = _invoke(*command, "--plan")
    assert shown.exit_code == 0, shown.output
    assert "12 cells: 1 done already, 11 to run, 0 not applicable." in shown.output
    assert "3 of those to run should take 6.0 s" in shown.output
    assert "0, 2, 5" in shown.output
    values = json.loads(_invoke(*command, "--plan", "--json").stdout)
    assert (values["n_cells"], values["n_to_run"], values["expected_s"], values["n_expected"]) == (12, 11, 6.0, 3)
    assert [cell["done"] for cell in values["cells"]] == [False, True] + [False] * 10
    assert sorted(file.name for file in tmp_path.rglob("record.json")) == ["record.json"]


def test_what_does_not_apply_is_listed(tmp_path: Path) -> None:
    shown = _invoke("sweep", "gulliver", "--profile", "tiny", "--method", "oft,full", "--runs", str(tmp_path), "--plan")
    assert "gulliver, oft: does not apply: gpt2: " in shown.output


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run nothing, and keep what was asked for; seed 1 fails."""
    seen: dict[str, Any] = {}

    def run_sweep(planned: Any, **settings: Any) -> SweepResult:
        seen.update(settings, plan=planned)
        outcomes = tuple(
            CellResult(cell=one.cell, state="failed", message="why", log=Path("seed-1.failed.log"))
            if one.cell.seed == 1
            else CellResult(cell=one.cell, state="done", seconds=1.0)
            for one in planned.cells
        )
        return SweepResult(outcomes=outcomes, not_applicable=planned.not_applicable)

    monkeypatch.setattr(verb, "run_sweep", run_sweep)
    return seen


def test_failed_cells_are_listed_at_the_end_and_end_the_command_with_5(asked: dict[str, Any], tmp_path: Path) -> None:
    done = _invoke(*IMDB, "--seeds", "0-2", "--runs", str(tmp_path))
    assert done.exit_code == 5
    last = done.output.strip().splitlines()[-3:]
    assert last[0] == "failed: imdb · tiny · freeze_attention · seed 1: why"
    assert last[1].strip() == "seed-1.failed.log"
    assert last[2] == "3 cells: 2 run, 0 stored before, 1 failed."
    values = json.loads(_invoke(*IMDB, "--seeds", "1", "--runs", str(tmp_path), "--json").stdout)
    assert values["counts"] == {"done": 0, "stored": 0, "failed": 1}
    assert values["cells"][0]["message"] == "why"
    assert _invoke(*IMDB, "--runs", str(tmp_path)).exit_code == 0


def test_a_file_says_all_and_the_command_line_has_the_last_word(asked: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('suites = ["imdb"]\nprofile = "tiny"\nmethods = ["full", "lora"]\nseeds = "0,2"\nslots = 3\n')
    done = _invoke("sweep", str(file), "--slots", "2", "--runs", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert asked["engine"].slots == 2
    cells = [(one.cell.config.method_name, one.cell.seed) for one in asked["plan"].cells]
    assert cells == [("full", 0), ("full", 2), ("lora", 0), ("lora", 2)]
    assert isinstance(_invoke("sweep", str(file), "imdb").exception, InputError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "x"], "is no seed"),
        (["--slots", "0"], "slots: Input should be greater than or equal to 1"),
        (["--device", "gpu"], "device: Input should be 'auto', 'cpu', 'cuda' or 'mps' (got 'gpu')"),
        (["--engine", "slurm"], "engine: Input should be 'local' or 'ray'"),
        (["--method", "full,full"], "its cells come twice"),
    ],
)
def test_error_before_anything_runs(options: list[str], message: str, asked: dict[str, Any], tmp_path: Path) -> None:
    failed = _invoke(*IMDB, "--runs", str(tmp_path), *options).exception
    assert isinstance(failed, InputError)
    assert message in str(failed)
    assert not asked


@pytest.mark.parametrize(("seconds", "text"), [(4.24, "4.2 s"), (190.0, "3 min 10 s"), (7500.0, "2 h 5 min")])
def test_durations_as_people_say_them(seconds: float, text: str) -> None:
    assert verb.duration(seconds) == text


def test_a_log_has_a_line_for_each_cell_with_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.experiments.sweep.running import Tally

    cells = [
        one.cell
        for one in plan(["imdb"], profile="tiny", seeds=range(3), settings=RunSettings(runs_root=tmp_path)).cells
    ]
    with verb._Shown() as shown:
        shown.watch(None, Tally(n_cells=3, n_done=0, n_failed=0, left_s=None))
        shown.watch(
            CellResult(cell=cells[0], state="done", seconds=65.0), Tally(n_cells=3, n_done=1, n_failed=0, left_s=130.0)
        )
        shown.watch(
            CellResult(cell=cells[1], state="retried", message="its worker was lost"),
            Tally(n_cells=3, n_done=1, n_failed=0, left_s=130.0),
        )
        shown.watch(
            CellResult(cell=cells[2], state="failed", message="a.py:M: why"),
            Tally(n_cells=3, n_done=2, n_failed=1, left_s=0.0),
        )
    assert capsys.readouterr().err.splitlines() == [
        "[1/3] imdb · tiny · freeze_attention · seed 0: 1 min 5 s; about 2 min 10 s left",
        "[1/3] imdb · tiny · freeze_attention · seed 1: its worker was lost; it runs again; about 2 min 10 s left",
        "[3/3] imdb · tiny · freeze_attention · seed 2: failed: a.py:M: why",
    ]
