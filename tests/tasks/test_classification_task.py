"""Classification: shortcuts that must not change a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from bench.config import ModelConfig
from bench.core.errors import InputError
from bench.materials.mean_pooled import mean_over_tokens
from bench.tasks.batches import by_length, padded
from bench.tasks.classification.task import Classification

BERT = ModelConfig.model_validate(
    {
        "family": "sequence_classification",
        "pooling": "mean",
        "source": {"kind": "generated", "name": "random_weights"},
        "architecture": {
            "model_type": "bert",
            "config": {"vocab_size": 128, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "intermediate_size": 32, "max_position_embeddings": 64, "initializer_range": 0.2},
        },
    }
)  # fmt: skip
POOLED = BERT.model_copy(update={"pooling": "architecture"})
DISTILBERT = tiny.small("sentiment_sst2").model


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _pieces(model: ModelConfig, *overrides: str, reuse_features: bool = True) -> tiny.Pieces:
    config = tiny.small("sentiment_sst2", "training.epochs=2", *overrides, method="frozen_body", model=model)
    if model is not DISTILBERT:
        modules = ("encoder",) if model is BERT else ("bert",)
        config = config.model_copy(update={"method": config.method.model_copy(update={"modules": modules})})
    pieces = tiny.assemble(config)
    task = Classification(
        config.task, pieces.tokenizer, pieces.model, config.method, batch_size=32, reuse_features=reuse_features
    )  # type: ignore[arg-type]
    splits = pieces.splits
    items = [
        task.encode(pieces.model, rows, "train", advance=tiny.nothing) for rows in (splits.train, splits.validation)
    ]
    pieces.task, (pieces.train_items, pieces.validation_items) = task, items
    pieces.test_items = task.encode(pieces.model, splits.test, "test", advance=tiny.nothing)
    return pieces


def _predict(pieces: tiny.Pieces, batch_size: int = 4) -> Any:
    with torch.inference_mode():
        return pieces.task.predict(pieces.model, pieces.test_items, batch_size=batch_size, advance=tiny.nothing)


@pytest.mark.parametrize("model", [DISTILBERT, BERT, POOLED], ids=["first token", "mean", "pooler"])
def test_features_computed_once_train_as_running_the_encoder_every_step(model: ModelConfig) -> None:
    once, always = _pieces(model), _pieces(model, reuse_features=False)
    assert "features" in once.train_items[0]
    assert "features" not in always.train_items[0]
    first, second = once.train(), always.train()
    assert first.batch_order == second.batch_order
    assert first.n_tokens == second.n_tokens
    losses = [[row["loss"] for row in outcome.curve] for outcome in (first, second)]
    assert len(losses[0]) == 10
    assert max(losses[0]) - min(losses[0]) > 1e-3, "nothing was learnt, so the test would see no difference"
    np.testing.assert_allclose(*losses, atol=1e-5)
    for a, b in zip(first.epochs, second.epochs, strict=True):
        assert a.validation_loss == pytest.approx(b.validation_loss, abs=1e-5)
        assert a.train_accuracy == b.train_accuracy
    np.testing.assert_allclose(_predict(once).losses_nats, _predict(always).losses_nats, atol=1e-5)


def test_dropout_in_the_frozen_body_forbids_features_computed_once() -> None:
    config = tiny.small("sentiment_sst2")
    config = config.model_copy(update={"method": config.method.model_copy(update={"frozen_dropout": True})})
    assert "features" not in tiny.assemble(config).train_items[0]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_an_encoder_that_learns_is_run_every_step(method: str) -> None:
    assert "features" not in tiny.assemble(tiny.small("sentiment_sst2", method=method)).train_items[0]


@pytest.mark.parametrize("model", [DISTILBERT, BERT], ids=["first token", "mean"])
@pytest.mark.parametrize("reuse", [True, False])
def test_padding_to_the_longest_or_to_the_limit_gives_the_same_losses(model: ModelConfig, reuse: bool) -> None:
    longest = _predict(_pieces(model, "task.padding=longest", reuse_features=reuse))
    limit = _predict(_pieces(model, "task.padding=max_length", reuse_features=reuse))
    np.testing.assert_allclose(longest.losses_nats, limit.losses_nats, atol=1e-5)


def test_padding_to_the_limit_has_the_documented_width() -> None:
    pieces = _pieces(DISTILBERT, "task.padding=max_length", reuse_features=False)
    batch = pieces.task.collate(pieces.train_items[:3])
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, 24)


def test_texts_are_cut_to_the_limit() -> None:
    pieces = _pieces(DISTILBERT, "task.max_length_tokens=6", reuse_features=False)
    assert {len(item["input_ids"]) for item in pieces.train_items} == {6}
    assert pieces.task.n_tokens(pieces.train_items[0]) == 6


def test_mean_pooling_equals_a_computation_by_hand() -> None:
    pieces = _pieces(BERT, reuse_features=False)
    items = [{**item, "input_ids": item["input_ids"][: 4 + 3 * i]} for i, item in enumerate(pieces.test_items[:3])]
    batch = pieces.task.collate(items)
    batch.pop("labels")
    model = pieces.model
    with torch.inference_mode():
        logits = model(**batch).logits
        for item, row in zip(items, logits, strict=True):
            states = model.encoder(input_ids=torch.tensor([item["input_ids"]])).last_hidden_state[0]  # (T, H)
            mean = torch.stack(list(states)).sum(dim=0) / len(item["input_ids"])
            hidden = torch.relu(model.pre_classifier.weight @ mean + model.pre_classifier.bias)
            expected = model.classifier.weight @ hidden + model.classifier.bias
            torch.testing.assert_close(row, expected, atol=1e-5, rtol=0)
    ones = torch.ones(1, 3, dtype=torch.long)
    states = torch.rand(1, 3, 2)
    torch.testing.assert_close(mean_over_tokens(states, ones), mean_over_tokens(states, None))


@pytest.mark.parametrize("model", [DISTILBERT, POOLED], ids=["first token", "pooler"])
@pytest.mark.parametrize("reuse", [True, False])
def test_loss_and_prediction_agree_with_transformers(model: ModelConfig, reuse: bool) -> None:
    pieces = _pieces(model, reuse_features=reuse)
    got = _predict(pieces)
    with torch.inference_mode():
        for i, example in enumerate(pieces.splits.test):
            ids = pieces.tokenizer(example.input, return_tensors="pt")["input_ids"]
            output = pieces.model(input_ids=ids, labels=torch.tensor([example.target]))
            assert got.losses_nats[i] == pytest.approx(float(output.loss), abs=1e-5)
            assert got.predictions[i] == int(output.logits.argmax())
    assert got.ids == tuple(example.id for example in pieces.splits.test)
    assert got.references == tuple(example.target for example in pieces.splits.test)
    assert set(got.n_targets.tolist()) == {1}


def test_batch_size_does_not_change_order_or_answers() -> None:
    pieces = _pieces(DISTILBERT, reuse_features=False)
    one, many = _predict(pieces, 1), _predict(pieces, 7)
    assert (one.ids, one.predictions) == (many.ids, many.predictions)
    np.testing.assert_allclose(one.losses_nats, many.losses_nats, atol=1e-5)


def test_training_the_view_with_features_trains_the_models_own_head() -> None:
    pieces = _pieces(DISTILBERT)
    head, body = (
        pieces.model.classifier.weight.clone(),
        pieces.model.distilbert.embeddings.word_embeddings.weight.clone(),
    )
    pieces.train()
    assert not torch.equal(pieces.model.classifier.weight, head)
    assert torch.equal(pieces.model.distilbert.embeddings.word_embeddings.weight, body)


# --- batches ---------------------------------------------------------------------------------------------------------


def test_batches_go_longest_first_and_hold_every_position_once() -> None:
    assert list(by_length([3, 9, 3, 1, 9], 2)) == [[1, 4], [0, 2], [3]]
    assert list(by_length([], 2)) == []


@pytest.mark.parametrize(("side", "rows"), [("left", [[0, 1, 2], [0, 0, 3]]), ("right", [[1, 2, 0], [3, 0, 0]])])
def test_padding_goes_on_the_side_asked_for(side: str, rows: list[list[int]]) -> None:
    assert padded([[1, 2], [3]], value=0, side=side, width=3).tolist() == rows
    assert padded([[1, 2], [3]], value=0, side=side).shape == (2, 2)


def test_texts_longer_than_the_model_can_read_are_refused() -> None:
    with pytest.raises(InputError, match=r"task\.max_length_tokens = 33 exceeds the 32 positions .* give 32"):
        tiny.assemble(tiny.small("sentiment_sst2", "task.max_length_tokens=33"))
