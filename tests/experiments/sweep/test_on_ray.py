"""The Ray engine's errors; whole sweeps on it are in tests/integration."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fake_runs
import pytest

from bench.core.errors import InputError, RunError
from bench.experiments.sweep import EngineSettings, on_ray, plan, run_sweep
from bench.records.provenance import version
from bench.running.settings import RunSettings

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray, the extra `ray`, is not installed")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def _sweep(root: Path, address: str) -> None:
    planned = plan(["imdb"], profile="tiny", settings=RunSettings(runs_root=root))
    run_sweep(planned, engine=EngineSettings(name="ray", address=address), run=fake_runs.store)


def test_error_ray_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install bench\[ray\]"):
        _sweep(tmp_path, "auto")


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_error_nothing_listens(address: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"--address {address}: no Ray cluster can be reached"):
        _sweep(tmp_path, address)


@needs_ray
def test_error_something_else_listens_and_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "ANSWER_S", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        port = server.getsockname()[1]
        with pytest.raises(RunError, match="no Ray cluster answered within 4 s"):
            _sweep(tmp_path, f"127.0.0.1:{port}")


@needs_ray
def test_error_a_cluster_that_asks_for_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = subprocess.CompletedProcess([], 1, "", "GCS: Unauthenticated: RPC error\nConnectionError: Failed")
    monkeypatch.setattr(on_ray.subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(RunError, match="it asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"):
        _sweep(tmp_path, "auto")


@needs_ray
@pytest.mark.parametrize("address", ["nonsense", "host:", ":5"])
def test_error_no_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected auto, host:port or ray://host:port"):
        _sweep(tmp_path, address)


def _needs(token: Path, **changes: str) -> on_ray._Needs:
    values = {"text": "abc", "version": version(), **changes}
    return on_ray._Needs(token=token, folder=token.parent, cpus=1, gpus=0.0, **values)


def test_a_node_says_why_it_cannot_take_part(tmp_path: Path) -> None:
    token = tmp_path / ".sweep-abc"
    unseen = on_ray.why_unfit(_needs(token))
    assert unseen is not None
    assert f"does not see {tmp_path}" in unseen
    assert "all nodes share" in unseen
    token.write_text("abc", encoding="utf-8")
    assert on_ray.why_unfit(_needs(token)) is None
    other = on_ray.why_unfit(_needs(token, version="99"))
    assert other is not None
    assert "install the same on all nodes" in other


@pytest.mark.parametrize(
    ("node", "cpus", "gpus", "room"),
    [({"CPU": 8.0}, 3, 0.0, 2), ({"CPU": 8.0}, 1, 1.0, 0), ({"CPU": 8.0, "GPU": 2.0}, 1, 0.5, 4), ({}, 1, 0.0, 0)],
)
def test_how_many_cells_fit_on_a_node(node: dict[str, float], cpus: int, gpus: float, room: int) -> None:
    assert on_ray._room(node, cpus, gpus) == room
