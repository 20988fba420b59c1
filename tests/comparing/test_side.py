"""Reading a side of a comparison: what may be given, and what is refused with its place."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_record, write_cell
from planted import means, planted_record, right, write_planted

from bench.comparing.side import Side, common_seeds, load_side
from bench.core.errors import InputError
from bench.core.files import canonical_json
from bench.records import baselines
from bench.records.making import from_runs
from bench.records.noise import MetricNoise, NoiseFloor
from bench.records.store import (
    RECORD_FILE,
    Store,
    StoredBaseline,
    run_folder,
    write_baseline,
    write_noise,
    write_record,
    write_statistics,
)

NAME = "sentiment_sst2/documented/frozen_body"


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """Return a config-key folder with seeds 0 and 1, where `bench run` would put it."""
    for seed in (1, 0):
        planted = {"accuracy": right(30 + seed, 40)}
        config = planted_record(seed, planted).config
        folder = write_planted(run_folder(tmp_path / "runs", config, seed), seed, planted)
    return folder.parent


@pytest.fixture
def roots(tmp_path: Path, cell: Path) -> list[Path]:
    """Return a folder of baselines that holds one made of the two runs."""
    made, statistics = from_runs([cell], reason="first", created=datetime.date(2026, 1, 2))
    write_baseline(made, statistics, root=tmp_path / "baselines")
    return [tmp_path / "baselines"]


def load(given: Any, tmp_path: Path, roots: list[Path]) -> Side:
    return load_side(given, Store(runs_root=tmp_path / "runs", roots=roots))


def test_every_way_to_name_a_side_gives_its_seeds_and_statistics(tmp_path: Path, cell: Path, roots: list[Path]) -> None:
    short = "/".join(cell.parts[-4:])
    ways: dict[Any, tuple[int, ...]] = {
        cell: (0, 1),
        short: (0, 1),
        cell / "seed-1": (1,),
        str(cell / "seed-0" / RECORD_FILE): (0,),
        NAME: (0, 1),
        roots[0] / f"{NAME}.json": (0, 1),
    }
    for given, seeds in ways.items():
        side = load(given, tmp_path, roots)
        assert (side.name, side.seeds) == (str(given), seeds)
        assert {seed: by["accuracy"].sum(axis=0).tolist() for seed, by in side.statistics.items()} == {
            seed: [30 + seed, 40] for seed in seeds
        }
        assert side.values("accuracy") == {seed: (30 + seed) / 40 for seed in seeds}
        assert side.values("meteor") == {}


def test_a_baseline_has_a_reason_and_no_folders(tmp_path: Path, cell: Path, roots: list[Path]) -> None:
    stored, runs = load(NAME, tmp_path, roots), load(cell, tmp_path, roots)
    assert (stored.kind, stored.reason, stored.created, stored.runs) == ("baseline", "first", "2026-01-02", {})
    assert (runs.kind, runs.reason, runs.created) == ("runs", None, None)
    assert {seed: run.folder for seed, run in runs.runs.items()} == {0: cell / "seed-0", 1: cell / "seed-1"}
    assert stored.config == runs.config


def test_a_noise_floor_comes_with_the_baseline(tmp_path: Path, roots: list[Path]) -> None:
    assert load(NAME, tmp_path, roots).noise is None
    noise = {"accuracy": MetricNoise(device=0.0, seeds=0.01)}
    floor = NoiseFloor(metrics=noise, n_repeats=2, n_seeds=3, device="cpu", bitwise=True)
    write_noise(StoredBaseline(path=roots[0] / f"{NAME}.json"), floor)
    assert load(NAME, tmp_path, roots).noise == floor


def test_runs_come_before_a_baseline_of_the_same_name(
    tmp_path: Path, cell: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cell, tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    assert load(NAME, tmp_path, roots).kind == "runs"


def test_a_copied_record_does_not_take_what_lies_beside_it(tmp_path: Path, cell: Path) -> None:
    copy = cell / "seed-1" / "of-seed-0.json"
    shutil.copy(cell / "seed-0" / RECORD_FILE, copy)
    side = load(copy, tmp_path, [])
    assert (side.seeds, side.statistics, side.runs) == ((0,), {}, {})


def test_a_baseline_without_statistics_is_read(
    tmp_path: Path, cell: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "MAX_STATISTICS_BYTES", 1)
    write_baseline(*from_runs([cell], reason="r"), root=roots[0])
    assert load(NAME, tmp_path, roots).statistics == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sentiment_sst2/documented/frozen_bod", "did you mean 'sentiment_sst2/documented/frozen_body'"),
        ("nowhere", "neither a run nor a baseline.*record.json"),
        ("sentiment_sst2/documented", "neither a run nor a baseline"),
    ],
)
def test_a_name_that_leads_nowhere_gets_a_suggestion(
    tmp_path: Path, roots: list[Path], given: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(given, tmp_path, roots)


def test_a_method_folder_names_its_configs(tmp_path: Path, cell: Path) -> None:
    write_cell(tmp_path / "runs", make_record(config__training__epochs=5))
    with pytest.raises(InputError, match=rf"holds runs of 2 config\(s\).*{cell.name}"):
        load(cell.parent, tmp_path, [])
    with pytest.raises(InputError, match=r"holds runs of 2 config\(s\)"):
        load(NAME, tmp_path, [])


# --- what is refused -------------------------------------------------------------------------------------------------


def test_two_records_of_one_seed(tmp_path: Path, cell: Path) -> None:
    shutil.copytree(cell / "seed-1", cell / "seed-01")
    with pytest.raises(InputError, match=rf"{cell.name}: two records of one seed .*seeds 0, 1, 1"):
        load(cell, tmp_path, [])


def test_a_baseline_that_holds_a_seed_twice(tmp_path: Path, roots: list[Path]) -> None:
    file = roots[0] / f"{NAME}.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["seeds"][0]["seed"] = 1
    file.write_text(canonical_json(values), encoding="utf-8")
    with pytest.raises(InputError, match="two records of one seed"):
        load(NAME, tmp_path, roots)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"config__training__epochs": 9}, "several configs"), ({"data__fingerprint": "e" * 64}, "saw different data")],
)
def test_seeds_that_do_not_belong_together(tmp_path: Path, cell: Path, changes: dict[str, Any], message: str) -> None:
    write_record(cell / "seed-1", planted_record(1, {"accuracy": right(31, 40)}, **changes))
    with pytest.raises(InputError, match=message):
        load(cell, tmp_path, [])


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        (means([1.0, np.nan, 0.0]), "seed 1, accuracy: the stored statistics of example 1 are not finite"),
        (means([1.0, 0.0, np.inf]), "of example 2 are not finite"),
        (np.zeros((0, 2)), r"have shape \(0, 2\)"),
        (np.zeros(3), r"have shape \(3,\)"),
    ],
)
def test_statistics_that_cannot_be_resampled_name_seed_and_metric(
    tmp_path: Path, cell: Path, statistics: np.ndarray, message: str
) -> None:
    write_statistics(cell / "seed-1", {"after": {"accuracy": statistics}})
    with pytest.raises(InputError, match=message):
        load(cell, tmp_path, [])


def test_not_a_number_in_a_baseline_is_refused_too(tmp_path: Path, cell: Path, roots: list[Path]) -> None:
    write_statistics(cell / "seed-0", {"after": {"accuracy": means([np.nan])}})
    write_baseline(*from_runs([cell], reason="r"), root=roots[0])
    with pytest.raises(InputError, match=f"{NAME}: seed 0, accuracy"):
        load(NAME, tmp_path, roots)


def test_broken_files_are_named(tmp_path: Path, cell: Path, roots: list[Path]) -> None:
    (cell / "seed-0" / "statistics.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match=r"statistics\.safetensors: cannot be read"):
        load(cell, tmp_path, [])
    (roots[0] / f"{NAME}.safetensors").write_bytes(b"others")
    with pytest.raises(InputError, match="sha256 is"):
        load(NAME, tmp_path, roots)
    record = cell / "seed-1" / RECORD_FILE
    values = json.loads(record.read_text(encoding="utf-8")) | {"schema_version": 99}
    record.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match="schema_version is 99"):
        load(record, tmp_path, [])
    record.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load(record, tmp_path, [])


def test_common_seeds(tmp_path: Path, cell: Path) -> None:
    both, one = load(cell, tmp_path, []), load(cell / "seed-1", tmp_path, [])
    assert common_seeds((both, one)) == (1,)
    assert common_seeds((both, both)) == (0, 1)
