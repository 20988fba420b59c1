"""Whole runs of the suites that look along the way, write and judge, made tinier than tiny. No network."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny

from bench.__main__ import main
from bench.core.errors import EXIT_BAD_INPUT, EXIT_PASS, EXIT_RUN_FAILED
from bench.core.files import read_rows
from bench.materials.fetch import fetch
from bench.records.predictions import Predictions
from bench.records.record import RunRecord
from bench.records.store import run_folder
from bench.running.run import run_seed
from bench.running.runs import SeedResult, run_seeds
from bench.running.settings import RunSettings
from bench.suites.resolve import load_suite
from bench.tasks.style_duel import StyleDuelTask, judge_training

pytestmark = pytest.mark.integration
LOOKED_AT = [("imdb", "full"), ("gulliver", "full"), ("alice_edgar", "lora")]
DAY_AGAIN = "data.texts.night.parts=[{source={kind='generated', name='prose_day', n_examples=60%s}}]"
"""The other author writes as the first: with the same seed the same text, else another by the same hand."""


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Refuse every socket; `socket_disabled` is pytest-socket's."""


def _run(suite: str, root: Path, *overrides: str, **settings: Any) -> list[SeedResult]:
    return run_seeds(
        suite,
        profile="tiny",
        device="cpu",
        runs_root=root,
        overrides=[*tiny.SMALLER[suite], *overrides],
        **settings,
    )


