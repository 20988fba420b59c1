"""The local engine with real processes: pinned, kept, killed, told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from processes import clean_env

from bench.core.errors import DeviceError, InputError
from bench.experiments.sweep import EngineSettings, Plan, SweepResult, plan, run_sweep
from bench.experiments.sweep.places import Place, cores_here, gpus_here, share_out
from bench.running.settings import RunSettings


def _plan(root: Path, *, force: bool = False, **asked: Any) -> Plan:
    settings = RunSettings(runs_root=root, device="cpu", force=force)
    return plan(["imdb"], profile="tiny", settings=settings, **asked)


def _states(result: SweepResult) -> list[str]:
    return [outcome.state for outcome in result.outcomes]


def _wait_for(file: Path) -> None:
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until, f"{file} never came"
        time.sleep(0.05)


def test_each_slot_is_one_process_with_its_cores_and_threads(tmp_path: Path) -> None:
    planned = _plan(tmp_path, seeds=range(6))
    before = dict(os.environ)
    result = run_sweep(planned, engine=EngineSettings(slots=2, cpus_per_cell=1), run=fake_runs.store)
    assert _states(result) == ["done"] * 6
    records = [fake_runs.record_of(one.folder) for one in planned.cells]
    assert len({record["pid"] for record in records}) == 2
    assert os.getpid() not in {record["pid"] for record in records}
    assert {record["threads"] for record in records} == {"1"}
    assert {record["gpu"] for record in records} == {""}
    if hasattr(os, "sched_getaffinity"):
        cores = {record["pid"]: tuple(record["cores"]) for record in records}
        assert all(len(pinned) == 1 for pinned in cores.values())
        assert len(set(cores.values())) == min(2, len(cores_here()))
    assert dict(os.environ) == before


def test_what_goes_wrong_in_a_cell_stays_in_it(tmp_path: Path) -> None:
    result = run_sweep(_plan(tmp_path, seeds=range(4)), run=fake_runs.fail_on_seed_1)
    assert _states(result) == ["done", "failed", "failed", "done"]
    assert result.exit_code == 5


def test_a_killed_worker_costs_its_cell_one_attempt(tmp_path: Path) -> None:
    planned = _plan(tmp_path, seeds=range(3))
    result = run_sweep(planned, run=fake_runs.killed_once)
    assert _states(result) == ["done"] * 3
    assert not list(tmp_path.rglob(".seed-*-*"))
    again = run_sweep(_plan(tmp_path, seeds=range(3), force=True), run=fake_runs.killed_on_seed_1)
    assert _states(again) == ["done", "failed", "done"]
    failed = again.failed[0]
    assert failed.message == "2 workers were lost to it: killed by SIGKILL (out of memory, perhaps)"
    assert failed.log is not None
    assert "the last words" in failed.log.read_text(encoding="utf-8")
    assert not list(tmp_path.rglob(".seed-*-*"))
    assert (planned.cells[1].folder / "record.json").is_file(), "a forced repeat that dies keeps the record of before"


@pytest.fixture
def answers_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt, which the workers of pytest-xdist ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("answers_ctrl_c")
def test_ctrl_c_stops_the_workers_and_leaves_nothing(tmp_path: Path) -> None:
    planned = _plan(tmp_path, seeds=range(2))

    def interrupt() -> None:
        _wait_for(tmp_path / "asleep-0")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_sweep(planned, run=fake_runs.sleep)
    thread.join()
    assert time.monotonic() - started < 60
    assert not [path for path in tmp_path.rglob("*seed-*") if path.is_dir()]
    assert not list(tmp_path.rglob("*.log"))


def test_two_sweeps_at_once_run_no_cell_twice(tmp_path: Path) -> None:
    planned = _plan(tmp_path, seeds=range(8))
    code = (
        "import sys; from pathlib import Path; import fake_runs; from bench.running.settings import RunSettings\n"
        "from bench.experiments.sweep import EngineSettings, plan, run_sweep\n"
        "if __name__ == '__main__':\n"
        "    settings = RunSettings(runs_root=Path(sys.argv[1]), device='cpu')\n"
        "    planned = plan(['imdb'], profile='tiny', seeds=range(8), settings=settings)\n"
        "    run_sweep(planned, engine=EngineSettings(slots=2), run=fake_runs.store_slowly)"
    )
    here = Path(__file__).parent
    env = {**clean_env(), "PYTHONPATH": os.pathsep.join([str(here.parents[2]), str(here.parents[1] / "helpers")])}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=env) as other:
        _wait_for(tmp_path / "asked-0")
        result = run_sweep(planned, engine=EngineSettings(slots=2), run=fake_runs.store_slowly)
        assert other.wait(60) == 0
    assert set(_states(result)) <= {"done", "stored"}
    assert [(tmp_path / f"asked-{seed}").read_text(encoding="utf-8") for seed in range(8)] == ["once\n"] * 8


# --- places ----------------------------------------------------------------------------------------------------------


def _share(*, gpus: tuple[str, ...] = (), **given: Any) -> list[Place]:
    return share_out(EngineSettings(**given), cores=range(4), gpus=gpus)


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({}, [((0, 1, 2, 3), None)]),
        ({"slots": 2}, [((0, 1), None), ((2, 3), None)]),
        ({"cpus_per_cell": 2}, [((0, 1), None), ((2, 3), None)]),
        ({"slots": 3, "cpus_per_cell": 2}, [((0, 1), None), ((2, 3), None), ((0, 1), None)]),
        ({"slots": 1, "cpus_per_cell": 6}, [((0, 1, 2, 3, 0, 1), None)]),
        ({"gpus": ("0", "3")}, [((0, 1), "0"), ((2, 3), "3")]),
        ({"gpus": ("0", "3"), "slots": 1}, [((0, 1, 2, 3), "0")]),
        ({"gpus": ("0", "3"), "gpus_per_cell": 0.5}, [((0,), "0"), ((1,), "0"), ((2,), "3"), ((3,), "3")]),
        ({"gpus": ("0", "3"), "gpus_per_cell": 0.0}, [((0, 1, 2, 3), None)]),
    ],
)
def test_cores_and_gpus_are_shared_out(given: dict[str, Any], places: list[Any]) -> None:
    assert [(place.cores, place.gpu) for place in _share(**given)] == places


@pytest.mark.parametrize("given", [{"gpus_per_cell": 1.0}, {"gpus": ("0",), "slots": 2}])
def test_error_more_gpus_than_there_are(given: dict[str, Any]) -> None:
    with pytest.raises(DeviceError, match=r"this machine shows \d GPU"):
        _share(**given)


@pytest.mark.parametrize(("given", "found"), [("", ()), ("-1", ()), ("2, 0", ("2", "0")), ("GPU-a1", ("GPU-a1",))])
def test_the_gpus_that_may_be_used(given: str, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert gpus_here() == found


def test_error_the_local_engine_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="add --engine ray"):
        run_sweep(_plan(tmp_path), engine=EngineSettings(address="auto"), run=fake_runs.store)
