"""Reproduction: what is found, what is refused, and what a second run is called."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_record, write_cell
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.gate.promotion import promote
from bench.core.errors import InputError, SourceError
from bench.core.files import read_rows
from bench.records.noise import MetricNoise, NoiseFloor
from bench.records.record import RunRecord
from bench.records.store import Store, StoredBaseline, read_record, write_noise, write_record
from bench.running.original import Original, find_original
from bench.running.reproduction import Departure, ReproduceOutcome, allowance, assess, first_departure, surroundings
from bench.running.runs import run_seeds

NOISE = NoiseFloor(
    metrics={name: MetricNoise(device=0.001, seeds=0.01) for name in ("accuracy", "f1", "loss")},
    n_repeats=3,
    n_seeds=5,
    device="cpu",
    bitwise=False,
)
LOSSES = (0.7, 0.6, 0.5)


def original(noise: NoiseFloor | None = NOISE, losses: tuple[float, ...] | None = LOSSES) -> Original:
    return Original(name="first", record=make_record(), losses=losses, noise=noise)


def moved(by: float, **changes: Any) -> RunRecord:
    return make_record(scores__accuracy__value=0.83 + by, hashes__final_trainable="f" * 64, **changes)


# --- the verdict -----------------------------------------------------------------------------------------------------


def test_an_equal_run_is_bitwise_even_elsewhere_and_without_known_noise() -> None:
    for noise in (NOISE, None):
        assert assess(original(noise), make_record(), LOSSES).outcome == "bitwise"
    other = assess(original(), make_record(environment__python="3.99.0"), LOSSES)
    assert (other.outcome, other.elsewhere) == ("bitwise", ("python: 3.12.1, now 3.99.0",))


@pytest.mark.parametrize("what", ["initial_trainable", "batch_order", "final_trainable", "predictions"])
def test_one_hash_that_differs_is_not_bitwise(what: str) -> None:
    done = assess(original(), make_record(**{f"hashes__{what}": "f" * 64}), LOSSES)
    assert done.outcome == "within noise"
    assert [name for name, is_same in done.hashes.items() if not is_same] == [what]


def test_a_score_before_fine_tuning_or_a_loss_that_differs_is_not_bitwise() -> None:
    before = make_record(scores_before__accuracy__value=0.51)
    assert assess(original(), before, LOSSES).outcome == "within noise"
    assert assess(original(), make_record(), (0.7, 0.6, 0.5000001)).outcome == "within noise"


@pytest.mark.parametrize(
    ("by", "elsewhere", "outcome"),
    [
        (0.0009, False, "within noise"),
        (-0.0009, False, "within noise"),
        (0.0011, False, "differs"),
        (0.0011, True, "within noise"),
        (-0.0559, True, "within noise"),  # sqrt(2) * 0.01 * 3.961, the quantile of t with 4 df at 1 - 0.05 / 6
        (0.0561, True, "differs"),
    ],
)
def test_a_score_may_move_by_device_noise_here_and_by_another_draw_of_the_noise_of_training_elsewhere(
    by: float, elsewhere: bool, outcome: ReproduceOutcome
) -> None:
    changes = {"environment__packages": {"torch": "2.10.0", "transformers": "5.0.0"}} if elsewhere else {}
    done = assess(original(), moved(by, **changes), LOSSES)
    assert done.outcome == outcome
    assert done.elsewhere == (("torch: 2.9.0, now 2.10.0",) if elsewhere else ())
    if outcome == "differs":
        draw = " (another draw of the training noise, known from 5 seeds, over 3 metrics)" if elsewhere else ""
        assert done.why == f"moved further than its noise{draw}: accuracy"


def test_without_stored_noise_only_bitwise_will_do() -> None:
    done = assess(original(noise=None), moved(1e-12), LOSSES)
    assert done.outcome == "differs"
    assert "no noise is stored" in done.why
    assert {score.allowance for score in done.scores} == {None}


def test_a_metric_whose_noise_nobody_measured_may_not_move() -> None:
    noise = NOISE.model_copy(update={"metrics": {"f1": NOISE.metrics["f1"]}})
    assert assess(original(noise), moved(1e-12), LOSSES).outcome == "differs"
    assert assess(original(noise), make_record(hashes__predictions="f" * 64), LOSSES).outcome == "within noise"


def test_the_allowance_is_the_larger_of_both_noises_elsewhere() -> None:
    noise = NOISE.model_copy(
        update={"metrics": {"a": MetricNoise(device=0.5, seeds=0.1), "b": MetricNoise(device=0.5, seeds=None)}}
    )
    assert [allowance("a", noise, elsewhere=where) for where in (False, True)] == [0.5, 0.5]
    assert [allowance("b", noise, elsewhere=where) for where in (False, True)] == [0.5, 0.5]
    assert allowance("accuracy", NOISE, elsewhere=True) == pytest.approx(2.776445 * 2**0.5 * 0.01, rel=1e-6)
    assert allowance("accuracy", NOISE.model_copy(update={"n_seeds": 1}), elsewhere=True) == 0.001
    assert allowance("c", noise, elsewhere=True) is None


@pytest.mark.parametrize(("n_seeds", "n_metrics"), [(3, 1), (3, 5), (5, 8)])
def test_another_draw_of_the_same_noise_is_seldom_called_different(n_seeds: int, n_metrics: int) -> None:
    generator, calls, n = np.random.default_rng(n_seeds), 0, 2000
    for _ in range(n):
        draws = generator.normal(size=(n_seeds + 2, n_metrics))
        distances, spreads = np.abs(draws[0] - draws[1]), draws[2:].std(axis=0, ddof=1)
        allowed = []
        for spread in spreads:
            noise = NOISE.model_copy(
                update={"n_seeds": n_seeds, "metrics": {"a": MetricNoise(device=0.0, seeds=spread)}}
            )
            allowed.append(allowance("a", noise, elsewhere=True, n_metrics=n_metrics))
        calls += bool((distances > np.array(allowed)).any())
    assert calls / n <= 0.06  # 5 %, and two standard errors of the simulation
    assert n_metrics > 1 or calls / n >= 0.04


def test_seeds_of_the_stored_baselines_are_draws_of_their_own_noise() -> None:
    n_pairs = n_different = 0
    for stored in Store().baselines():
        noise, records = stored.baseline.noise, stored.records
        for a, b in itertools.combinations(records if noise is not None else (), 2):
            allowed = {name: allowance(name, noise, elsewhere=True, n_metrics=len(a.scores)) for name in a.scores}
            moved = {name: abs(a.scores[name].value - b.scores[name].value) for name in a.scores}
            n_pairs += 1
            n_different += any(moved[name] > (allowed[name] or 0.0) for name in moved)
    assert n_pairs >= 30
    assert n_different <= 0.05 * n_pairs


def test_surroundings_are_what_can_move_the_last_bit() -> None:
    then = make_record().environment
    now = then.model_copy(
        update={
            "commit": "e" * 40,
            "bench_version": "9",
            "dirty": True,
            "n_threads": 4,
            "determinism": then.determinism | {"ATEN_CPU_CAPABILITY": "AVX2"},
            "packages": {"torch": "2.9.0"},
        }
    )
    assert surroundings(then, now) == (
        "n_threads: 2, now 4",
        "transformers: 5.0.0, now absent",
        "ATEN_CPU_CAPABILITY: not recorded, now AVX2",
    )
    assert surroundings(then, then) == ()


@pytest.mark.parametrize(
    ("again", "departure"),
    [
        ((0.7, 0.6, 0.5), None),
        ((0.7, 0.6 + 1e-9, 0.9), Departure(step=2, recorded=0.6, again=0.6 + 1e-9)),
        ((0.7, 0.6), Departure(step=3, recorded=0.5, again=None)),
        ((0.7, 0.6, 0.5, 0.4), Departure(step=4, recorded=None, again=0.4)),
        ((), Departure(step=1, recorded=0.7, again=None)),
    ],
)
def test_the_first_departure_is_the_first_step_that_is_not_equal(
    again: tuple[float, ...], departure: Departure | None
) -> None:
    assert first_departure(LOSSES, again) == departure
    assert first_departure(None, again) is None


# --- finding ---------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_folder_by_record_and_as_a_seed_of_a_baseline(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", *(make_record(seed) for seed in (0, 1, 2)))
    roots = [tmp_path / "baselines"]
    path = promote(runs, reason="r", root=roots[0]).path
    write_noise(StoredBaseline(path=path), NOISE)
    losses = tuple(row["loss"] for row in read_rows(runs[1] / "curve.jsonl"))
    name = "sentiment_sst2/documented/frozen_body"
    for given in (runs[1], runs[1] / "record.json", f"{name}#1", f"{path}#1"):
        found = find_original(given, roots=roots)
        assert (found.record, found.losses, found.noise) == (make_record(1), losses, NOISE), given
    assert find_original(name, roots=roots).record == make_record(0)
    assert find_original(name, roots=roots).name == f"{name}#0"
    alone = shutil.copy(runs[1] / "record.json", runs[2] / "copied.json")
    found = find_original(alone, roots=roots)
    assert (found.record, found.losses, found.noise) == (make_record(1), None, NOISE)


def test_noise_of_another_config_is_not_borrowed(tmp_path: Path) -> None:
    roots = [tmp_path / "baselines"]
    path = promote(write_cell(tmp_path / "a", *(make_record(s) for s in (0, 1, 2))), reason="r", root=roots[0]).path
    write_noise(StoredBaseline(path=path), NOISE)
    other = write_cell(tmp_path / "b", make_record(0, config__training__learning_rate=1.0))[0]
    assert find_original(other, roots=roots).noise is None


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    roots = [tmp_path / "baselines"]
    promote(write_cell(tmp_path, *(make_record(s) for s in (0, 1, 2))), reason="r", root=roots[0])
    name = "sentiment_sst2/documented/frozen_body"
    with pytest.raises(InputError, match=r"holds no seed '7'; allowed: 0, 1, 2"):
        find_original(f"{name}#7", roots=roots)
    with pytest.raises(InputError, match=f"did you mean '{name}'"):
        find_original("sentiment_sst2/documented/frozen_bod", roots=roots)
    with pytest.raises(InputError, match="there is no run record here"):
        find_original(tmp_path, roots=roots)


# --- running ---------------------------------------------------------------------------------------------------------


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["reproduce", *words], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run."""
    import tiny  # loads torch, which the other tests do without

    root = tmp_path_factory.mktemp("runs")
    settings: dict[str, Any] = {"profile": "tiny", "overrides": (*tiny.CLASSIFY, "training.steps=3"), "device": "cpu"}
    return run_seeds("suites/sentiment_sst2", runs_root=root, **settings)[0].folder