def _run_every(n_steps: int | None, suite: str, method: str, root: Path) -> tuple[RunRecord, Path]:
    """Run with another number of steps between two looks, or with none."""
    config = tiny.small(suite, method=method)
    training = config.training.model_copy(update={"evaluate_every_steps": n_steps})
    config = config.model_copy(update={"training": training})
    record = run_seed(config, 0, RunSettings(device="cpu", runs_root=root))
    return record, run_folder(root, config, 0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Call the command line, and return its exit code, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def _sets(suite: str, *overrides: str) -> list[str]:
    return [part for override in (*tiny.SMALLER[suite], *overrides) for part in ("--set", override)]


# --- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suite", "method"), [("gulliver", "full"), ("alice_edgar", "lora")])
def test_a_seed_decides_order_and_samples_and_neither_data_nor_judge(suite: str, method: str, tmp_path: Path) -> None:
    results = _run(suite, tmp_path, method=method, seeds=(0, 1))
    first, second = (result.record for result in results)
    for name in ("batch_order", "final_trainable", "predictions"):
        assert getattr(first.hashes, name) != getattr(second.hashes, name), name
    drawn = method == "lora"  # full fine-tuning starts from the suite's weights, whatever the seed
    assert (first.hashes.initial_trainable != second.hashes.initial_trainable) is drawn
    for stage in ("predictions-before.jsonl", "predictions.jsonl"):
        texts = [set(Predictions.read(result.folder / stage).predictions) for result in results]
        assert not texts[0] & texts[1], stage
    for name in ("data", "judge", "controls", "config_key"):
        assert getattr(first, name) == getattr(second, name), name
    assert (first.judge is not None) is (suite == "alice_edgar")
    assert set(first.controls) == {"held-out", "plain"}


@pytest.mark.parametrize("suite", ["gulliver", "alice_edgar"])
def test_samples_before_and_after_are_drawn_by_the_same_seeds(suite: str, tmp_path: Path) -> None:
    """So that what changes between them is the model: where it learns nothing, nothing changes."""
    folder = _run(suite, tmp_path, "training.learning_rate=1e-30", "training.steps=2")[0].folder
    before, after = (Predictions.read(folder / name) for name in ("predictions-before.jsonl", "predictions.jsonl"))
    assert before.predictions == after.predictions
    assert len(set(before.predictions)) == len(before.predictions)


# --- evaluations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suite", "method"), LOOKED_AT)
def test_a_curve_goes_from_the_first_scores_to_the_last_and_changes_nothing(
    suite: str, method: str, tmp_path: Path
) -> None:
    record, folder = _run_every(3, suite, method, tmp_path / "looking")
    assert [one.step for one in record.evaluations] == [0, 3, 6, 8]
    assert {tuple(one.scores) for one in record.evaluations} == {record.config.training.evaluate_metrics}
    for one, scores in ((record.evaluations[0], record.scores_before), (record.evaluations[-1], record.scores)):
        for name, point in one.scores.items():
            assert (point.value, point.low, point.high) == (scores[name].value, scores[name].low, scores[name].high)
    losses = [row["loss"] for row in read_rows(folder / "curve.jsonl")]
    means = [sum(losses[a:b]) / (b - a) for a, b in ((0, 3), (3, 6), (6, 8))]
    assert [one.train_loss for one in record.evaluations] == [None, *(pytest.approx(mean) for mean in means)]
    assert {"evaluating", "training"} <= set(record.cost.stages_s)

    for n_steps, steps in ((5, [0, 5, 8]), (None, [])):
        other, other_folder = _run_every(n_steps, suite, method, tmp_path / "other")
        assert [one.step for one in other.evaluations] == steps
        assert other.hashes == record.hashes
        assert (other.scores, other.scores_before, other.epochs) == (record.scores, record.scores_before, record.epochs)
        assert [row["loss"] for row in read_rows(other_folder / "curve.jsonl")] == losses


def test_the_primary_metric_is_the_curve_where_no_other_is_named(tmp_path: Path) -> None:
    record = _run("gulliver", tmp_path, "training.evaluate_metrics=[]")[0].record
    assert {tuple(one.scores) for one in record.evaluations} == {("common_token_ratio",)}


def test_dropout_in_a_frozen_part_of_both_writers_is_what_the_suite_says(tmp_path: Path) -> None:
    def losses(dropout: float, frozen_dropout: str) -> list[float]:
        folder = _run(
            "alice_edgar",
            tmp_path,
            f"model.architecture.config.resid_dropout={dropout}",
            f"method={{kind='freeze', modules=['transformer.h.*'], frozen_dropout={frozen_dropout}}}",
            "training.steps=3",
        )[0].folder
        return [row["loss"] for row in read_rows(folder / "curve.jsonl")]

    without = losses(0.0, "false")
    assert losses(0.5, "false") == without
    assert losses(0.5, "true") != without


# --- the judge -------------------------------------------------------------------------------------------------------


def test_one_judge_serves_every_seed_and_method_and_every_run_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run("alice_edgar", tmp_path)[0]

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a second judge was trained")

    monkeypatch.setattr(judge_training, "apply_method", forbidden)
    results = [first, *_run("alice_edgar", tmp_path, seeds=(1,)), *_run("alice_edgar", tmp_path, method="lora")]
    assert len({result.folder for result in results}) == 3
    assert len({result.record.judge.identity for result in results if result.record.judge}) == 1
    files = [{file.name: file.read_bytes() for file in (r.folder / "judge").iterdir()} for r in results]
    assert files[0] == files[1] == files[2]
    assert {"judge.json", "config.json", "model.safetensors", "tokenizer.json"} <= set(files[0])
    signatures = {result.record.scores["style_judge_accuracy"].signature for result in results}
    assert len(signatures) == 1


def test_the_judge_of_a_run_serves_as_a_checkpoint_for_its_authors_alone(
    tmp_path: Path, bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _run("alice_edgar", tmp_path / "runs")[0]
    monkeypatch.setattr(judge_training, "apply_method", None)  # what is trained has a method
    checkpoint = f"task.judge.checkpoint={{kind='local', path='{made.folder / 'judge'}'}}"
    record = _run("alice_edgar", tmp_path / "runs", checkpoint)[0].record
    assert made.record.judge is not None
    assert record.judge is not None
    assert record.judge.n_training_chunks == 0
    assert record.judge.weights_sha256 == made.record.judge.weights_sha256
    assert (record.judge.accuracy, record.judge.confusion) == (made.record.judge.accuracy, made.record.judge.confusion)
    assert record.hashes == made.record.hashes, "writers do not hear of their judge"
    for name, one in record.scores.items():
        assert one.value == made.record.scores[name].value, name

    suite = tmp_path / "alice_edgar"
    suite.mkdir()
    text = load_suite("alice_edgar").path.read_text(encoding="utf-8")
    (suite / "suite.toml").write_text(text.replace("tiny.data.texts.day", "tiny.data.texts.noon"), encoding="utf-8")
    overrides = [override for override in tiny.DUEL if "texts.day" not in override]
    sets = [part for override in (*overrides, checkpoint) for part in ("--set", override)]
    code, _, said = bench("run", str(suite), "--profile", "tiny", "--device", "cpu", "--runs", "other", *sets)
    assert code == EXIT_BAD_INPUT
    assert "task.judge.checkpoint: its labels are day, night, the authors under data.texts are noon, night" in said
    assert not list((tmp_path / "other").rglob("seed-*"))


def test_a_judge_below_the_bar_scores_no_run(tmp_path: Path, bench: Callable[..., Any]) -> None:
    sets = _sets("alice_edgar", DAY_AGAIN % ", seed=1")
    code, _, said = bench("run", "alice_edgar", "--profile", "tiny", "--device", "cpu", "--runs", "runs", *sets)
    assert code == EXIT_RUN_FAILED
    assert "error: task.judge: accuracy on " in said
    assert "below task.judge.minimum_accuracy = 0.8; nothing it scored would mean anything: train it longer" in said
    assert not list(tmp_path.rglob("seed-*"))


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "overrides", "message"),
    [
        ("alice_edgar", ("task.over_generation=0.5",), "give 0.88 or more"),
        ("alice_edgar", ("task.over_generation=9",), "(in a style duel: task.over_generation)"),
        ("gulliver", ("task.window_tokens=65",), "is longer than the 64 positions the model has; give 64 or less"),
        (
            "gulliver",
            ("task.window_tokens=400", "model.architecture.config.n_positions=512", "data.test_share=0.48",
             "data.texts.day.parts=[{source={kind='generated', name='prose_day', n_examples=12}}]"),
            "fewer than one window (task.window_tokens = 400); give a longer text or a shorter window",
        ),
        ("gulliver", ("task.n_samples=90",), "hold out a larger share of it, or lower task.n_samples"),
        ("gulliver", ("data.controls.plain.max_characters=99",), "data.controls.plain: the text has"),
        (
            "alice_edgar",
            ("task.judge.max_length_tokens=200", "task.judge.model.architecture.config.max_position_embeddings=200",
             "model.architecture.config.max_position_embeddings=256", "data.test_share=0.04"),
            "which do not fill one chunk of 198 (task.judge.max_length_tokens = 200",
        ),
        ("alice_edgar", ("task.banned_tokens=['.*']",), "bans every token of 256; use narrower patterns"),
        ("gulliver", ("task.banned_tokens=['[a']",), "is not a regular expression"),
        ("alice_edgar", ("task.repetition_penalty=1",), "task.repetition_penalty: Input should be greater than 1"),
        ("alice_edgar", ("data.texts.noon.parts=[{source={kind='generated', name='prose_plain', n_examples=9}}]",),
         "a style_duel task needs 2 text(s) under data.texts, got day, night, noon"),
        ("alice_edgar", (DAY_AGAIN % "",), "data.texts.day and data.texts.night are one author twice"),
        ("alice_edgar", ("training.save=pretrained",), "a style_duel trains two; use 'trainable'"),
        ("alice_edgar", ("task.judge.max_length_tokens=33",), "longer than the 32 positions its model has; give 32 or"),
        ("alice_edgar", ("task.judge.checkpoint={kind='local', path='.'}",), "source of kind 'local': path = '.'"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_before_anything_is_trained(
    suite: str,
    overrides: tuple[str, ...],
    message: str,
    tmp_path: Path,
    bench: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.running.learning.train", None)
    sets = _sets(suite, *overrides)
    code, _, said = bench("run", suite, "--profile", "tiny", "--device", "cpu", "--runs", "runs", *sets)
    assert message in " ".join(said.split())
    assert code == EXIT_BAD_INPUT
    assert not list(tmp_path.rglob("seed-*"))


# --- scoring again ---------------------------------------------------------------------------------------------------


def test_bench_score_gives_the_runs_own_scores(tmp_path: Path, bench: Callable[..., Any]) -> None:
    duel, book = (_run(suite, tmp_path / "runs", seeds=(3,))[0] for suite in ("alice_edgar", "gulliver"))
    name, task = "style_judge_accuracy", duel.record.config.task
    assert isinstance(task, StyleDuelTask)
    options = {"over_generation": task.over_generation, "writer_tokens": task.sample_tokens}
    more = [part for key, value in options.items() for part in ("--option", f"{name}.{key}={value}")]
    command = ["score", str(duel.folder / "predictions.jsonl"), "--json", "--seed", "3", "--metric", name]
    code, said, _ = bench(*command, "--model", str(duel.folder / "judge"), *more)
    assert code == EXIT_PASS
    assert json.loads(said)[name] == duel.record.scores[name].model_dump(mode="json")

    name = "common_token_ratio"
    materials = fetch(book.record.config)
    corpus = tmp_path / "train.txt"
    corpus.write_text("\n\n".join(example.input for example in materials.splits.train), encoding="utf-8")
    option = f"{name}.n_common={book.record.config.metrics[name].options['n_common']}"
    command = ["score", str(book.folder / "predictions.jsonl"), "--json", "--seed", "3", "--metric", name]
    code, said, _ = bench(*command, "--model", str(materials.base.folder), "--corpus", str(corpus), "--option", option)
    assert code == EXIT_PASS
    assert json.loads(said)[name] == book.record.scores[name].model_dump(mode="json")
