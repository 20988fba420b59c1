"""Prompt, prefix and P-tuning: what a prompt changes, and what it must leave alone."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from peft_models import (
    HEADS,
    MODELS,
    V,
    is_refused,
    logits_of,
    peft_method,
    small_inputs,
    small_model,
)
from transformers import (
    GenerationConfig,
)

from bench.core.errors import InputError
from bench.methods.applying import apply_method, state_hash, trainable_state
from bench.tasks.writing.sampling import CountPenalty, SeededGumbel, sample

PROMPTS = ["prompt_tuning", "prefix_tuning", "p_tuning"]
WRITERS = ["gpt2", "gpt_neo", "llama"]
PROMPTED = [(name, model) for name in PROMPTS for model in MODELS if not is_refused(name, model)]
prompts = pytest.mark.parametrize("name", PROMPTS)
writers = pytest.mark.parametrize("model", WRITERS)


def _prompted(name: str, model: str, *, seed: int = 0) -> Any:
    """Return a model whose prompt is far from doing nothing."""
    applied = apply_method(small_model(model), peft_method(name, num_virtual_tokens=4), seed=seed)
    with torch.no_grad():
        for parameter in applied.prompt_encoder.parameters():
            parameter.mul_(2)
    return applied.eval()


def _ids() -> torch.Tensor:
    return torch.arange(3 * 6).view(3, 6) * 5 % (V - 3) + 3


def _left_padded(ids: torch.Tensor, n: int) -> dict[str, torch.Tensor]:
    blank = ids.new_zeros(len(ids), n)
    mask = torch.cat([blank, torch.ones_like(ids)], dim=1)
    return {"input_ids": torch.cat([blank, ids], dim=1), "attention_mask": mask}


@pytest.mark.parametrize(("name", "model"), PROMPTED)
def test_a_prompt_changes_the_answer_and_every_part_of_it_gets_a_gradient(name: str, model: str) -> None:
    applied = _prompted(name, model)
    before = logits_of(small_model(model))
    output = applied(**small_inputs(applied)).logits
    assert output.shape == before.shape
    assert not torch.allclose(output, before, atol=1e-3)
    output.pow(2).sum().backward()
    for parameter in applied.parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None
            assert float(parameter.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", ["prompt_tuning", "p_tuning"])
@writers
def test_a_prompt_of_vectors_is_read_as_words_would_be(name: str, model: str) -> None:
    """The independent way: the vectors before the words' own, in one pass, and the logits of the text cut out."""
    applied, ids = _prompted(name, model), _ids()
    base = applied.get_base_model()
    with torch.no_grad():
        words = base.get_input_embeddings()(ids)
        read = torch.cat([applied.get_prompt(len(ids)), words], dim=1)
        torch.testing.assert_close(
            applied(input_ids=ids).logits, base(inputs_embeds=read).logits[:, 4:], rtol=1e-4, atol=1e-4
        )


@prompts
@writers
def test_padding_on_the_left_moves_nothing(name: str, model: str) -> None:
    applied, ids = _prompted(name, model), _ids()
    padded = _left_padded(ids, 3)
    places = (padded["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
    with torch.no_grad():
        plain = applied(input_ids=ids, use_cache=False).logits
        kept = applied(**padded, position_ids=places, use_cache=False, logits_to_keep=4).logits
    assert kept.shape == (3, 4, V)
    torch.testing.assert_close(kept, plain[:, -4:], rtol=1e-4, atol=1e-4)


@prompts
@writers
def test_generating_is_taking_the_likeliest_again_and_again(name: str, model: str) -> None:
    applied, ids = _prompted(name, model), _ids()
    settings = GenerationConfig(do_sample=False, max_new_tokens=5, pad_token_id=0, eos_token_id=None)
    with torch.no_grad():
        wanted = ids
        for _ in range(5):
            wanted = torch.cat([wanted, applied(input_ids=wanted).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
        got = applied.generate(**_left_padded(ids, 3), generation_config=settings)
    assert torch.equal(got[:, 3:], wanted)


@prompts
def test_sampling_sees_the_text_and_not_the_places_of_the_prompt(name: str) -> None:
    applied = _prompted(name, "gpt2")
    penalty = CountPenalty(4.0, 2)
    with torch.no_grad():
        drawn = sample(applied, [5, 6], [1, 2], n_tokens=6, banned=[0], penalty=4.0, batch_size=2, advance=tiny.nothing)
        for seed, ids in zip([1, 2], drawn, strict=True):
            noise, given = SeededGumbel([seed]), torch.tensor([[5, 6]])
            for token in ids:
                scores = applied(input_ids=given).logits[:, -1]
                scores[:, 0] = -torch.inf
                assert int(noise(given, penalty(given, scores)).argmax()) == token
                given = torch.cat([given, torch.tensor([[token]])], dim=1)


@prompts
def test_an_encoder_decoder_model_generates_what_it_scores_highest(name: str) -> None:
    applied = _prompted(name, "t5")
    ids, wanted = _ids(), torch.zeros(3, 1, dtype=torch.long)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    settings = GenerationConfig(
        do_sample=False, max_new_tokens=5, pad_token_id=0, eos_token_id=None, decoder_start_token_id=0
    )
    with torch.no_grad():
        for _ in range(5):
            logits = applied(**given, decoder_input_ids=wanted, use_cache=False).logits[:, -1]
            wanted = torch.cat([wanted, logits.argmax(-1, keepdim=True)], dim=1)
        assert torch.equal(applied.generate(**given, generation_config=settings), wanted)


@pytest.mark.parametrize(("name", "model"), [(name, model) for name, model in PROMPTED if model in HEADS])
def test_a_classifier_pools_its_text_whatever_pads_it(name: str, model: str) -> None:
    applied, ids = _prompted(name, model), _ids()
    mask = torch.ones_like(ids)
    blank = ids.new_zeros(3, 4)
    with torch.no_grad():
        plain = applied(input_ids=ids, attention_mask=mask).logits
        padded = applied(input_ids=torch.cat([ids, blank], 1), attention_mask=torch.cat([mask, blank], 1)).logits
        states = applied.get_base_model().base_model(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(padded, plain, rtol=1e-4, atol=1e-4)
    assert states.shape[1] == ids.shape[1]


def test_positions_that_the_prompt_takes_are_not_there_for_the_text() -> None:
    left = {name: _prompted(name, "gpt2").config.max_position_embeddings for name in PROMPTS}
    assert left == dict.fromkeys(PROMPTS, 32 - 4)
    assert _prompted("prefix_tuning", "bert").config.max_position_embeddings == 32, "it has no positions there"
    with pytest.raises(InputError, match="exceeds the 28 positions that the model has"):
        tiny.assemble(
            tiny.small("imdb", "task.max_length_tokens=29", "method.config.num_virtual_tokens=4", method="p_tuning")
        )


@prompts
def test_prompts_follow_the_seed(name: str) -> None:
    states = [trainable_state(_prompted(name, "llama", seed=seed)) for seed in (0, 0, 1)]
    assert state_hash(states[0]) == state_hash(states[1]) != state_hash(states[2])
