"""Sampling: the penalty by hand, exact draws, bans, and samples that know nothing of their batch."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy.stats import chisquare
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast, RepetitionPenaltyLogitsProcessor

from bench.config import PeftMethod
from bench.core.errors import InputError
from bench.methods.applying import apply_method, build
from bench.tasks.writing.sampling import CountPenalty, SeededGumbel, banned_token_ids, sample

N_VOCABULARY = 64
SIZES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48, "initializer_range": 0.3},
    "gpt_neo": {
        "hidden_size": 32, "num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]],
        "window_size": 8, "max_position_embeddings": 48, "initializer_range": 0.3,
    },
    "llama": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 48, "initializer_range": 0.3,
    },
}  # fmt: skip


def _model(model_type: str = "gpt2", **more: Any) -> Any:
    values = {"vocab_size": N_VOCABULARY, "bos_token_id": 1, "eos_token_id": 1, **SIZES[model_type], **more}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **values)).eval()


def _sample(model: Any, seeds: list[int], *, batch_size: int = 4, **more: Any) -> list[list[int]]:
    values = {"n_tokens": 24, "banned": (1,), "penalty": 1.2, "advance": lambda _: None, **more}
    with torch.inference_mode():
        return sample(model, [1, 5, 9], seeds, batch_size=batch_size, **values)


@pytest.fixture
def warned() -> Iterator[list[str]]:
    """Collect what transformers logs as a warning or worse."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler = Collect(logging.WARNING)
    transformers.logging.add_handler(handler)
    yield messages
    transformers.logging.remove_handler(handler)


# --- the penalty -----------------------------------------------------------------------------------------------------


def test_a_probability_is_divided_by_r_to_the_power_of_its_count() -> None:
    r = 1.5
    scores = torch.tensor([[2.0, -1.0, 0.5, 0.0], [0.1, 0.2, 0.3, 0.4]])
    ids = torch.tensor([[3, 3, 0, 1, 0, 0], [0, 1, 2, 2, 2, 2]])  # two given, four generated
    got = CountPenalty(r, n_given=2)(ids, scores).softmax(dim=1)
    divisors = torch.tensor([[r**3, r, 1.0, 1.0], [1.0, 1.0, r**4, 1.0]])
    by_hand = scores.softmax(dim=1) / divisors
    torch.testing.assert_close(got, by_hand / by_hand.sum(dim=1, keepdim=True), atol=1e-6, rtol=0)


def test_the_prompt_does_not_count_and_the_scores_given_are_left_alone() -> None:
    scores = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    before = scores.clone()
    assert torch.equal(CountPenalty(2.0, n_given=3)(torch.tensor([[0, 1, 1], [2, 2, 2]]), scores), before)
    CountPenalty(2.0, n_given=0)(torch.tensor([[0, 1, 1], [2, 2, 2]]), scores)
    assert torch.equal(scores, before)


def test_the_penalty_is_not_the_one_that_counts_once() -> None:
    scores = torch.zeros(1, 3)
    usual = RepetitionPenaltyLogitsProcessor(2.0)
    once, thrice = torch.tensor([[0]]), torch.tensor([[0, 0, 0]])
    assert torch.equal(usual(once, scores.clone()), usual(thrice, scores.clone()))
    assert CountPenalty(2.0, 0)(thrice, scores)[0, 0] == pytest.approx(-3 * math.log(2))
    assert CountPenalty(2.0, 0)(once, scores)[0, 0] == pytest.approx(-math.log(2))


@pytest.mark.parametrize("r", [1.0, 0.5, -1.0, math.nan])
def test_a_penalty_that_would_not_penalise_is_refused(r: float) -> None:
    with pytest.raises(InputError, match=r"task\.repetition_penalty .* must be greater than 1"):
        CountPenalty(r, 0)


# --- draws -----------------------------------------------------------------------------------------------------------


def test_the_greatest_noisy_score_is_a_draw_from_the_softmax() -> None:
    probabilities = np.array([0.5, 0.25, 0.15, 0.08, 0.02])
    scores = torch.tensor(np.log(probabilities), dtype=torch.float32).repeat(20, 1) + 3.0  # logits need no norm
    gumbel = SeededGumbel(range(20))
    draws = Counter(int(i) for _ in range(1000) for i in gumbel(scores.new_zeros(20, 0), scores).argmax(dim=1))
    observed = [draws[i] for i in range(5)]
    assert chisquare(observed, 20_000 * probabilities).pvalue > 1e-3
    # The same test sees a distribution that is off by three hundredths.
    assert chisquare(observed, 20_000 * np.array([0.47, 0.28, 0.15, 0.08, 0.02])).pvalue < 1e-6


