"""Loss on unrelated text: which windows are read, and what their loss is, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

from bench.core.errors import InputError
from bench.materials.splits import Example
from bench.running.forgetting import N_WINDOWS, WINDOW_TOKENS, forgetting, mean_losses, unrelated_windows


def _tokenizer(text: str, **_: Any) -> dict[str, list[int]]:
    return {"input_ids": [int(word) for word in text.split()]}


def _text(n_tokens: int, title: str = "news") -> Example:
    return Example(id=title, input=" ".join(str(i % 50) for i in range(n_tokens)), target=-1)


@pytest.mark.parametrize(
    ("n_tokens", "max_positions", "shape"),
    [
        (5000, None, (N_WINDOWS, WINDOW_TOKENS)),
        (5000, 32, (N_WINDOWS, 32)),
        (200, None, (3, WINDOW_TOKENS)),
        (40, None, (1, 40)),
        (2, None, (1, 2)),
    ],
)
def test_windows_stand_at_equal_distances_from_end_to_end(
    n_tokens: int, max_positions: int | None, shape: tuple[int, int]
) -> None:
    windows = unrelated_windows([_text(n_tokens)], _tokenizer, max_positions=max_positions)["news"]
    assert tuple(windows.shape) == shape
    ids = torch.tensor(_tokenizer(_text(n_tokens).input)["input_ids"])
    assert torch.equal(windows[0], ids[: shape[1]])
    assert torch.equal(windows[-1], ids[len(ids) - shape[1] :] if shape[0] > 1 else ids[: shape[1]])


def test_error_text_without_a_pair_of_tokens() -> None:
    with pytest.raises(InputError, match=r"data.controls.news: has 1 token\(s\), and a loss needs 2"):
        unrelated_windows([_text(1)], _tokenizer, max_positions=None)


def test_the_loss_of_a_model_that_knows_nothing_is_that_of_a_guess() -> None:
    """All weights 0: every token is as likely as every other, so the loss is log V, for either kind of model."""
    causal = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=8, n_layer=1, n_head=2, n_positions=64))
    writes = T5ForConditionalGeneration(
        T5Config(vocab_size=50, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
    )
    windows = unrelated_windows([_text(300), _text(90, "other")], _tokenizer, max_positions=None)
    for model in (causal, writes):
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
        with torch.inference_mode():
            losses = mean_losses([model.eval()], windows)
        assert losses == {"news": pytest.approx(math.log(50)), "other": pytest.approx(math.log(50))}


def test_the_loss_is_the_models_own() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=8, n_layer=1, n_head=2, n_positions=64)).eval()
    windows = unrelated_windows([_text(300)], _tokenizer, max_positions=64)
    with torch.inference_mode():
        own = float(model(input_ids=windows["news"], labels=windows["news"]).loss)
        assert mean_losses([model], windows)["news"] == pytest.approx(own, rel=1e-5)


def test_an_encoder_decoder_reads_the_first_half_and_is_asked_for_the_second() -> None:
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=50, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
    ).eval()
    windows = unrelated_windows([_text(300)], _tokenizer, max_positions=None)
    first, second = (half.contiguous() for half in windows["news"].tensor_split(2, dim=1))
    with torch.inference_mode():
        own = float(model(input_ids=first, labels=second).loss)
        assert mean_losses([model], windows)["news"] == pytest.approx(own, rel=1e-5)


def test_what_the_record_keeps() -> None:
    kept = forgetting({"news": 2.0}, {"news": 2.5}, {"news": torch.zeros(3, 4)})
    assert kept["news"].model_dump() == {"before_nats": 2.0, "after_nats": 2.5, "n_windows": 3}
