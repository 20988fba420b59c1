"""Whole runs of the tiny profiles: repeatable, resumable, all or nothing. No network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file

import bench
from bench.core.errors import InputError, RunError, TrainingError
from bench.core.files import read_rows
from bench.materials.fetch import fetch
from bench.methods.applying import state_hash
from bench.records.predictions import Predictions
from bench.records.store import read_record, read_statistics, run_folder
from bench.running import learning, run, saving, scoring
from bench.running.runs import SeedResult, run_seeds
from bench.suites.resolve import builtin_suites, load_suite

pytestmark = pytest.mark.integration
SUITES = builtin_suites()
METHODS = [(name, method) for name in SUITES for method in load_suite(name).methods("tiny")]
FASTER = {
    "sentiment_sst2": ("data.train.stop=200", "training.epochs=1"),
    "summarization": ("data.train.stop=48", "training.epochs=1", "data.test={start=576, stop=596}"),
    **{suite: tiny.SMALLER[suite] for suite in ("imdb", "gulliver", "alice_edgar")},
}
REPEATED = {suite: () if suite in ("sentiment_sst2", "summarization") else FASTER[suite] for suite in SUITES}


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Refuse every socket; `socket_disabled` is pytest-socket's."""


def _run(suite: str, root: Path, **settings: Any) -> list[SeedResult]:
    return run_seeds(suite, profile="tiny", device="cpu", runs_root=root, **settings)


