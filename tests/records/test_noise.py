"""Noise: what repeats and seeds show, and what must never pass for noise."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from factories import make_duel, make_imitation, make_record, write_run
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.gate.promotion import promote
from bench.config.suite import SuiteConfig
from bench.core.errors import InputError, NotComparableError, TrainingError
from bench.records.noise import NoiseFloor, check_seeding, draws_initial_weights, floor_of
from bench.records.record import RunRecord
from bench.records.store import StoredBaseline
from bench.running import repeats
from bench.running.repeats import measure_noise
from bench.running.runs import SeedResult
from bench.running.settings import RunSettings


def scored(seed: int, accuracy: float, **changes: Any) -> RunRecord:
    return make_record(seed, scores__accuracy__value=accuracy, **changes)


def floor(*again: RunRecord, seeds: tuple[RunRecord, ...] = (make_record(0), make_record(1))) -> NoiseFloor:
    return floor_of(again, seeds)


# --- the arithmetic --------------------------------------------------------------------------------------------------


def test_device_noise_is_the_spread_of_repeats_and_training_noise_the_deviation_of_seeds() -> None:
    again = (scored(0, 0.80), scored(0, 0.82), scored(0, 0.81))
    found = floor(*again, seeds=(scored(0, 0.80), scored(1, 0.90), scored(2, 0.70)))
    accuracy = found.metrics["accuracy"]
    assert accuracy.device == pytest.approx(0.02, abs=1e-15)
    assert accuracy.seeds == pytest.approx(statistics.stdev([0.8, 0.9, 0.7]))
    assert (found.n_repeats, found.n_seeds, found.device, found.bitwise) == (3, 3, "cpu", True)
    assert set(found.metrics) == {"accuracy", "f1", "loss"}


def test_equal_repeats_have_no_device_noise_and_one_seed_has_no_deviation() -> None:
    found = floor(make_record(0), make_record(0), seeds=(make_record(0),))
    assert {(one.device, one.seeds) for one in found.metrics.values()} == {(0.0, None)}


@pytest.mark.parametrize("what", ["final_trainable", "predictions"])
def test_repeats_of_equal_scores_are_not_bitwise_where_a_hash_differs(what: str) -> None:
    found = floor(make_record(0), make_record(0, **{f"hashes__{what}": "f" * 64}))
    assert (found.bitwise, found.metrics["accuracy"].device) == (False, 0.0)


def test_a_floor_needs_repeats_of_one_seed_on_one_kind_of_device() -> None:
    for again in ([make_record(0)], [make_record(0), make_record(1)]):
        with pytest.raises(InputError, match="the same seed has to be run 2 times or more"):
            floor(*again)
    with pytest.raises(InputError, match=r"several kinds of device \(cpu, NVIDIA X\).*--device, or an empty folder"):
        floor(make_record(0), make_record(0), seeds=(make_record(1, environment__device="NVIDIA X"),))


# --- what a seed decides ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["initial_trainable", "batch_order"])
def test_a_repeat_that_changes_what_the_seed_decides_is_no_noise(what: str) -> None:
    with pytest.raises(TrainingError, match=f"seed 0: a repeat had another {what}"):
        floor(make_record(0), make_record(0, **{f"hashes__{what}": "f" * 64}))


@pytest.mark.parametrize("what", ["initial_trainable", "batch_order"])
def test_seeds_that_change_nothing_are_found_by_name(what: str) -> None:
    seeds = tuple(make_record(seed, **{f"hashes__{what}": f"{seed % 2:064x}"}) for seed in (0, 1, 3))
    with pytest.raises(TrainingError, match=f"seeds 1, 3 have the same {what}"):
        floor(make_record(0), make_record(0), seeds=seeds)


def test_where_nothing_is_drawn_equal_initial_weights_are_right_and_an_equal_batch_order_is_not() -> None:
    same = {"hashes__initial_trainable": "f" * 64}
    check_seeding([make_duel(0, **same)] * 2, [make_duel(0, **same), make_duel(1, **same)])
    order = same | {"hashes__batch_order": "f" * 64}
    with pytest.raises(TrainingError, match="seeds 0, 1 have the same batch_order"):
        check_seeding([make_duel(0, **order)] * 2, [make_duel(0, **order), make_duel(1, **order)])


@pytest.mark.parametrize(
    ("record", "draws"),
    [
        (make_record(), True),
        (make_record(model__new_modules=("classifier",)), True),
        (make_record(model__new_modules=()), False),  # the base weights bring their head
        (make_duel(), False),
        (make_imitation(config__method={"kind": "head_only"}), False),
        (make_imitation(config__method={"kind": "peft", "config": {"peft_type": "LORA"}}), True),
        (make_imitation(config__method={"kind": "peft", "config": {"peft_type": "IA3"}}), False),
    ],
)
def test_only_heads_and_adapters_draw_weights(record: RunRecord, draws: bool) -> None:
    assert draws_initial_weights(record) is draws


# --- running ---------------------------------------------------------------------------------------------------------


class Runs:
    """Takes the place of `bench.running.runs.run_each`: hands out records and writes down what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], Path, bool]] = []

    def __call__(self, config: SuiteConfig, seeds: tuple[int, ...], settings: RunSettings) -> list[SeedResult]:
        root, force = settings.runs_root, settings.force
        self.asked.append((tuple(seeds), root, force))
        return [SeedResult(record=make_record(seed), folder=root, reused=not force) for seed in seeds]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(repeats, "run_each", runs)
    return runs


