"""Measured baselines: made of runs, stored whole, refused where they would lie."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest
from factories import make_record, write_cell, write_run
from typer.testing import CliRunner

from bench import baseline
from bench.cli.baseline import baseline as baseline_app
from bench.errors import InputError
from bench.record import read_rows

DATE = datetime.date(2026, 1, 2)


def store(root: Path, *seeds: int) -> Path:
    runs = write_cell(root / "runs", *(make_record(seed) for seed in seeds))
    return baseline.write(*baseline.from_runs(runs, reason="first measured", created=DATE), root=root / "baselines")


def test_a_baseline_holds_every_seed_at_full_precision(tmp_path: Path) -> None:
    path = store(tmp_path, 1, 0)
    assert path == tmp_path / "baselines/sentiment_sst2/documented/frozen_body.json"
    loaded = baseline.load(path)
    assert [seed.seed for seed in loaded.seeds] == [0, 1]
    for seed in loaded.seeds:
        record = make_record(seed.seed)
        assert seed.scores == record.scores
        assert (seed.hashes, seed.epochs, seed.cost) == (record.hashes, record.epochs, record.cost)
    assert (loaded.reason, loaded.created) == ("first measured", "2026-01-02")
    assert loaded.config == make_record().config


def test_a_baseline_gives_back_the_records_it_was_made_of(tmp_path: Path) -> None:
    point = {"value": 0.6, "low": 0.5, "high": 0.7}
    records = [
        make_record(seed, evaluations=[{"step": 0, "train_loss": None, "scores": {"accuracy": point}}])
        for seed in (0, 1)
    ]
    made, _ = baseline.from_runs(write_cell(tmp_path, *records), reason="both")
    assert made.records() == tuple(records)


def test_a_baseline_of_the_first_schema_gives_records_of_it(tmp_path: Path) -> None:
    old = baseline.load(store(tmp_path, 0)).model_copy(update={"schema_version": 1})
    assert [(record.schema_version, record.evaluations, record.judge) for record in old.records()] == [(1, (), None)]


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first = {p.name: p.read_bytes() for p in store(tmp_path, 0, 1).parent.iterdir()}
    second = {p.name: p.read_bytes() for p in store(tmp_path, 0, 1).parent.iterdir()}
    assert first == second
    assert set(first) == {"frozen_body.json", "frozen_body.safetensors"}


def test_a_config_key_folder_stands_for_its_seeds(tmp_path: Path) -> None:
    runs = write_cell(tmp_path, make_record(0), make_record(1))
    made, _ = baseline.from_runs([runs[0].parent], reason="both")
    assert [seed.seed for seed in made.seeds] == [0, 1]


def test_statistics_lie_beside_it_by_seed_and_metric(tmp_path: Path) -> None:
    statistics = baseline.load_statistics(store(tmp_path, 0, 1))
    assert list(statistics) == [0, 1]
    assert set(statistics[0]) == {"accuracy", "f1", "loss"}
    np.testing.assert_array_equal(statistics[1]["accuracy"], np.full((40, 2), 2.0))  # after: 1.0 + seed


def test_losses_of_every_step_lie_beside_it(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", make_record(0), make_record(3))
    losses = baseline.load_losses(store(tmp_path, 0, 3))
    assert list(losses) == [0, 3]
    assert losses[3].tolist() == [row["loss"] for row in read_rows(runs[1] / "curve.jsonl")]


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_statistics_are_found_on_load(tmp_path: Path, damage: str) -> None:
    path = store(tmp_path, 0)
    beside = path.with_suffix(".safetensors")
    if damage == "missing":
        beside.unlink()
    else:
        beside.write_bytes(beside.read_bytes()[:-1] + b"x")
    with pytest.raises(
        InputError, match=rf"frozen_body\.safetensors: {'missing' if damage == 'missing' else 'sha256'}"
    ):
        baseline.load(path)


def test_large_statistics_are_left_out_and_old_ones_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, 0)
    monkeypatch.setattr(baseline, "MAX_STATISTICS_BYTES", 100)
    path = store(tmp_path, 0)
    loaded = baseline.load(path)
    assert loaded.statistics_sha256 is None
    assert loaded.statistics_left_out == "2160 bytes exceed the 100 that a repository should carry"
    assert not path.with_suffix(".safetensors").exists()
    assert baseline.load_statistics(path) == {}


def test_a_run_without_statistics_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "seed-0", make_record())
    (run / "statistics.safetensors").unlink()
    made, payload = baseline.from_runs([run], reason="r")
    assert payload is None
    assert made.statistics_left_out == "seed 0 stored no statistics.safetensors"


def test_a_dirty_tree_is_a_fact_and_no_obstacle(tmp_path: Path) -> None:
    run = write_run(tmp_path / "seed-0", make_record(environment__dirty=True))
    made, _ = baseline.from_runs([run], reason="r")
    assert made.seeds[0].environment.dirty is True


def test_refusals_name_what_is_wrong(tmp_path: Path) -> None:
    zero = write_run(tmp_path / "a" / "seed-0", make_record())
    again = write_run(tmp_path / "b" / "seed-0", make_record())
    other = write_run(tmp_path / "c" / "seed-1", make_record(1, config__training__epochs=5))
    drifted = write_run(tmp_path / "d" / "seed-1", make_record(1, data__fingerprint="e" * 64))
    rebased = write_run(tmp_path / "e" / "seed-1", make_record(1, model__base="elsewhere"))
    cases = [
        ([zero, other], "of several configs"),
        ([zero, again], "seed 0 was given twice"),
        ([zero, drifted], "data.fingerprint is"),
        ([zero, rebased], "model.base is"),
        ([tmp_path / "nothing"], "holds neither record.json nor seed-"),
        ([], "no run folder was given"),
    ]
    for folders, message in cases:
        with pytest.raises(InputError, match=message):
            baseline.from_runs(folders, reason="r")
    with pytest.raises(InputError, match="--reason is empty"):
        baseline.from_runs([zero], reason=" ")


def test_broken_files_are_input_errors(tmp_path: Path) -> None:
    path = store(tmp_path, 0)
    values = json.loads(path.read_text())
    for changed, message in (
        (values | {"schema_version": 9}, "schema_version is 9, this bench reads 1 to 2"),
        (values | {"extra": 1}, "extra: Extra inputs"),
        (values | {"seeds": []}, "seeds: Tuple should have at least 1"),
        ([], "schema_version is None"),
    ):
        path.write_text(json.dumps(changed))
        with pytest.raises(InputError, match=message):
            baseline.load(path)
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        baseline.load(path)


def test_the_working_folder_comes_before_the_built_in_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = store(tmp_path, 0)
    built_in = tmp_path / "built_in"
    theirs = built_in / "sentiment_sst2/documented/frozen_body.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    roots = [tmp_path / "baselines", built_in]
    assert baseline.find("sentiment_sst2", "documented", "frozen_body", roots=roots) == mine
    assert baseline.find("sentiment_sst2", "documented", "frozen_body", roots=roots[::-1]) == theirs
    assert baseline.find("sentiment_sst2", "tiny", "frozen_body", roots=roots) is None
    assert baseline.find_all(roots=roots) == [mine]
    monkeypatch.chdir(tmp_path)
    found = baseline.find("sentiment_sst2", "documented", "frozen_body")
    assert found is not None
    assert found.resolve() == mine


def test_a_metric_that_some_seed_lacks_has_no_scores(tmp_path: Path) -> None:
    loaded = baseline.load(store(tmp_path, 0, 1))
    assert len(loaded.scores("accuracy")) == 2
    assert loaded.scores("meteor") == ()


def test_the_command_promotes_and_lists(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", make_record(0), make_record(1))
    root = str(tmp_path / "baselines")
    cli = CliRunner()
    promoted = cli.invoke(baseline_app, ["promote", str(runs[0].parent), "--reason", "first measured", "--root", root])
    assert (promoted.exit_code, promoted.stdout.strip()[-16:]) == (0, "frozen_body.json")
    listed = cli.invoke(baseline_app, ["list", "--root", root])
    assert listed.stdout.startswith("sentiment_sst2/documented/frozen_body  2 seeds  20")
    assert listed.stdout.rstrip().endswith("first measured")
    refused = cli.invoke(baseline_app, ["promote", str(tmp_path / "nothing"), "--reason", "r", "--root", root])
    assert isinstance(refused.exception, InputError)