def _without_cost(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert values.pop("cost")
    return values


def _other_bytes(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "record.json"
    }


# --- repeating -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_a_forced_repeat_is_equal_outside_cost_and_a_plain_repeat_is_free(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(suite, tmp_path, overrides=REPEATED[suite])[0]
    assert not first.reused
    record, files = _without_cost(first.folder), _other_bytes(first.folder)
    torch.manual_seed(12345)  # what was drawn before must not matter
    second = _run(suite, tmp_path, overrides=REPEATED[suite], force=True)[0]
    assert not second.reused
    assert second.folder == first.folder
    assert _without_cost(second.folder) == record
    assert _other_bytes(second.folder) == files

    def forbidden(*_: object) -> None:
        raise AssertionError("a stored run was run again")

    monkeypatch.setattr(run, "run_seed", forbidden)
    third = _run(suite, tmp_path, overrides=REPEATED[suite])[0]
    assert third.reused
    assert third.record == second.record


@pytest.mark.parametrize("suite", SUITES)
def test_fine_tuning_on_the_tiny_profile_learns(suite: str, tmp_path: Path) -> None:
    record = _run(suite, tmp_path)[0].record
    losses = [epoch.train_loss for epoch in record.epochs]
    assert losses == sorted(losses, reverse=True)
    change = record.changes[record.config.primary_metric]
    assert change.low > 0
    name = "loss" if record.config.task.kind == "classification" else "perplexity"
    assert record.changes[name].high < 0


def test_seeds_differ_in_what_a_seed_decides_and_in_nothing_else(tmp_path: Path) -> None:
    overrides = FASTER["sentiment_sst2"]
    results = _run("sentiment_sst2", tmp_path, seeds=(0, 1, 2), overrides=overrides)
    records = [result.record for result in results]
    assert [result.folder.name for result in results] == ["seed-0", "seed-1", "seed-2"]
    assert len({result.folder.parent for result in results}) == 1
    for name in ("initial_trainable", "batch_order", "final_trainable", "predictions"):
        assert len({getattr(record.hashes, name) for record in records}) == 3, name
    assert len({record.data.fingerprint for record in records}) == 1
    assert len({record.model.base for record in records}) == 1
    again = _run("sentiment_sst2", tmp_path, seeds=(1, 3), overrides=overrides)
    assert [result.reused for result in again] == [True, False]
    assert bench.load_record(again[0].folder) == records[1]


# --- methods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suite", "method"), METHODS)
def test_every_method_trains_saves_and_reloads(suite: str, method: str, tmp_path: Path) -> None:
    result = _run(suite, tmp_path, method=method, overrides=(*FASTER[suite], "training.save=trainable"))[0]
    record, folder = result.record, result.folder
    assert (record.method, record.reload_identical) == (method, True)
    assert record.hashes.initial_trainable != record.hashes.final_trainable
    weights = load_file(folder / "weights.safetensors")
    assert state_hash(weights) == record.hashes.final_trainable
    assert sum(tensor.numel() for tensor in weights.values()) == record.model.trainable_parameters
    assert record.model.trainable_share == record.model.trainable_parameters / record.model.total_parameters


def test_a_model_saved_whole_reloads_without_bench(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    result = _run("sentiment_sst2", tmp_path, overrides=FASTER["sentiment_sst2"])[0]
    pieces = tiny.assemble(result.record.config)
    model = AutoModelForSequenceClassification.from_pretrained(result.folder / "model").eval()
    pieces.task._fixed = False  # type: ignore[attr-defined]
    items = pieces.task.encode(model, pieces.splits.test, "test", advance=tiny.nothing)
    with torch.inference_mode():
        got = pieces.task.predict(model, items, batch_size=32, advance=tiny.nothing)
    stored = Predictions.read(result.folder / "predictions.jsonl")
    assert got.losses_nats == pytest.approx(stored.losses_nats, abs=1e-5)


# --- what is stored --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_everything_after_the_model_can_be_redone_from_the_folder(suite: str, tmp_path: Path) -> None:
    from bench import metrics

    result = _run(suite, tmp_path, overrides=FASTER[suite])[0]
    record, folder = result.record, result.folder
    assert folder == run_folder(tmp_path, record.config, 0)
    assert read_record(folder) == record
    stored = read_statistics(folder)
    predictions = Predictions.read(folder / "predictions.jsonl")
    n_samples = getattr(record.config.task, "n_samples", 0) * len(record.config.data.labels)
    n_examples = n_samples or record.data.splits["test"].n_examples
    assert len(predictions.ids) == len(set(predictions.ids)) == n_examples
    materials = fetch(record.config)
    for name, config in record.config.metrics.items():
        given: dict[str, Any] = {}
        needs = metrics.needs(name)
        if needs:
            given["model_path"] = folder / "judge" if "judge" in needs else materials.base.folder
        if "corpus" in needs:
            given["corpus"] = "\n\n".join(example.input for example in materials.splits.train)
        resources = metrics.open_resources(name, **given)
        n_classes = len(record.config.data.labels) or None
        metric = metrics.build(name, config.options, resources=resources, n_classes=n_classes)
        statistics = metric.statistics(*predictions.inputs_of(metric.spec.inputs, config))
        # In another company of a batch a judge's probabilities move in their last bits.
        apart = 1e-5 if "judge" in needs else 0.0
        np.testing.assert_allclose(statistics, stored["after"][name], rtol=0, atol=apart, err_msg=name)
        assert metric.aggregate(statistics.sum(axis=0)) == pytest.approx(record.scores[name].value), name
        assert record.changes[name].value == pytest.approx(
            record.scores[name].value - record.scores_before[name].value
        ), name
    curve = read_rows(folder / "curve.jsonl")
    assert curve[-1]["step"] == record.epochs[-1].step == len(curve)


def test_the_lock_file_repeats_the_run(tmp_path: Path) -> None:
    result = _run("sentiment_sst2", tmp_path, overrides=FASTER["sentiment_sst2"])[0]
    again = run_seeds(result.folder / "config.lock.toml", device="cpu", runs_root=tmp_path)[0]
    assert again.reused
    assert again.folder == result.folder


def test_rows_of_ones_own_come_through_the_local_source(tmp_path: Path) -> None:
    rows = [('it\'s "good" fun', 1), ('a dull "thing', 0)] * 20
    table = tmp_path / "mine.tsv"
    table.write_text("sentence\tlabel\n" + "".join(f"{i} {text}\t{y}\n" for i, (text, y) in enumerate(rows)))
    source = f'{{kind="local", path="{table}"}}'
    overrides = ["data.input_column=sentence", "data.train.stop=20", "data.test={start=30, stop=40}"]
    overrides += ["data.validation={start=20, stop=30}"]
    overrides += [f"data.{split}.source={source}" for split in ("train", "validation", "test")]
    record = _run("sentiment_sst2", tmp_path / "runs", overrides=overrides)[0].record
    assert record.data.splits["train"].source.startswith("local:mine.tsv#sha256:")
    assert [record.data.splits[split].n_examples for split in ("train", "validation", "test")] == [20, 10, 10]

    news = tmp_path / "news.jsonl"
    lines = [
        {"text": f"{i} the baker sold the boat\u2028today .", "summary": f"baker sold boat {i}"} for i in range(20)
    ]
    news.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    overrides = [f'data.source={{kind="local", path="{news}"}}', "data.input_column=text", "data.target_column=summary"]
    overrides += ["data.train.stop=12", "data.validation={start=12, stop=16}", "data.test={start=16, stop=20}"]
    record = _run("summarization", tmp_path / "runs", overrides=overrides)[0].record
    assert record.data.splits["test"].source.startswith("local:news.jsonl#sha256:")


# --- failing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize(
    ("module", "stage"),
    [(learning, "train"), (saving, "save_trained"), (scoring, "score"), (run, "write_record")],
)
def test_a_failure_in_mid_run_leaves_no_folder_and_no_record(
    module: ModuleType, stage: str, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("in the middle")

    monkeypatch.setattr(module, stage, fail)
    with pytest.raises(error, match="in the middle"):
        _run("sentiment_sst2", tmp_path, overrides=FASTER["sentiment_sst2"])
    assert not list(tmp_path.rglob("seed-*"))
    assert not list(tmp_path.rglob("record.json"))


def test_a_forced_repeat_that_fails_keeps_the_record_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = FASTER["sentiment_sst2"]
    result = _run("sentiment_sst2", tmp_path, overrides=overrides)[0]

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(learning, "train", fail)
    with pytest.raises(KeyboardInterrupt):
        _run("sentiment_sst2", tmp_path, overrides=overrides, force=True)
    assert read_record(result.folder) == result.record


def test_weights_that_do_not_reload_to_the_same_answers_are_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = saving.save_trained

    def spoiled(model: Any, *arguments: Any, **settings: Any) -> int:
        size = save(model, *arguments, **settings)
        with torch.no_grad():
            model.classifier.bias[0] += 0.5
        return size

    monkeypatch.setattr(saving, "save_trained", spoiled)
    with pytest.raises(TrainingError, match="do not reload to the same predictions"):
        _run("sentiment_sst2", tmp_path, overrides=FASTER["sentiment_sst2"])
    assert not list(tmp_path.rglob("seed-*"))


def test_error_a_loss_that_leaves_the_numbers(tmp_path: Path) -> None:
    overrides = ("training.learning_rate=1e30", "training.optimizer=sgd")
    with pytest.raises(TrainingError, match=r"lower training\.learning_rate \(now 1e\+30\)"):
        _run("sentiment_sst2", tmp_path, method="full", overrides=(*FASTER["sentiment_sst2"], *overrides))
    assert not list(tmp_path.rglob("seed-*"))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"seeds": ()}, InputError, "expected different integers"),
        ({"seeds": (1, 1)}, InputError, "expected different integers"),
        ({"seeds": (-1,)}, InputError, "expected different integers"),
        (
            {"overrides": ["data.train.stop=99999"]},
            InputError,
            "data.train: stop = 99999, but the source has 2600 rows",
        ),
        ({"overrides": ["method.modules=['body']"]}, InputError, "method.modules: 'body' matches no module"),
        ({"overrides": ["model.total_parameters=7"]}, RunError, "the suite expects 7"),
    ],
)
def test_error_nothing_is_stored(
    settings: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        _run("sentiment_sst2", tmp_path, **settings)
    assert message in str(caught.value)
    assert not list(tmp_path.rglob("seed-*"))