def test_seeds_are_stored_and_repeats_are_forced_each_in_a_folder_of_its_own(tmp_path: Path, runs: Runs) -> None:
    config, settings = make_record().config, RunSettings(runs_root=tmp_path / "runs")
    measured = measure_noise(config, settings, n_repeats=2, seeds=(4, 5), keep=tmp_path / "kept")
    assert runs.asked == [
        ((4, 5), tmp_path / "runs", False),
        ((4,), tmp_path / "kept/repeat-1", True),
        ((4,), tmp_path / "kept/repeat-2", True),
    ]
    assert [record.seed for record in (*measured.repeats, *measured.seeds)] == [4, 4, 4, 5]
    measure_noise(config, settings, n_repeats=2, seeds=(4, 5))
    roots = {root for _, root, force in runs.asked[3:] if force}
    assert len(roots) == 2
    assert not any(root.exists() for root in roots)


def test_one_repeat_is_none(runs: Runs) -> None:
    with pytest.raises(InputError, match="--repeats 1: one run shows no noise; give 2 or more"):
        measure_noise(make_record().config, RunSettings(), n_repeats=1)
    assert runs.asked == []


# --- the command -----------------------------------------------------------------------------------------------------


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["noise", *words], env={"COLUMNS": "200"})


def test_storing_is_refused_before_anything_runs_where_no_baseline_of_that_config_stands(
    tmp_path: Path, runs: Runs
) -> None:
    words = ("suites/sentiment_sst2", "--profile", "tiny", "--store", "--baselines", str(tmp_path))
    missing = invoke(*words).exception
    assert isinstance(missing, NotComparableError)
    assert "there is no baseline sentiment_sst2/tiny/frozen_body; make it with" in str(missing)
    other = [tmp_path / f"seed-{seed}" for seed in range(3)]
    for seed, folder in enumerate(other):
        write_run(folder, make_record(seed, config__profile="tiny"))
    promote(other, reason="r", root=tmp_path)
    unlike = invoke(*words).exception
    assert isinstance(unlike, NotComparableError)
    assert "is of another config" in str(unlike)
    assert runs.asked == []


@pytest.mark.integration
def test_the_noise_of_a_tiny_run_is_nothing_on_one_device_and_is_stored(tmp_path: Path) -> None:
    import tiny  # loads torch, which the other tests do without

    runs, root = tmp_path / "runs", tmp_path / "baselines"
    config = [part for override in (*tiny.CLASSIFY, "training.steps=2") for part in ("--set", override)]
    words = ("suites/sentiment_sst2", "--profile", "tiny", "--repeats", "2", "--seeds", "0-1", "--runs", str(runs))
    seen = invoke(*words, *config, "--json")
    assert seen.exit_code == 0, seen.exception
    found = NoiseFloor.model_validate(json.loads(seen.stdout))
    assert (found.bitwise, found.n_repeats, found.n_seeds) == (True, 2, 2)
    assert {one.device for one in found.metrics.values()} == {0.0}
    assert found.metrics["loss"].seeds is not None
    assert found.metrics["loss"].seeds > 0
    stored = promote([next(runs.glob("*/*/*/*"))], reason="r", root=root, allow=["few-seeds", "dirty"])
    again = invoke(*words, *config, "--store", "--baselines", str(root))
    assert again.exit_code == 0, again.exception
    assert "2 runs of seed 0: the same weights and predictions, bit by bit." in again.stdout
    assert "2 seeds: each changes initial weights and batch order." in again.stdout
    assert StoredBaseline(path=stored.path).baseline.noise == found