def test_noise_has_the_gumbel_distributions_mean_and_variance() -> None:
    noise = SeededGumbel([3])(torch.zeros(1, 0), torch.zeros(1, 200_000))[0].double()
    assert noise.isfinite().all()
    assert float(noise.mean()) == pytest.approx(0.57721566, abs=0.01)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.03)


def test_noise_is_finite_where_the_uniform_draw_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    extremes = torch.tensor([0.0, 2**-53, 0.5, 1 - 2**-53], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: extremes.clone())
    noise = SeededGumbel([0])(torch.zeros(1, 0), torch.zeros(1, 4))[0]
    assert noise.isfinite().all()
    assert (noise[:-1] > noise[1:]).all()


def test_a_row_hears_only_its_own_seed_and_what_is_ruled_out_stays_so() -> None:
    scores = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    scores[1, 2] = -math.inf
    together, ids = SeededGumbel([4, 5, 6]), torch.zeros(3, 0)
    alone = [SeededGumbel([seed]) for seed in (4, 5, 6)]
    for _ in range(3):
        got = together(ids, scores)
        assert torch.equal(got, torch.cat([g(ids[:1], scores[i : i + 1]) for i, g in enumerate(alone)]))
        assert got[1, 2] == -math.inf
        assert got.isfinite().sum() == 17
    assert got.dtype == torch.float32


# --- bans ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Return a byte-level tokenizer: 256 bytes, a few longer tokens, an end token, an added pad token."""
    # The printable stand-ins of a space, a newline and a tab are those of every byte-level vocabulary.
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, "ĠĠ", "Ċĉ", "th", "Ġth", "Ã©", "ĠĊ", "<|endoftext|>"]
    merges = [("Ġ", "Ġ"), ("Ċ", "ĉ"), ("t", "h"), ("Ġ", "th"), ("Ã", "©"), ("Ġ", "Ċ")]
    built = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens([AddedToken("<|endoftext|>", special=True), AddedToken("<|pad|>", special=True)])
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|pad|>"}
    return PreTrainedTokenizerFast(tokenizer_object=built, **special)


def _ids(tokenizer: Any, *pieces: str) -> set[int]:
    return set(tokenizer.convert_tokens_to_ids(list(pieces)))


def test_special_tokens_are_always_banned(tokenizer: Any) -> None:
    banned = banned_token_ids(tokenizer, (), n_vocabulary=len(tokenizer))
    assert set(banned) == _ids(tokenizer, "<|endoftext|>", "<|pad|>") == set(tokenizer.all_special_ids)


def test_white_space_tokens_are_found_by_their_text(tokenizer: Any) -> None:
    got = set(banned_token_ids(tokenizer, (r"\s+",), n_vocabulary=len(tokenizer))) - set(tokenizer.all_special_ids)
    spaces = {chr(code) for code in range(128) if chr(code).isspace()}
    expected = {i for i in range(len(tokenizer)) if tokenizer.decode([i]) and set(tokenizer.decode([i])) <= spaces}
    assert got == expected >= _ids(tokenizer, "Ġ", "Ċ", "ĉ", "ĠĠ", "Ċĉ", "ĠĊ")
    assert not got & _ids(tokenizer, "Ġth", "th", "Ã"), "a word with a space before it and half a character are text"


def test_a_pattern_matches_the_whole_token_and_any_pattern_counts(tokenizer: Any) -> None:
    got = set(banned_token_ids(tokenizer, ("t", "é"), n_vocabulary=len(tokenizer))) - set(tokenizer.all_special_ids)
    assert got == _ids(tokenizer, "t", "Ã©")


def test_rows_of_the_model_that_no_token_belongs_to_are_banned_and_none_beyond_it(tokenizer: Any) -> None:
    n = len(tokenizer)
    assert set(range(n, n + 5)) < set(banned_token_ids(tokenizer, (), n_vocabulary=n + 5))
    assert max(banned_token_ids(tokenizer, ("[a-m]",), n_vocabulary=70)) < 70 < max(_ids(tokenizer, "m"))


