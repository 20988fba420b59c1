"""Summarization: losses against transformers' own, greedy decoding, prompts that survive the cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from bench.materials.splits import Example
from bench.tasks.batches import IGNORED

PROMPT = "task.prompt='read : {input} headline now :'"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _pieces(model_type: str, *overrides: str) -> tiny.Pieces:
    model = None if model_type == "t5" else tiny.causal(model_type)
    pieces = tiny.assemble(tiny.small("summarization", *overrides, method="full", model=model))
    for items in (pieces.train_items, pieces.test_items):  # generated rows are too even to show a padding error
        for i, item in enumerate(items):
            item["labels"] = item["labels"][i % 3 :]
            item["input_ids"] = item["input_ids"][(5 * i) % 7 :]
    return pieces


def _predict(pieces: tiny.Pieces, batch_size: int = 3) -> Any:
    with torch.inference_mode():
        return pieces.task.predict(pieces.model, pieces.test_items, batch_size=batch_size, advance=tiny.nothing)


# --- encoder-decoder losses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["max_length", "longest"])
def test_seq2seq_masked_loss_is_transformers_own(padding: str) -> None:
    pieces = _pieces("t5", f"task.target_padding={padding}")
    batch = pieces.task.collate(pieces.train_items[:5])
    assert (batch["labels"] == IGNORED).any()
    with torch.inference_mode():
        expected = pieces.model(**batch).loss
        got = pieces.task.loss(pieces.model, dict(batch))
    assert float(got.loss) == pytest.approx(float(expected), abs=1e-6)
    assert got.n_targets == int((batch["labels"] != IGNORED).sum())


def test_seq2seq_unmasked_loss_is_transformers_own_with_padding_as_labels() -> None:
    pieces = _pieces("t5")
    batch = pieces.task.collate(pieces.train_items[:5])
    assert batch["labels"].shape == (5, 12)
    padded = batch["labels"].masked_fill(batch["labels"] == IGNORED, pieces.tokenizer.pad_token_id)
    with torch.inference_mode():
        expected = pieces.model(**(batch | {"labels": padded})).loss
        got = pieces.task.loss(pieces.model, dict(batch))
    assert got.unmasked is not None
    assert float(got.unmasked) == pytest.approx(float(expected), abs=1e-6)
    assert abs(float(got.unmasked) - float(got.loss)) > 1e-3


def test_seq2seq_losses_by_example_are_sums_of_transformers_own() -> None:
    pieces = _pieces("t5")
    got = _predict(pieces)
    for i, item in enumerate(pieces.test_items):
        with torch.inference_mode():
            ids, labels = torch.tensor([item["input_ids"]]), torch.tensor([item["labels"]])
            expected = float(pieces.model(input_ids=ids, labels=labels).loss)
        assert got.losses_nats[i] / got.n_targets[i] == pytest.approx(expected, abs=1e-5)
        assert got.n_targets[i] == len(item["labels"])


# --- causal losses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", ["gpt2", "llama"])
def test_causal_loss_under_left_padding_is_transformers_own_without_padding(model_type: str) -> None:
    pieces = _pieces(model_type)
    got = _predict(pieces)
    expected = []
    for item in pieces.test_items:
        ids = torch.tensor([item["input_ids"] + item["labels"]])
        labels = torch.tensor([[IGNORED] * len(item["input_ids"]) + item["labels"]])
        with torch.inference_mode():
            expected.append(float(pieces.model(input_ids=ids, labels=labels).loss))
    assert len({len(item["input_ids"]) for item in pieces.test_items}) > 3
    np.testing.assert_allclose(got.losses_nats / got.n_targets, expected, atol=1e-5)
    weights = got.n_targets
    with torch.inference_mode():
        batch = pieces.task.loss(pieces.model, pieces.task.collate(pieces.test_items))
    assert float(batch.loss) == pytest.approx(float(np.average(expected, weights=weights)), abs=1e-5)
    assert (batch.n_targets, batch.unmasked) == (int(weights.sum()), None)


def test_causal_targets_end_with_the_end_token_and_the_prompt_is_no_target() -> None:
    pieces = tiny.assemble(tiny.small("summarization", method="full", model=tiny.causal("gpt2")))
    item = pieces.train_items[0]
    assert item["labels"][-1] == pieces.tokenizer.eos_token_id
    batch = pieces.task.collate(pieces.train_items[:4])
    assert batch["labels"].shape[1] == max(len(item["labels"]) for item in pieces.train_items[:4])
    assert pieces.tokenizer.padding_side == "left"


# --- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", ["t5", "gpt2", "llama"])
def test_the_short_prediction_is_what_a_short_generation_gives(model_type: str) -> None:
    both = _predict(_pieces(model_type, "task.max_new_tokens=28", "task.short_new_tokens=20"))
    brief = _predict(_pieces(model_type, "task.max_new_tokens=20", "task.short_new_tokens=20"))
    assert both.short_predictions == brief.predictions == brief.short_predictions
    assert both.predictions != both.short_predictions


@pytest.mark.parametrize("model_type", ["t5", "gpt2", "llama"])
def test_batches_change_neither_order_nor_answers(model_type: str) -> None:
    pieces = _pieces(model_type)
    one, many = _predict(pieces, 1), _predict(pieces, 7)
    assert one.ids == tuple(example.id for example in pieces.splits.test)
    assert (one.ids, one.references, one.predictions) == (many.ids, many.references, many.predictions)
    assert len(set(one.predictions)) > 1, "all answers alike would hide a wrong order"
    np.testing.assert_allclose(one.losses_nats, many.losses_nats, atol=1e-4)


@pytest.mark.parametrize("model_type", ["t5", "llama"])
def test_prediction_is_transformers_own_greedy_generation(model_type: str) -> None:
    pieces = _pieces(model_type)
    got = _predict(pieces)
    for item, text in zip(pieces.test_items, got.predictions, strict=True):
        ids = torch.tensor([item["input_ids"]])
        with torch.inference_mode():
            new = pieces.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12,
                pad_token_id=pieces.tokenizer.pad_token_id, eos_token_id=pieces.tokenizer.eos_token_id,
            )[0]  # fmt: skip
        new = new[1:] if model_type == "t5" else new[ids.shape[1] :]
        assert text == pieces.tokenizer.decode(new, skip_special_tokens=True).strip()


def test_no_short_prediction_where_none_is_asked_for() -> None:
    config = tiny.small("summarization", method="full")
    config = config.model_copy(update={"task": config.task.model_copy(update={"short_new_tokens": None})})
    assert _predict(tiny.assemble(config)).short_predictions is None


# --- prompts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", ["t5", "gpt2"])
@pytest.mark.parametrize("n_words", [1, 5, 6, 7, 8, 9, 10, 60])
def test_the_prompt_after_the_text_survives_the_cut(model_type: str, n_words: int) -> None:
    pieces = _pieces(model_type, "task.source_length_tokens=14", PROMPT)
    tokenizer = pieces.tokenizer
    text = " ".join(["bridge", "mayor"] * 30).split()[:n_words]
    item = pieces.task.encode(None, [Example(id="0", input=" ".join(text), target="x")], "test", advance=tiny.nothing)[
        0
    ]
    ending = tokenizer("headline now :", add_special_tokens=False)["input_ids"]
    n_special = 1
    assert item["input_ids"][-len(ending) - n_special : -n_special] == ending
    assert len(item["input_ids"]) <= 14
    whole = tokenizer(f"read : {' '.join(text)} headline now :")["input_ids"]
    if len(whole) < 14:
        assert item["input_ids"] == whole
    else:
        assert len(item["input_ids"]) >= 13


def test_the_documented_prompt_is_cut_at_its_end() -> None:
    pieces = tiny.assemble(tiny.small("summarization", "task.source_length_tokens=10"))
    for item, example in zip(pieces.train_items, pieces.splits.train, strict=True):
        whole = pieces.tokenizer(f"summarize: {example.input}", add_special_tokens=False)["input_ids"]
        assert item["input_ids"] == [*whole[:9], pieces.tokenizer.eos_token_id]


def test_references_are_cut_for_the_loss_and_kept_whole_for_the_score() -> None:
    pieces = tiny.assemble(tiny.small("summarization", "task.target_length_tokens=3", method="full"))
    assert {len(item["labels"]) for item in pieces.test_items} == {3}
    assert all(len(reference.split()) == 3 for reference in _predict(pieces).references)


# --- several references ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", ["t5", "gpt2"])
def test_of_several_references_the_first_is_learned_and_all_are_stored(model_type: str) -> None:
    pieces = _pieces(model_type)
    one = Example(id="0", input="a storm came", target="the rain fell")
    several = Example(id="0", input="a storm came", target=("the rain fell", "it was dry"))
    items = [pieces.task.encode(pieces.model, [e], "test", advance=tiny.nothing)[0] for e in (one, several)]
    assert items[0]["labels"] == items[1]["labels"]
    predictions = [pieces.predict([item]) for item in items]
    assert [p.references for p in predictions] == [("the rain fell",), (("the rain fell", "it was dry"),)]
    assert predictions[0].losses_nats.tolist() == predictions[1].losses_nats.tolist()
