"""The script that compares the results of two codes, on runs that are made up."""

from __future__ import annotations

from pathlib import Path

from factories import make_record, write_run
from same_results import differences


def _write(root: Path, seed: int = 0, **changes: object) -> Path:
    record = make_record(seed, **changes)
    return write_run(root / record.suite / record.method / f"seed-{seed}", record)


def test_equal_runs_may_differ_in_cost_and_commit(tmp_path: Path) -> None:
    _write(tmp_path / "before")
    _write(tmp_path / "after", cost__wall_time_s=99.0, environment__commit="f" * 40, environment__dirty=True)
    assert [*differences(tmp_path / "before", tmp_path / "after")] == []


def test_a_value_a_file_and_a_missing_run_are_named(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    name = "sentiment_sst2/documented/frozen_body"
    _write(before)
    folder = _write(after, scores__accuracy__value=0.75)
    (score,) = differences(before, after)
    assert score.startswith(f"{name}, seed 0: scores.accuracy.value was 0.83, is 0.75")
    (folder / "predictions.jsonl").write_text("{}\n", encoding="utf-8")
    (both,) = differences(before, after)
    assert "; predictions.jsonl differs" in both
    _write(after, seed=1)
    assert [*differences(before, after)][1] == f"{name}, seed 1: only this checkout ran it"
