"""Base models: counted, repeatable, and refused where they are not what the suite expects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.config import SuiteConfig
from bench.core.errors import InputError, RunError
from bench.materials.base_model import (
    BaseModel,
    count_parameters,
    fetch_base_model,
    load_model,
    load_tokenizer,
    meta_model,
)
from bench.materials.mean_pooled import mean_over_tokens
from bench.methods.applying import apply_method, build, state_hash, trainable_state
from bench.suites.resolve import load_suite, resolve
from bench.tasks.base import kind_of_task

TEXTS = ["the cat sat on the mat", "A dog ran to the mat"]
SMALL = ["dim=16", "hidden_dim=32", "n_heads=2", "vocab_size=32"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _config(suite: str = "sentiment_sst2", method: str | None = None, *overrides: str) -> SuiteConfig:
    return resolve(load_suite(suite), profile="tiny", method=method, overrides=overrides)


def _small(*overrides: str) -> SuiteConfig:
    return _config("sentiment_sst2", None, *(f"model.architecture.config.{value}" for value in SMALL), *overrides)


def _without_architecture() -> SuiteConfig:
    config = _config()
    return config.model_copy(update={"model": config.model.model_copy(update={"architecture": None})})


def _base(config: SuiteConfig) -> BaseModel:
    return fetch_base_model(config.model, TEXTS)


def _hash(model: Any) -> str:
    return state_hash(dict(model.state_dict()))


# --- documented parameter counts, on the meta device -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "method", "total", "trainable"),
    [
        ("sentiment_sst2", "frozen_body", 66_955_010, 592_130),
        ("sentiment_sst2", "full", 66_955_010, 66_955_010),
        ("summarization", "full", 76_961_152, 76_961_152),
        ("summarization", "lm_head_only", 76_961_152, 16_449_536),
        ("summarization", "lora", 76_961_152 + 172_032, 172_032),
        ("summarization", "lora_lm_head", 77_133_184, 16_621_568),
        ("imdb", "freeze_attention", 109_483_778, 57_279_746),
        ("imdb", "head_only", 109_483_778, 768 * 2 + 2),
        ("gulliver", "full", 124_439_808, 124_439_808),
        ("alice_edgar", "full", 2 * 125_198_592, 2 * 125_198_592),
        ("alice_edgar", "lora", 125_198_592 + 2 * 1_327_104, 2 * 1_327_104),  # one base, an adapter for each writer
    ],
)
def test_documented_parameter_counts(suite: str, method: str, total: int, trainable: int) -> None:
    config = resolve(load_suite(suite), profile="documented", method=method)
    assert count_parameters(meta_model(config)) == config.model.total_parameters
    trained = kind_of_task(config).build_model(config, build(config.method), lambda: meta_model(config), seed=0)
    # peft puts a second adapter on the CPU
    assert {p.device.type for name, p in trained.named_parameters() if ".second." not in name} == {"meta"}
    assert (count_parameters(trained), count_parameters(trained, trainable=True)) == (total, trainable)


def test_the_offline_sentence_encoder_counts_its_head_and_not_a_pooler_twice() -> None:
    config = resolve(load_suite("sentiment_sst2"), profile="offline")
    model = meta_model(config)
    head = 384 * 384 + 384 + 2 * 384 + 2
    trained = apply_method(model, build(config.method), seed=0)
    assert count_parameters(trained, trainable=True) == head
    assert count_parameters(model.encoder) == count_parameters(model) - head


def test_a_tied_output_layer_counts_once() -> None:
    tied = _config("summarization", None, "model.architecture.config.tie_word_embeddings=true")
    difference = count_parameters(meta_model(_config("summarization"))) - count_parameters(meta_model(tied))
    assert difference == 256 * 64


def test_error_no_architecture_to_count() -> None:
    with pytest.raises(InputError, match=r"model\.architecture is missing"):
        meta_model(_without_architecture())


# --- random weights --------------------------------------------------------------------------------------------------


def test_random_weights_are_built_once_and_are_the_same_in_another_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _small()
    base = _base(config)
    weights = base.folder / "model.safetensors"
    before = weights.stat().st_mtime_ns, weights.read_bytes()
    torch.manual_seed(99)
    assert _base(config) == base
    assert weights.stat().st_mtime_ns == before[0]
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "other"))
    again = _base(config)
    assert (again.identity, (again.folder / "model.safetensors").read_bytes()) == (base.identity, before[1])


def test_building_random_weights_does_not_move_the_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _base(_small())
    assert torch.rand(1) == expected


@pytest.mark.parametrize("override", ["model.source.seed=1", "model.architecture.config.n_layers=1"])
def test_random_weights_of_another_seed_or_shape_are_others(override: str) -> None:
    first, second = _base(_small()), _base(_small(override))
    assert first.identity != second.identity
    assert (first.folder / "model.safetensors").read_bytes() != (second.folder / "model.safetensors").read_bytes()


def test_random_weights_have_a_tokenizer_of_the_training_words() -> None:
    tokenizer = load_tokenizer(_base(_small()), padding_side="right")
    ids = tokenizer("The cat saw a zebra")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["[CLS]", "the", "cat", "[UNK]", "a", "[UNK]", "[SEP]"]
    assert max(ids) < 32


def test_error_random_weights_of_another_name() -> None:
    with pytest.raises(InputError, match=r"model\.source\.name = 'noise' is not known; allowed: random_weights"):
        _base(_small("model.source.name=noise"))


def test_error_random_weights_without_a_shape() -> None:
    with pytest.raises(InputError, match=r"which needs model\.architecture to know the shapes"):
        _base(_without_architecture())


# --- loading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["architecture", "mean"])
def test_the_head_follows_the_run_seed_and_the_body_does_not(pooling: str) -> None:
    overrides = ("model.architecture.model_type=bert",) if pooling == "mean" else ()
    config = _small(f"model.pooling={pooling}", *overrides)
    if pooling == "mean":
        shape = "{hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=32}"
        config = _config("sentiment_sst2", "full", "model.pooling=mean",
                         f"model.architecture={{model_type='bert', config={shape}}}")  # fmt: skip
    base = _base(config)
    same, again, other = (load_model(config.model, base, n_labels=2, seed=seed) for seed in (3, 3, 4))
    assert _hash(same) == _hash(again) != _hash(other)
    assert _hash(same.base_model) == _hash(other.base_model)
    assert not torch.equal(same.classifier.weight, other.classifier.weight)
    assert not same.training


def test_the_head_does_not_depend_on_what_was_drawn_before() -> None:
    config = _small()
    base = _base(config)
    first = _hash(load_model(config.model, base, n_labels=2, seed=0))
    torch.rand(7)
    assert _hash(load_model(config.model, base, n_labels=2, seed=0)) == first


def test_lora_matrices_follow_the_run_seed() -> None:
    config = _config("summarization", "lora")
    base = _base(config)

    def adapter(seed: int) -> str:
        return state_hash(
            trainable_state(
                apply_method(load_model(config.model, base, n_labels=2, seed=seed), build(config.method), seed=seed)
            )
        )

    assert adapter(0) == adapter(0) != adapter(1)


def test_error_the_parameter_count_is_not_the_suites() -> None:
    config = _small("model.total_parameters=123")
    base = _base(config)
    with pytest.raises(RunError) as caught:
        load_model(config.model, base, n_labels=2, seed=0)
    n = count_parameters(load_model(_small().model, base, n_labels=2, seed=0))
    assert f"has {n:,} parameters with its head, the suite expects 123" in str(caught.value)
    assert f"--set model.total_parameters={n} if the new count is meant" in str(caught.value)


def test_an_untied_t5_keeps_its_output_layer_when_loaded() -> None:
    config = _config("summarization")
    model = load_model(config.model, _base(config), n_labels=2, seed=0)
    assert model.lm_head.weight is not model.shared.weight
    assert not torch.equal(model.lm_head.weight, model.shared.weight)


def test_a_tokenizer_without_padding_token_pads_with_its_end(
    tmp_path: Path, cut_padding: Callable[[Path], None]
) -> None:
    base = _base(_small())
    cut_padding(base.folder)
    tokenizer = load_tokenizer(base, padding_side="left")
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("[SEP]", "left")


@pytest.fixture
def cut_padding() -> Callable[[Path], None]:
    import json

    def cut(folder: Path) -> None:
        file = folder / "tokenizer_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings.pop("pad_token")
        file.write_text(json.dumps(settings), encoding="utf-8")

    return cut


def test_mean_over_tokens_ignores_padding() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]], [[5.0, 5.0], [0.0, 0.0], [1.0, 4.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert mean_over_tokens(hidden, mask).tolist() == [[2.0, 4.0], [2.0, 3.0]]
    assert mean_over_tokens(hidden, None).tolist() == hidden.mean(dim=1).tolist()
    assert mean_over_tokens(hidden, torch.zeros(2, 3, dtype=torch.long)).tolist() == [[0.0, 0.0]] * 2
