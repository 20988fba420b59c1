"""Trackers: known, installed, and nothing left behind in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tiny

from bench.core.errors import InputError
from bench.running.run import run_seed
from bench.running.settings import RunSettings
from bench.running.trackers import Tracking, check_trackers, track


def test_none_and_tensorboard_are_there() -> None:
    check_trackers(())
    check_trackers(("tensorboard",))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorbord", "--report-to 'tensorbord' is not known to the Trainer; did you mean 'tensorboard'?"),
        ("neptune", "--report-to neptune: neptune is not installed; `pip install neptune`, or leave it out"),
    ],
)
def test_error_tracker(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_trackers((name,))
    assert str(caught.value) == message


def test_a_tracker_that_is_not_there_stops_a_run_before_it_fetches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--report-to 'nosuch'"):
        run_seed(tiny.small("gulliver"), 0, RunSettings(report_to=("nosuch",), runs_root=tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_users_own_project_stands_and_the_environment_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", "elsewhere")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    before = dict(os.environ)
    with track(Tracking(names=("tensorboard",), folder=tmp_path)):
        assert os.environ["WANDB_PROJECT"] == "mine"
        assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "bench"
        assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path)
    assert dict(os.environ) == before


def test_without_trackers_the_environment_is_not_touched() -> None:
    before = dict(os.environ)
    with track(Tracking()):
        assert dict(os.environ) == before
