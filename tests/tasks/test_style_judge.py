"""The judge: what it is made of, that it is made once, and its record on held-out text computed by hand."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.config import LocalSource, SuiteConfig
from bench.core.errors import InputError, TrainingError
from bench.materials.base_model import BaseModel, fetch_base_model, load_tokenizer
from bench.materials.fetch import Materials, fetch
from bench.running.trainer import train
from bench.tasks.base import Judge, Train
from bench.tasks.classification.task import Classification
from bench.tasks.style_duel import JudgeConfig, StyleDuelTask
from bench.tasks.style_duel import judge as judging
from bench.tasks.style_duel.judge import check_checkpoint, check_over_generation, keep_judge, make_judge

LENGTH = 16
ROOM = LENGTH - 2  # the judge's begin and end tokens
UNSURE = ("task.judge.training.epochs=1", "task.judge.training.learning_rate=1e-4", "task.judge.minimum_accuracy=0.01")
CPU = torch.device("cpu")


@dataclass
class Made:
    """A judge that errs now and then, and what went into it."""

    config: SuiteConfig
    materials: Materials
    judge: Judge
    read: list[tuple[str, list[Any]]]
    """Split and rows of everything it was given to read, in order."""


def _config(*overrides: str) -> tuple[SuiteConfig, JudgeConfig]:
    config = tiny.small("alice_edgar", *UNSURE, *overrides)
    assert isinstance(config.task, StyleDuelTask)
    return config, config.task.judge


def _make(materials: Materials, config: JudgeConfig, train: Train = train) -> Judge:
    base = materials.task_models["judge"]
    return make_judge(config, base, materials.splits, device=CPU, train=train, advance=tiny.nothing)


def _with_judge(materials: Materials, base: BaseModel) -> Materials:
    return replace(materials, task_models={"judge": base})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    read: list[tuple[str, list[Any]]] = []
    encode = Classification.encode

    def watched(self: Any, model: Any, examples: Any, split: Any, **more: Any) -> Any:
        read.append((split, list(examples)))
        return encode(self, model, examples, split, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        config, table = _config()
        materials = fetch(config)
        with pytest.MonkeyPatch.context() as watch:
            watch.setattr(Classification, "encode", watched)
            judge = _make(materials, table)
        yield Made(config, materials, judge, read)


def never_train(*_: object, **__: object) -> None:
    raise AssertionError("a judge was trained")


# --- chunks ----------------------------------------------------------------------------------------------------------


def _words(made: Made, split: str) -> dict[str, list[list[str]]]:
    """Return the whole chunks of each text, in words: the tokenizer's tokens."""
    texts = made.materials.splits.controls if split == "controls" else getattr(made.materials.splits, split)
    split_up = {text.id: text.input.split() for text in texts}
    return {
        name: [words[i : i + ROOM] for i in range(0, len(words) - ROOM + 1, ROOM)] for name, words in split_up.items()
    }


def test_chunks_fill_the_window_are_balanced_and_come_from_their_own_part_of_the_text(made: Made) -> None:
    rows = dict(reversed(made.read))  # of each split, the first time
    assert set(rows) == {"train", "validation", "test"}
    texts = {split: {e.id: e for e in getattr(made.materials.splits, split)} for split in rows}
    tokenizer = load_tokenizer(made.materials.task_models["judge"], padding_side="right")
    for split, examples in rows.items():
        whole = _words(made, split)
        n = min(len(chunks) for chunks in whole.values())
        assert Counter(e.target for e in examples) == {0: n, 1: n}
        for example in examples:
            name, _, number = example.id.rpartition("-")
            assert example.target == texts[split][name].target
            assert example.input in texts[split][name].input
            assert example.input.split() == whole[name][int(number)]
            assert len(tokenizer(example.input)["input_ids"]) == LENGTH
    trained, held_out = ({e.input for e in rows[split]} for split in ("train", "test"))
    assert not trained & held_out
    assert made.judge.summary.n_training_chunks == len(rows["train"])