@pytest.mark.parametrize(
    ("pattern", "message"), [("[a", r"task\.banned_tokens: '\[a' is not"), (r"[\s\S]*", "bans every token")]
)
def test_bans_that_cannot_be_kept_are_refused(tokenizer: Any, pattern: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        banned_token_ids(tokenizer, (pattern,), n_vocabulary=len(tokenizer))


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_type", list(SIZES))
def test_neither_batch_nor_order_changes_a_sample(model_type: str, warned: list[str]) -> None:
    model, seeds = _model(model_type), list(range(100, 110))
    state = torch.get_rng_state()
    one = _sample(model, seeds, batch_size=1)
    assert one == _sample(model, seeds, batch_size=4)
    assert one == _sample(model, seeds[::-1], batch_size=3)[::-1]
    assert len({tuple(ids) for ids in one}) == len(seeds), "samples all alike would hide a wrong order"
    assert torch.equal(torch.get_rng_state(), state)
    assert warned == []


@pytest.mark.parametrize("model_type", list(SIZES))
def test_a_sample_is_what_a_plain_loop_without_a_cache_draws(model_type: str) -> None:
    model, prompt, banned, r = _model(model_type), [1, 5, 9], {0, 1, 30}, 1.3
    for seed, got in zip([8, 9], _sample(model, [8, 9], banned=sorted(banned), penalty=r, n_tokens=16), strict=True):
        generator = torch.Generator().manual_seed(seed)
        ids = list(prompt)
        for _ in range(16):
            with torch.inference_mode():
                logits = model(torch.tensor([ids])).logits[0, -1].double()
            counts = Counter(ids[len(prompt) :])
            noise = -torch.log(-torch.log1p(-torch.rand(N_VOCABULARY, generator=generator, dtype=torch.float64)))
            scores = [
                float(logits[i] - counts[i] * math.log(r) + noise[i]) if i not in banned else -math.inf
                for i in range(N_VOCABULARY)
            ]
            ids.append(int(np.argmax(scores)))
        assert got == ids[len(prompt) :]


def test_every_sample_has_the_length_asked_for_even_where_the_model_would_end() -> None:
    flat = _model(initializer_range=0.02)  # draws the end token, 1, about once in 64
    samples = _sample(flat, list(range(30)), banned=(), penalty=None, n_tokens=40)
    assert {len(ids) for ids in samples} == {40}
    assert 1 not in {i for ids in samples for i in ids}


def test_banned_tokens_never_occur_and_the_others_do() -> None:
    banned = tuple(range(0, N_VOCABULARY, 2))
    samples = _sample(_model(initializer_range=0.02), list(range(40)), banned=banned, penalty=None)
    assert {i for ids in samples for i in ids} == set(range(1, N_VOCABULARY, 2)) - {1}


def test_the_penalty_thins_repetitions_out() -> None:
    model, seeds = _model(), list(range(20))
    free = sum(len(set(ids)) for ids in _sample(model, seeds, penalty=None))
    penalised = sum(len(set(ids)) for ids in _sample(model, seeds, penalty=3.0))
    assert penalised > 1.1 * free


def test_the_checkpoints_own_generation_settings_change_nothing(warned: list[str]) -> None:
    plain, odd = _model(), _model()
    settings = {"repetition_penalty": 5.0, "no_repeat_ngram_size": 1, "do_sample": True, "num_beams": 2}
    for name, value in settings.items():
        setattr(odd.generation_config, name, value)
    assert _sample(plain, [1, 2, 3]) == _sample(odd, [1, 2, 3])
    assert warned == []


def test_an_adapter_is_sampled_with(warned: list[str]) -> None:
    plain, seeds = _model("llama"), [1, 2, 3]
    before = _sample(plain, seeds)
    lora = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}
    adapted = apply_method(plain, build(PeftMethod(kind="peft", config=lora)), seed=0).eval()
    assert _sample(adapted, seeds) == before, "a fresh adapter is the identity"
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.5)
    assert _sample(adapted, seeds) != before
    assert warned == []


def test_progress_is_told_of_every_sample() -> None:
    told: list[int] = []
    _sample(_model(), list(range(7)), batch_size=3, advance=told.append, n_tokens=2)
    assert told == [3, 3, 1]


def test_a_sample_longer_than_the_models_context_is_refused() -> None:
    model = _model()
    assert len(_sample(model, [0], n_tokens=45)[0]) == 45
    with pytest.raises(InputError, match=r"prompt of 3 and a sample of 46 tokens are longer than the 48 positions"):
        _sample(model, [0], n_tokens=46)
