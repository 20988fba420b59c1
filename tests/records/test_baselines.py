"""Measured baselines: made of runs, stored whole, refused where they would lie."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_record, write_cell, write_run
from stored import write_suite
from typer.testing import CliRunner

from bench.cli.baseline import baseline as baseline_app
from bench.comparing import verification
from bench.comparing.gate import promotion
from bench.comparing.gate.promotion import promote
from bench.comparing.verification import verify
from bench.core.builtin import builtin_root
from bench.core.errors import BenchError, InputError, NotComparableError
from bench.core.files import read_rows
from bench.records import baselines as baseline
from bench.records.making import from_runs
from bench.records.noise import MetricNoise, NoiseFloor
from bench.records.record import WorkingTree
from bench.records.store import (
    ResultName,
    Store,
    StoredBaseline,
    read_statistics,
    write_baseline,
    write_noise,
    write_statistics,
)

DATE = datetime.date(2026, 1, 2)


def store(root: Path, *seeds: int) -> Path:
    runs = write_cell(root / "runs", *(make_record(seed) for seed in seeds))
    return write_baseline(*from_runs(runs, reason="first measured", created=DATE), root=root / "baselines")


def test_a_baseline_holds_every_seed_at_full_precision(tmp_path: Path) -> None:
    path = store(tmp_path, 1, 0)
    assert path == tmp_path / "baselines/sentiment_sst2/documented/frozen_body.json"
    loaded = StoredBaseline(path=path).baseline
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
    made, _ = from_runs(write_cell(tmp_path, *records), reason="both")
    assert made.records() == tuple(records)


def test_a_baseline_of_the_first_schema_gives_records_of_it(tmp_path: Path) -> None:
    old = StoredBaseline(path=store(tmp_path, 0)).baseline.model_copy(update={"schema_version": 1})
    assert [(record.schema_version, record.evaluations, record.judge) for record in old.records()] == [(1, (), None)]


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first = {p.name: p.read_bytes() for p in store(tmp_path, 0, 1).parent.iterdir()}
    second = {p.name: p.read_bytes() for p in store(tmp_path, 0, 1).parent.iterdir()}
    assert first == second
    assert set(first) == {"frozen_body.json", "frozen_body.safetensors"}


def test_a_config_key_folder_stands_for_its_seeds(tmp_path: Path) -> None:
    runs = write_cell(tmp_path, make_record(0), make_record(1))
    made, _ = from_runs([runs[0].parent], reason="both")
    assert [seed.seed for seed in made.seeds] == [0, 1]


def test_statistics_lie_beside_it_by_seed_and_metric(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", make_record(0), make_record(1))
    statistics = StoredBaseline(path=store(tmp_path, 0, 1)).statistics
    assert list(statistics) == [0, 1]
    assert set(statistics[0]) == {"accuracy", "f1", "loss"}
    np.testing.assert_array_equal(statistics[1]["accuracy"], read_statistics(runs[1])["after"]["accuracy"])


def test_losses_of_every_step_lie_beside_it(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", make_record(0), make_record(3))
    losses = StoredBaseline(path=store(tmp_path, 0, 3)).losses
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
        _ = StoredBaseline(path=path).baseline


def test_large_statistics_are_left_out_and_old_ones_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, 0)
    monkeypatch.setattr(baseline, "MAX_STATISTICS_BYTES", 100)
    path = store(tmp_path, 0)
    loaded = StoredBaseline(path=path).baseline
    assert loaded.statistics_sha256 is None
    assert loaded.statistics_left_out == "3440 bytes exceed the 100 that a repository should carry"
    assert not path.with_suffix(".safetensors").exists()
    assert StoredBaseline(path=path).statistics == {}


def test_a_run_without_statistics_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "seed-0", make_record())
    (run / "statistics.safetensors").unlink()
    made, payload = from_runs([run], reason="r")
    assert payload is None
    assert made.statistics_left_out == "seed 0 stored no statistics.safetensors"


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
            from_runs(folders, reason="r")
    with pytest.raises(InputError, match="--reason is empty"):
        from_runs([zero], reason=" ")


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
            _ = StoredBaseline(path=path).baseline
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        _ = StoredBaseline(path=path).baseline


def test_the_working_folder_comes_before_the_built_in_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = store(tmp_path, 0)
    built_in = tmp_path / "built_in"
    theirs = built_in / "sentiment_sst2/documented/frozen_body.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    roots = [tmp_path / "baselines", built_in]
    name = ResultName("sentiment_sst2", "documented", "frozen_body")

    def path_of(store: Store) -> Path:
        found = store.baseline_of(name)
        assert found is not None
        return found.path

    assert path_of(Store(roots=roots)) == mine
    assert path_of(Store(roots=roots[::-1])) == theirs
    assert Store(roots=roots).baseline_of(name._replace(profile="tiny")) is None
    assert [stored.path for stored in Store(roots=roots).baselines()] == [mine]
    monkeypatch.chdir(tmp_path)
    assert path_of(Store()).resolve() == mine


def test_a_metric_that_some_seed_lacks_has_no_scores(tmp_path: Path) -> None:
    loaded = StoredBaseline(path=store(tmp_path, 0, 1)).baseline
    assert len(loaded.scores("accuracy")) == 2
    assert loaded.scores("meteor") == ()


# --- promoting -------------------------------------------------------------------------------------------------------


def cell(root: Path, *seeds: int, **changes: Any) -> list[Path]:
    return write_cell(root / "runs", *(make_record(seed, **changes) for seed in seeds))


def test_a_promotion_notes_who_from_which_commit_and_what_it_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "person", lambda: "A. Person")
    monkeypatch.setattr(promotion, "working_tree", lambda: ("c" * 40, False))
    root = tmp_path / "baselines"
    first = promote(cell(tmp_path, 0, 1, 2), reason="first", root=root, created=DATE)
    assert (first.replaced, first.baseline.replaces_sha256) == (None, None)
    assert (first.baseline.promoted_by, first.baseline.promoted_from_commit) == ("A. Person", "c" * 40)
    assert (first.baseline.created, first.baseline.reason, first.baseline.waived) == ("2026-01-02", "first", ())
    before = hashlib.sha256(first.path.read_bytes()).hexdigest()
    second = promote(cell(tmp_path, 0, 1, 2, 3), reason="more seeds", root=root)
    assert StoredBaseline(path=second.path).baseline == second.baseline
    assert second.baseline.replaces_sha256 == before
    assert second.replaced == first.baseline


def test_what_would_spoil_a_baseline_is_refused_by_name_and_stored_where_it_is_allowed(tmp_path: Path) -> None:
    root = tmp_path / "baselines"
    promote(cell(tmp_path / "a", 0, 1, 2), reason="first", root=root)
    stored = (root / "sentiment_sst2/documented/frozen_body.json").read_bytes()
    cases: list[tuple[str, type[BenchError], list[Path], str]] = [
        ("dirty", InputError, cell(tmp_path / "b", 0, 1, 2, environment__dirty=True), r"seed\(s\) 0, 1, 2 ran from"),
        (
            "mixed",
            InputError,
            [*cell(tmp_path / "m", 0, 1), *cell(tmp_path / "m", 2, environment__commit="f" * 40)],
            "the seeds were made by different code: commit ccccccc for seeds 0, 1 and fffffff for seed 2",
        ),
        ("few-seeds", InputError, cell(tmp_path / "c", 0, 1), r"2 seed\(s\) were given, and a baseline needs 3"),
        (
            "incomparable",
            NotComparableError,
            cell(tmp_path / "d", 0, 1, 2, data__fingerprint="e" * 64),
            f"data.fingerprint is {'e' * 64}, was {'d' * 64}",
        ),
    ]
    for word, error, runs, message in cases:
        others = [other for other, *_ in cases if other != word]
        with pytest.raises(error, match=f"{message}.*--allow {word} "):
            promote(runs, reason="r", root=root, allow=others)
        assert (root / "sentiment_sst2/documented/frozen_body.json").read_bytes() == stored
    for word, _, runs, message in cases:
        waived = promote(runs, reason="r", root=tmp_path / word, allow=[word]).baseline.waived
        assert len(waived) == (word != "incomparable")  # nothing stands there to be unlike
        waived = promote(runs, reason="r", root=root, allow=[word, "incomparable"]).baseline.waived
        assert re.search(message, waived[0])
    with pytest.raises(InputError, match=r"--allow 'dirt' is not known; did you mean 'dirty'\?"):
        promote(cases[0][2], reason="r", root=root, allow=["dirt"])


@pytest.mark.parametrize("name", ["suite", "method", "metric Counted"])
def test_runs_of_files_that_no_commit_holds_are_refused(tmp_path: Path, name: str) -> None:
    held, changed = {"commit": "c" * 40, "dirty": False}, {"commit": "c" * 40, "dirty": True}
    root = tmp_path / "baselines"
    promote(cell(tmp_path / "a", 0, 1, 2, environment__user_files={name: held}), reason="r", root=root)
    runs = cell(tmp_path / "b", 0, 1, 2, environment__user_files={name: changed})
    with pytest.raises(InputError, match=rf"no commit holds the files of the {name} as they were run.*--allow dirty"):
        promote(runs, reason="r", root=root)
    assert promote(runs, reason="r", root=root, allow=["dirty"]).baseline.waived[0].startswith("dirty: no commit holds")


def test_an_uncommitted_suite_is_refused_though_an_older_record_does_not_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(promotion, "tree_of", lambda folder: WorkingTree(commit="c" * 40, dirty=True))
    write_suite(tmp_path, make_record().config)
    with pytest.raises(InputError, match="no commit holds the files of the suite as they were run"):
        promote(cell(tmp_path, 0, 1, 2), reason="r")
    promote(cell(tmp_path / "other", 0, 1, 2, config__training__learning_rate=0.3), reason="r")  # not this suite's


def test_another_method_setting_is_what_baselines_are_replaced_for(tmp_path: Path) -> None:
    root = tmp_path / "baselines"
    promote(cell(tmp_path / "a", 0, 1, 2), reason="first", root=root)
    second = promote(cell(tmp_path / "b", 0, 1, 2, config__training__learning_rate=1e-4), reason="r", root=root)
    assert second.baseline.waived == ()


def test_a_replacement_that_drops_a_metric_or_follows_a_broken_one_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "baselines"
    path = promote(cell(tmp_path / "a", 0, 1, 2), reason="first", root=root).path
    fewer = cell(tmp_path / "b", 0, 1, 2, config__metrics={"accuracy": {}, "loss": {}})
    with pytest.raises(NotComparableError, match=r"metrics\.f1 is not scored, was scored"):
        promote(fewer, reason="r", root=root)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(NotComparableError, match=r"the baseline to replace cannot be read \(.*frozen_body\.json"):
        promote(fewer, reason="r", root=root)
    again = promote(fewer, reason="r", root=root, allow=["incomparable"])
    assert again.baseline.waived[0].startswith("incomparable: the baseline to replace cannot be read")
    assert again.baseline.replaces_sha256 == hashlib.sha256(b"{").hexdigest()


def test_the_policy_says_how_many_seeds_a_baseline_needs(tmp_path: Path) -> None:
    root = tmp_path / "baselines"
    root.mkdir()
    runs = cell(tmp_path, 0, 1, 2, config__profile="tiny")
    text = """
        profile = "{profile}"
        min_seeds = 2
        [suites.sentiment_sst2.metrics.accuracy]
        tier = "critical"
        max_drop = 0.1
        min_seeds = 5
    """
    (root / "policy.toml").write_text(text.format(profile="tiny"), encoding="utf-8")
    with pytest.raises(InputError, match=r"a baseline needs 5 \(min_seeds of the policy\)"):
        promote(runs, reason="r", root=root)
    elsewhere = tmp_path / "mine.toml"
    elsewhere.write_text(text.format(profile="offline"), encoding="utf-8")
    assert promote(runs[:2], reason="r", root=root, policy=elsewhere).baseline.waived == ()
    with pytest.raises(InputError, match="a baseline needs 2 "):
        promote(runs[:1], reason="r", root=root, policy=elsewhere)


# --- noise -----------------------------------------------------------------------------------------------------------

FLOOR = NoiseFloor(
    metrics={"accuracy": MetricNoise(device=0.0, seeds=0.01)}, n_repeats=3, n_seeds=3, device="cpu", bitwise=True
)


def test_noise_is_stored_and_nothing_else_moves_even_in_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "sentiment_sst2/tiny/frozen_body.json"
    path.parent.mkdir(parents=True)
    for ending in (".json", ".safetensors"):
        shutil.copy(Path(__file__).parent / "schemas" / f"baseline-1{ending}", path.with_suffix(ending))
    before = json.loads(path.read_text())
    write_noise(StoredBaseline(path=path), FLOOR)
    assert StoredBaseline(path=path).baseline.noise == FLOOR
    assert json.loads(path.read_text()) == before | {"noise": FLOOR.model_dump(mode="json")}
    assert verify(StoredBaseline(path=path)).problems == ()
    with pytest.raises(InputError, match="its seeds ran on cpu, and the noise was measured on NVIDIA X"):
        write_noise(StoredBaseline(path=path), FLOOR.model_copy(update={"device": "NVIDIA X"}))


# --- verifying -------------------------------------------------------------------------------------------------------


def right_of(scores: np.ndarray) -> dict[str, np.ndarray]:
    return {"accuracy": np.stack([scores, np.ones(len(scores))], axis=1)}


def exact(root: Path, *, value: float = 0.75) -> Path:
    """Store a baseline of one seed whose accuracy follows from its statistics: 3 of 4."""
    scored = make_record(config__metrics={"accuracy": {}}, scores__accuracy__n_examples=4)
    scored = scored.model_copy(
        update={"scores": {"accuracy": scored.scores["accuracy"].model_copy(update={"value": value})}}
    )
    run = write_cell(root / "runs", scored)[0]
    write_statistics(run, {"before": {}, "after": right_of(np.array([1.0, 1.0, 0.0, 1.0]))})
    return write_baseline(*from_runs([run], reason="r"), root=root / "baselines")


def test_a_baseline_that_holds_is_computed_again(tmp_path: Path) -> None:
    path = exact(tmp_path)
    checked = verify(StoredBaseline(path=path))
    assert (checked.problems, checked.n_values, checked.skipped) == ((), 1, ())
    assert checked.n_bytes == sum(file.stat().st_size for file in path.parent.iterdir())


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda v: v["seeds"][0]["scores"]["accuracy"].update(value=0.8),
            "the stored score is 0.8, and the statistics",
        ),
        (lambda v: v["seeds"][0]["scores"]["accuracy"].update(n_examples=5), "statistics of 4 examples, and the score"),
        (lambda v: v["seeds"][0]["scores"].clear(), "seed 0, accuracy: there are statistics and no score"),
        (lambda v: v["config"]["training"].update(learning_rate=1.0), "config_key is .* one of them was edited"),
        (lambda v: v.update(method="full"), "has to be stored as sentiment_sst2/documented/full.json"),
        (lambda v: v.update(statistics_sha256="0" * 64), r"frozen_body\.safetensors: sha256 is"),
        (lambda v: v.update(schema_version=9), "schema_version is 9"),
    ],
)
def test_every_edit_of_a_baseline_is_found(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    path = exact(tmp_path)
    edited(path, change)
    assert re.search(problem, "; ".join(verify(StoredBaseline(path=path)).problems))


def test_statistics_that_are_not_finite_and_files_that_are_too_large_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_cell(tmp_path / "runs", make_record(config__metrics={"accuracy": {}}, scores__accuracy__n_examples=2))
    write_statistics(run[0], {"before": {}, "after": right_of(np.array([1.0, float("nan")]))})
    path = write_baseline(*from_runs(run, reason="r"), root=tmp_path / "baselines")
    assert "the statistics hold a value that is not finite" in verify(StoredBaseline(path=path)).problems[0]
    monkeypatch.setattr(verification, "MAX_BYTES", 1000)
    assert re.search(r"it takes \d+ bytes, more than the 1000", "; ".join(verify(StoredBaseline(path=path)).problems))


def test_the_committed_baselines_hold() -> None:
    for stored in Store(roots=[builtin_root("baselines")]).baselines():
        assert verify(stored).problems == (), stored.path


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_promotes_lists_shows_and_verifies(tmp_path: Path) -> None:
    runs = cell(tmp_path, 0, 1, 2)
    root = str(tmp_path / "baselines")
    cli = CliRunner()

    def invoke(*words: str) -> Any:
        return cli.invoke(baseline_app, [*words, "--baselines", root], env={"COLUMNS": "200"})

    promoted = invoke("promote", str(runs[0].parent), "--reason", "first measured")
    assert (promoted.exit_code, promoted.stdout.strip()[-16:]) == (0, "frozen_body.json")
    name = "sentiment_sst2/documented/frozen_body"
    listed = invoke("list")
    assert listed.stdout.startswith(f"{name}  3 seeds  20")
    assert listed.stdout.rstrip().endswith("first measured")
    shown = invoke("show", name)
    assert shown.exit_code == 0
    for part in (
        "seed 2",
        "0.832",
        "accuracy|v:1.7",
        "d" * 64,
        "c" * 40,
        "not measured",
        "3.1 MB at most",
        "first mea",
    ):
        assert part in shown.stdout
    assert json.loads(invoke("show", name, "--json").stdout)["reason"] == "first measured"
    suggested = invoke("show", "sentiment_sst2/documented/frozen_bdy")
    assert "did you mean 'sentiment_sst2/documented/frozen_body'?" in str(suggested.exception)
    refused = invoke("promote", str(tmp_path / "nothing"), "--reason", "r")
    assert isinstance(refused.exception, InputError)
    two = invoke("promote", *map(str, runs[:2]), "--reason", "r", "--allow", "few-seeds")
    assert (two.exit_code, "allowed, few-seeds: 2 seed(s)" in two.stderr) == (0, True)
    assert "few-seeds: 2 seed(s) were given" in invoke("show", name).stdout
    verified = invoke("verify")  # made-up statistics, of fewer examples than the made-up score
    assert isinstance(verified.exception, InputError)
    assert "frozen_body.json: seed 0, accuracy: statistics of 40 examples, and" in str(verified.exception)


def test_the_command_verifies_what_holds(tmp_path: Path) -> None:
    exact(tmp_path)
    done = CliRunner().invoke(baseline_app, ["verify", "--baselines", str(tmp_path / "baselines")])
    assert done.exit_code == 0
    assert done.stdout.startswith("sentiment_sst2/documented/frozen_body  holds, 1 score computed again\n1 baseline, ")