def test_of_the_longer_text_chunks_are_taken_all_over_it(made: Made) -> None:
    counts = {name: len(chunks) for name, chunks in _words(made, "train").items()}
    longer = max(counts, key=lambda name: counts[name])
    assert counts[longer] > 1.2 * min(counts.values())
    (examples,) = (rows for split, rows in made.read if split == "train")
    taken = [int(e.id.rpartition("-")[2]) for e in examples if e.id.startswith(longer)]
    assert (taken[0], len(set(taken))) == (0, min(counts.values()))
    assert max(np.diff(taken)) <= 2
    assert taken[-1] >= counts[longer] - 3


# --- its record ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def probabilities(made: Made) -> Any:
    """Return P(author | text) (n_texts, 2) by transformers alone."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(made.judge.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(made.judge.folder)

    def read(texts: list[str]) -> np.ndarray[Any, Any]:
        with torch.inference_mode():
            encoded = tokenizer(texts, truncation=True, max_length=LENGTH, padding=True, return_tensors="pt")
            logits = model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits
            return np.asarray(logits.double().softmax(dim=1))

    return read


def test_the_summary_equals_a_computation_by_hand(made: Made, probabilities: Any) -> None:
    summary = made.judge.summary
    tests = [rows for split, rows in made.read if split == "test"]
    held_out, shuffled, control = tests
    truth = np.array([e.target for e in held_out])
    found = probabilities([e.input for e in held_out])
    chosen, confidence = found.argmax(axis=1), found.max(axis=1)
    assert 0 < (chosen == truth).mean() < 1, "a judge without mistakes would show no error here"
    assert summary.accuracy.value == (chosen == truth).mean()
    assert summary.accuracy.n_examples == len(truth)
    assert summary.confusion == tuple(
        tuple(int(((truth == true) & (chosen == said)).sum()) for said in (0, 1)) for true in (0, 1)
    )
    edges = np.linspace(0, 1, 11)
    error = 0.0
    for low, high in pairwise(edges):
        inside = (confidence >= low) & ((confidence < high) | (high == 1))
        if inside.any():
            error += inside.mean() * abs((chosen == truth)[inside].mean() - confidence[inside].mean())
    assert summary.calibration_error == pytest.approx(error, abs=1e-6)
    assert sum(one.n_chunks for one in summary.calibration) == len(truth)
    guessed = probabilities([e.input for e in shuffled]).argmax(axis=1)
    assert summary.shuffled_accuracy.value == (guessed == truth).mean()
    shares = np.bincount(probabilities([e.input for e in control]).argmax(axis=1), minlength=2) / len(control)
    assert summary.others == {"plain": pytest.approx(tuple(shares))}


def test_shuffled_chunks_hold_the_same_words_in_another_order(made: Made) -> None:
    held_out, shuffled = [rows for split, rows in made.read if split == "test"][:2]
    for a, b in zip(held_out, shuffled, strict=True):
        assert Counter(a.input.split()) == Counter(b.input.split())
        assert (a.id, a.target) == (b.id, b.target)
    assert sum(a.input.split() != b.input.split() for a, b in zip(held_out, shuffled, strict=True)) == len(held_out)


def test_a_control_is_read_whole(made: Made) -> None:
    control = [rows for split, rows in made.read if split == "test"][2]
    assert [e.input.split() for e in control] == _words(made, "controls")["plain"]


def test_the_folder_is_a_judge_that_style_metrics_read(made: Made, probabilities: Any) -> None:
    from bench.metrics.judge import StyleJudge

    loaded = StyleJudge.load(made.judge.folder)
    assert loaded.summary == made.judge.summary
    assert (loaded.labels, loaded.max_length_tokens) == (("day", "night"), LENGTH)
    texts = [text.input[:200] for text in made.materials.splits.test]
    np.testing.assert_allclose(loaded.probabilities(texts), probabilities(texts), atol=1e-6)
    weights = (made.judge.folder / "model.safetensors").read_bytes()
    assert made.judge.summary.weights_sha256 == hashlib.sha256(weights).hexdigest()


# --- made once -------------------------------------------------------------------------------------------------------


def test_the_second_call_trains_nothing(made: Made) -> None:
    assert _make(made.materials, _config()[1], never_train) == made.judge


def test_another_machine_would_make_the_same(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    torch.manual_seed(99)  # what was drawn before must not matter
    again = _make(made.materials, _config()[1])
    assert again.folder != made.judge.folder
    assert again.summary == made.judge.summary
    names = sorted(file.name for file in made.judge.folder.iterdir())
    assert sorted(file.name for file in again.folder.iterdir()) == names
    for name in names:
        assert (again.folder / name).read_bytes() == (made.judge.folder / name).read_bytes(), name


class Built(Exception):  # noqa: N818
    """Ends a call where a judge would be built."""


@pytest.mark.parametrize(
    "override",
    [
        "task.judge.seed=1",
        "task.judge.max_length_tokens=15",
        "task.judge.training.learning_rate=2e-4",
        "task.judge.method={kind='head_only'}",
        "task.judge.model.source.seed=1",
        "data.texts.day.max_characters=9000",
        "data.controls.plain.max_characters=2000",
    ],
)
def test_its_identity_follows_what_makes_it(made: Made, override: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(name: str, _: Any) -> None:
        raise Built(name)

    monkeypatch.setattr(judging, "build_once", stop)
    config, table = _config(override)
    with pytest.raises(Built) as other:
        _make(fetch(config), table)
    assert made.judge.folder.name.startswith(f"judge-{made.judge.summary.identity}-cpu-")
    assert str(other.value).startswith("judge-")
    assert str(other.value) != made.judge.folder.name
    same, table = _config(
        "training.steps=1",
        "training.learning_rate=1",
        "task.n_samples=2",
        "task.window_tokens=8",
        "task.judge.minimum_accuracy=0.1",
    )
    with pytest.raises(Built) as again:
        _make(fetch(same), table)
    assert str(again.value) == made.judge.folder.name, "neither writers nor the bar change the judge"
    base = made.materials.task_models["judge"]
    retrained = _with_judge(made.materials, replace(base, identity="other weights"))
    with pytest.raises(Built) as changed:
        _make(retrained, table)
    assert str(changed.value) != made.judge.folder.name


# --- kept with a run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", [True, False])
def test_a_run_keeps_the_whole_judge(made: Made, links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:

        def refuse(*_: object) -> None:
            raise OSError("other device")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    keep_judge(made.judge, tmp_path)
    for file in made.judge.folder.iterdir():
        kept = tmp_path / "judge" / file.name
        assert kept.read_bytes() == file.read_bytes()
        assert kept.samefile(file) is links


# --- the bar and the checkpoint --------------------------------------------------------------------------------------


def test_a_judge_below_the_bar_scores_nothing(made: Made) -> None:
    accuracy = made.judge.summary.accuracy
    table = _config()[1].model_copy(update={"minimum_accuracy": accuracy.value + 0.001})
    with pytest.raises(TrainingError) as caught:
        _make(made.materials, table)
    assert f"accuracy on {accuracy.n_examples} held-out chunks is {accuracy.value:.3f}" in str(caught.value)
    assert f"below task.judge.minimum_accuracy = {table.minimum_accuracy:g}" in str(caught.value)


def test_a_checkpoint_of_the_same_authors_is_taken_as_it_is(made: Made) -> None:
    source = LocalSource(kind="local", path=str(made.judge.folder))
    table = _config()[1].model_copy(update={"checkpoint": source})
    base = fetch_base_model(table.model.model_copy(update={"source": source}), [])
    check_checkpoint(base, ("day", "night"))
    taken = _make(_with_judge(made.materials, base), table, never_train).summary
    told = made.judge.summary
    assert (taken.n_training_chunks, taken.identity == told.identity) == (0, False)
    for name in ("accuracy", "confusion", "weights_sha256", "calibration", "shuffled_accuracy", "others"):
        assert getattr(taken, name) == getattr(told, name), name


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("night", "day"), "its labels are day, night, the authors under data.texts are night, day"),
        (("day", "night", "noon"), "give a judge of these authors in this order"),
    ],
)
def test_a_checkpoint_of_other_authors_is_refused(made: Made, labels: tuple[str, ...], wanted: str) -> None:
    base = replace(made.materials.task_models["judge"], folder=made.judge.folder)
    with pytest.raises(InputError) as caught:
        check_checkpoint(base, labels)
    assert wanted in str(caught.value)


def test_a_checkpoint_that_names_no_labels_or_is_no_model_is_refused(made: Made, tmp_path: Path) -> None:
    encoder = made.materials.task_models["judge"]
    with pytest.raises(InputError, match="its labels are not named"):
        check_checkpoint(encoder, ("day", "night"))
    with pytest.raises(InputError, match=r"task\.judge\.checkpoint: .* holds no config\.json; give the folder"):
        check_checkpoint(replace(encoder, folder=tmp_path), ("day", "night"))


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("task.judge.max_length_tokens=300", "task.judge.model.architecture.config.max_position_embeddings=300"),
            r"data\.texts\.day: the test part has \d+ judge tokens, which do not fill one chunk of 298 .*give a longer",
        ),
        (
            ("data.controls.plain.max_characters=30",),
            r"data\.controls\.plain: the text has \d judge tokens, which do not fill one chunk of 14",
        ),
        (
            ("task.judge.max_length_tokens=33",),
            r"task\.judge\.max_length_tokens = 33 is longer than the 32 positions its model has; give 32 or less",
        ),
    ],
)  # fmt: skip
def test_a_judge_that_cannot_be_made_is_refused_before_it_trains(
    overrides: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    config, table = _config(*overrides)
    with pytest.raises(InputError, match=message):
        _make(fetch(config), table, never_train)
    assert not list(tmp_path.glob("built/judge-*"))


class Words:
    """A tokenizer that makes `n` tokens of a text and adds `n_special`."""

    def __init__(self, n: int, n_special: int = 0) -> None:
        self._n, self._n_special = n, n_special

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [0] * self._n}

    def num_special_tokens_to_add(self) -> int:
        return self._n_special


@given(
    k=st.floats(0.05, 8),
    length=st.integers(8, 512),
    written=st.integers(100, 9000),
    read=st.integers(100, 9000),
)
def test_over_generation_is_checked_against_both_tokenizers_and_the_advice_suffices(
    made: Made, k: float, length: int, written: int, read: int
) -> None:
    task = made.config.task
    assert isinstance(task, StyleDuelTask)

    def check(over_generation: float) -> None:
        judge = task.judge.model_copy(update={"max_length_tokens": length})
        changed = task.model_copy(update={"over_generation": over_generation, "judge": judge})
        texts = made.materials.splits.train[:1]
        check_over_generation(changed, texts, writer=Words(written), judge=Words(read, 2))

    enough = -(-k * length // 1) * read >= (length - 2) * written
    if enough:
        check(k)
        return
    with pytest.raises(InputError, match=r"task\.over_generation = .* fewer than the \d+ that") as caught:
        check(k)
    check(float(str(caught.value).rpartition("give ")[2].partition(" or more")[0]))


def test_no_author_may_fall_short(made: Made) -> None:
    task, texts = made.config.task, made.materials.splits.train
    assert isinstance(task, StyleDuelTask)

    class Longer(Words):
        def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
            return {"input_ids": [0] * (200 if text in texts[1].input else 100)}

    assert task.sample_tokens == LENGTH
    check_over_generation(task, texts, writer=Words(100), judge=Words(100, 2))
    with pytest.raises(InputError, match="judge tokens of night's text"):
        check_over_generation(task, texts, writer=Longer(0), judge=Words(100, 2))


def test_a_build_that_fails_leaves_no_judge(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        _make(made.materials, _config()[1], fail)
    assert not list(tmp_path.glob("built/judge-*"))
