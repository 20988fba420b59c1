"""What `run_seeds` refuses before anything is trained, and what it says of runs that are stored already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_record, write_run

from bench.core.errors import InputError
from bench.core.progress import Silent
from bench.records.provenance import code_at_hand, package_versions
from bench.records.record import RunRecord
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


class _Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def _of_the_code_at_hand(**changes: Any) -> RunRecord:
    code = code_at_hand()
    environment: dict[str, Any] = {
        "device": "cpu",
        "bench_version": code.version,
        "commit": code.commit,
        "dirty": code.dirty,
        "code_sha256": code.sha256,
        "packages": {"torch": package_versions()["torch"]},
    }
    return make_record(0, **({f"environment__{name}": value for name, value in environment.items()} | changes))


def _said_of(runs_root: Path, record: RunRecord) -> list[str]:
    """Return what is said where a stored run is used again."""
    write_run(run_folder(runs_root, resolve(load_suite("suites/sentiment_sst2"), profile="tiny"), 0), record)
    said = _Said()
    run_seeds("suites/sentiment_sst2", profile="tiny", runs_root=runs_root, progress=said)
    return [line.partition("is used again: ")[2] for line in said.lines if "other code or libraries" in line]


def test_a_run_by_the_code_at_hand_is_used_again_without_a_word(tmp_path: Path) -> None:
    assert _said_of(tmp_path, _of_the_code_at_hand()) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"environment__commit": "f" * 40}, "the runs are of commit fffffff, and "),
        ({"environment__bench_version": "0.0.1"}, "the runs are of bench 0.0.1, and "),
        ({"environment__packages__torch": "1.0"}, "torch 1.0 made it, and "),
        ({"environment__dirty": True, "environment__code_sha256": "0" * 64}, "changes that no commit holds"),
    ],
)
def test_a_run_by_other_code_or_libraries_is_used_again_and_that_is_said(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    (said,) = _said_of(tmp_path, _of_the_code_at_hand(**changes))
    assert text in said


@pytest.mark.parametrize("seeds", [(), (0, 0), (-1,)])
def test_seeds_are_different_and_not_negative(seeds: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected different integers, 0 or above"):
        run_seeds("suites/sentiment_sst2", profile="tiny", seeds=seeds, runs_root=tmp_path)


def test_a_stored_configuration_takes_no_changes(tmp_path: Path) -> None:
    lock = tmp_path / "config.lock.toml"
    lock.write_text("")
    with pytest.raises(InputError, match="a stored configuration is complete"):
        resolve_suite(lock, profile="tiny")
