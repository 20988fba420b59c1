"""Which cell goes where, what is tried again, and how long the rest takes: with an engine that only pretends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import fake_runs
import pytest

from bench.experiments.sweep import CellResult, Plan, plan, run_sweep, running
from bench.experiments.sweep.cells import CellJob
from bench.experiments.sweep.engine import Death
from bench.experiments.sweep.running import Queue, Tally, time_left_s
from bench.running.settings import RunSettings

Answer = Callable[[CellJob, int], CellResult | Death]


class FakeEngine:
    """Answers in the order in which it was asked; `answer` gets the task and how often it came before."""

    def __init__(self, n_slots: int, answer: Answer) -> None:
        self.n_slots = n_slots
        self.answer = answer
        self.given: list[tuple[int, CellJob]] = []
        self.stopped = False
        self._waiting: list[tuple[int, CellResult | Death]] = []

    def give(self, slot: int, task: CellJob) -> None:
        assert slot not in dict(self._waiting)
        n_before = sum(task.cell == other.cell for _, other in self.given)
        self.given.append((slot, task))
        self._waiting.append((slot, self.answer(task, n_before)))

    def wait(self) -> tuple[int, CellResult | Death]:
        return self._waiting.pop(0)

    def stop(self) -> None:
        self.stopped = True


def _done(task: CellJob, _: int = 0) -> CellResult:
    return CellResult(cell=task.cell, state="done", seconds=3.0)


def _plan(root: Path, suites: tuple[str, ...] = ("imdb",), **asked: Any) -> Plan:
    return plan(suites, profile="tiny", settings=RunSettings(runs_root=root), **asked)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def run_with(planned: Plan, engine: FakeEngine) -> tuple[Any, list[tuple[CellResult | None, Tally]]]:
        monkeypatch.setattr(running, "open_engine", lambda *_, **__: engine)
        seen: list[tuple[CellResult | None, Tally]] = []
        return run_sweep(planned, watch=lambda outcome, tally: seen.append((outcome, tally))), seen

    return run_with


def test_every_cell_ends_and_stored_ones_are_not_given(tmp_path: Path, run: Callable[..., Any]) -> None:
    planned = _plan(tmp_path, seeds=range(4))
    fake_runs.store(planned.cells[2].cell.config, 2, RunSettings(runs_root=tmp_path))
    engine = FakeEngine(2, _done)
    result, seen = run(_plan(tmp_path, seeds=range(4)), engine)
    assert [outcome.state for outcome in result.outcomes] == ["done", "done", "stored", "done"]
    assert sorted(task.cell.seed for _, task in engine.given) == [0, 1, 3]
    assert (result.exit_code, engine.stopped) == (0, True)
    # another seed took 2 s by its record; then this sweep's own 3 s count; two slots share what is left
    assert [tally.left_s for _, tally in seen] == [3.0, 3.0, 3.0, 0.0]
    assert [(tally.n_cells, tally.n_done) for _, tally in seen] == [(3, 0), (3, 1), (3, 2), (3, 3)]
    run(Plan(cells=planned.cells[2:3], not_applicable=(), settings=planned.settings), FakeEngine(1, _done))


def test_a_cell_whose_worker_dies_is_run_again_once(tmp_path: Path, run: Callable[..., Any]) -> None:
    def dying(task: CellJob, n_before: int) -> CellResult | Death:
        fatal = {0: 0, 1: 1, 2: 9}[task.cell.seed]
        return _done(task) if n_before >= fatal else Death(reason="killed by SIGSEGV", details="stack")

    engine = FakeEngine(1, dying)
    result, seen = run(_plan(tmp_path, seeds=range(3)), engine)
    assert [outcome.state for outcome in result.outcomes] == ["done", "done", "failed"]
    assert [task.cell.seed for _, task in engine.given].count(2) == 2
    assert [o.state for o, _ in seen if o is not None].count("retried") == 2
    failed = result.failed[0]
    assert failed.message == "2 workers were lost to it: killed by SIGSEGV"
    assert "stack" in failed.log.read_text(encoding="utf-8")
    assert result.exit_code == 5
    assert seen[-1][1] == Tally(n_cells=3, n_done=2, n_failed=1, left_s=0.0)


def test_methods_of_one_name_from_two_files_are_two_cells(tmp_path: Path, run: Callable[..., Any]) -> None:
    files = [tmp_path / "one.py", tmp_path / "other.py"]
    for file in files:
        file.write_text(f"# {file.name}\nfrom bench.methods import Method\n\n\nclass Mine(Method): ...\n")

    def fail_the_first(task: CellJob, _: int) -> CellResult:
        is_first = "one.py" in task.cell.config.method.use
        return CellResult(cell=task.cell, state="failed", message="why") if is_first else _done(task)

    planned = _plan(tmp_path, methods=[f"{file}:Mine" for file in files])
    result, seen = run(planned, FakeEngine(1, fail_the_first))
    assert [outcome.state for outcome in result.outcomes] == ["failed", "done"]
    assert (seen[-1][1].n_done, seen[-1][1].n_failed) == (1, 1)


def test_a_cell_that_another_sweep_is_at_is_waited_for_last(tmp_path: Path, run: Callable[..., Any]) -> None:
    def busy(task: CellJob, _: int) -> CellResult:
        if task.cell.seed == 0 and not task.wait:
            return CellResult(cell=task.cell, state="busy")
        return CellResult(cell=task.cell, state="stored") if task.wait else _done(task)

    engine = FakeEngine(1, busy)
    result, _ = run(_plan(tmp_path, seeds=range(3)), engine)
    assert [(task.cell.seed, task.wait) for _, task in engine.given] == [(0, False), (1, False), (2, False), (0, True)]
    assert [outcome.state for outcome in result.outcomes] == ["stored", "done", "done"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_engine_is_stopped_whatever_happens(
    error: type[BaseException], tmp_path: Path, run: Callable[..., Any]
) -> None:
    def broken(*_: object) -> CellResult:
        raise error

    engine = FakeEngine(1, broken)
    with pytest.raises(error):
        run(_plan(tmp_path), engine)
    assert engine.stopped


def test_a_slot_keeps_to_its_suite_as_long_as_it_can(tmp_path: Path, run: Callable[..., Any]) -> None:
    engine = FakeEngine(2, _done)
    run(_plan(tmp_path, ("imdb", "sentiment_sst2", "gulliver"), methods=["full"], seeds=range(6)), engine)
    for slot in range(2):
        suites = [task.cell.config.suite for at, task in engine.given if at == slot]
        changes = sum(a != b for a, b in pairwise(suites))
        assert changes <= 1
    first, second = engine.given[0][1], engine.given[1][1]
    assert first.cell.config.suite != second.cell.config.suite


def test_an_empty_queue_has_nothing() -> None:
    assert Queue().take(0) is None


def test_time_left_is_that_of_alike_cells_shared_by_the_slots(tmp_path: Path) -> None:
    left = _plan(tmp_path, methods=["full", "head_only"], seeds=range(2)).cells
    times = {("imdb", "full"): [4.0, 6.0], ("imdb", "head_only"): [1.0]}
    assert time_left_s(left, times, n_slots=1) == pytest.approx(12.0)
    assert time_left_s(left, times, n_slots=2) == pytest.approx(6.0)
    assert time_left_s(left, times, n_slots=100) == pytest.approx(5.0)
    assert time_left_s(left, {("imdb", "full"): [4.0, 6.0]}, n_slots=1) == pytest.approx(20.0)
    assert time_left_s(left, {("gulliver", "full"): [4.0]}, n_slots=1) is None
    assert time_left_s((), {}, n_slots=1) == 0.0