@pytest.mark.integration
def test_a_run_comes_out_bitwise_from_its_record_alone(stored: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(stored / "record.json", alone)
    done = invoke(str(alone), "--keep", str(tmp_path / "kept"), "--baselines", str(tmp_path))
    assert done.exit_code == 0, done.exception
    assert "bitwise: weights, predictions and every score are equal to the last bit" in done.stdout
    assert "loss: the record was stored without the loss of each step" in done.stdout
    again = read_record(next((tmp_path / "kept").glob("*/*/*/*/seed-0")))
    assert again.hashes == read_record(stored).hashes


@pytest.mark.integration
def test_a_changed_course_is_told_by_its_first_step_and_exit_code_1(stored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stored, tmp_path / "seed-0")
    rows = read_rows(folder / "curve.jsonl")
    rows[1]["loss"] += 0.25
    (folder / "curve.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    done = invoke(str(folder), "--json", "--baselines", str(tmp_path))
    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert (said["outcome"], said["departure"]["step"], said["elsewhere"]) == ("differs", 2, [])
    assert said["departure"]["again"] - said["departure"]["recorded"] == pytest.approx(-0.25)
    assert {score["distance"] for score in said["scores"].values()} == {0.0}


@pytest.mark.integration
@pytest.mark.parametrize(("block", "field"), [("data", "fingerprint"), ("model", "base")])
def test_other_bytes_are_refused_before_training(stored: Path, tmp_path: Path, block: str, field: str) -> None:
    record = read_record(stored)
    changed = getattr(record, block).model_copy(update={field: "of other bytes"})
    write_record(tmp_path, record.model_copy(update={block: changed}))
    refused = invoke(str(tmp_path), "--keep", str(tmp_path / "kept"), "--baselines", str(tmp_path)).exception
    assert isinstance(refused, SourceError)
    assert f"{block}.{field} is " in str(refused)
    assert not (tmp_path / "kept").exists()
