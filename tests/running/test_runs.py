"""What `run_seeds` refuses before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import make_record, write_run

from bench.core.errors import InputError
from bench.records.store import run_folder
from bench.running.runs import run_seeds
from bench.suites.profile import resolve_suite
from bench.suites.resolve import load_suite, resolve


def _stored(runs_root: Path) -> Path:
    """Store a made-up record of the shipped tiny suite, as if it had run on a CPU."""
    config = resolve(load_suite("suites/sentiment_sst2"), profile="tiny")
    folder = run_folder(runs_root, config, 0)
    write_run(folder, make_record(0, environment__device="cpu"))
    return folder


def test_a_run_on_one_device_is_not_passed_off_as_one_on_another(tmp_path: Path) -> None:
    folder = _stored(tmp_path)
    with pytest.raises(InputError, match=r"holds a run on cpu; --force replaces it"):
        run_seeds("suites/sentiment_sst2", profile="tiny", device="cuda", runs_root=tmp_path)
    for device in ("auto", "cpu"):
        again = run_seeds("suites/sentiment_sst2", profile="tiny", device=device, runs_root=tmp_path)
        assert [(one.folder, one.reused) for one in again] == [(folder, True)]


@pytest.mark.parametrize("seeds", [(), (0, 0), (-1,)])
def test_seeds_are_different_and_not_negative(seeds: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected different integers, 0 or above"):
        run_seeds("suites/sentiment_sst2", profile="tiny", seeds=seeds, runs_root=tmp_path)


def test_a_stored_configuration_takes_no_changes(tmp_path: Path) -> None:
    lock = tmp_path / "config.lock.toml"
    lock.write_text("")
    with pytest.raises(InputError, match="a stored configuration is complete"):
        resolve_suite(lock, profile="tiny")
