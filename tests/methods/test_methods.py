"""Methods: what is left to train, what stays quiet, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from models import distilbert, gpt2, t5
from transformers import (
    BartConfig,
    BartForSequenceClassification,
)

from bench.config import FreezeMethod, FullMethod, HeadOnlyMethod, MethodConfig, PeftMethod
from bench.core.errors import InputError
from bench.materials.heads import untie_output_layer
from bench.methods import applying
from bench.methods.applying import build, state_hash, trainable_state


def apply_method(model: Any, table: MethodConfig, *, seed: int) -> Any:
    return applying.apply_method(model, build(table), seed=seed)


LORA = {"peft_type": "LORA", "r": 2, "target_modules": ["q_lin"]}


def _trainable(model: Any) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def _freeze(*modules: str, **options: bool) -> FreezeMethod:
    return FreezeMethod(kind="freeze", modules=modules, **options)


def _peft(*also_train: str, **config: Any) -> PeftMethod:
    return PeftMethod(kind="peft", config=LORA | config, also_train=also_train)


HEAD = {"pre_classifier.weight", "pre_classifier.bias", "classifier.weight", "classifier.bias"}


# --- freezing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        (FullMethod(kind="full"), lambda _: True),
        (HeadOnlyMethod(kind="head_only"), lambda name: name in HEAD),
        (_freeze("distilbert"), lambda name: name in HEAD),
        (_freeze("*.attention"), lambda name: ".attention." not in name),
        (_freeze("*.layer.0", "classifier"), lambda n: ".layer.0." not in n and not n.startswith("classifier.")),
        (_freeze("*.embeddings", "*.layer.?"), lambda name: name in HEAD),
    ],
)
def test_what_stays_trainable(method: MethodConfig, wanted: Callable[[str], bool]) -> None:
    model = distilbert()
    everything = {name for name, _ in model.named_parameters()}
    assert _trainable(apply_method(model, method, seed=0)) == {name for name in everything if wanted(name)}


def test_a_model_that_came_frozen_is_thawed_first() -> None:
    model = distilbert().requires_grad_(False)
    assert _trainable(apply_method(model, _freeze("distilbert"), seed=0)) == HEAD


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (("distillbert",), "method.modules: 'distillbert' matches no module of the model; did you mean 'distilbert'?"),
        (("*.attn",), "method.modules: '*.attn' matches no module of the model; allowed: classifier, distilbert"),
        (("distilbert", "zzz"), "method.modules: 'zzz' matches no module"),
        (("*",), "method Freeze leaves no parameter to train; loosen what it freezes"),
    ],
)
def test_error_freeze(modules: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_method(distilbert(), _freeze(*modules), seed=0)
    assert message in str(caught.value)


@pytest.mark.parametrize("build", [gpt2, t5])
def test_head_only_unties_the_output_layer_and_leaves_the_embeddings(build: Callable[[], Any]) -> None:
    model = build()
    tokens = torch.tensor([[3, 4, 5]])
    inputs = {"input_ids": tokens} | ({"decoder_input_ids": tokens} if build is t5 else {})
    with torch.no_grad():
        before = model(**inputs).logits
        trained = apply_method(model, HeadOnlyMethod(kind="head_only"), seed=0)
        assert torch.equal(trained(**inputs).logits, before)
    assert _trainable(trained) == {"lm_head.weight"}
    assert not trained.get_input_embeddings().weight.requires_grad
    assert trained.get_input_embeddings().weight.data_ptr() != trained.lm_head.weight.data_ptr()


def test_untying_an_output_layer_of_its_own_changes_nothing() -> None:
    model = gpt2()
    weight = untie_output_layer(model).weight
    assert untie_output_layer(model).weight is weight


# --- quiet modules ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "quiet"),
    [
        (_freeze("distilbert"), True),
        (_freeze("distilbert", frozen_dropout=True), False),
        (HeadOnlyMethod(kind="head_only"), True),
        (FullMethod(kind="full"), False),
    ],
)
def test_quiet_modules_keep_dropout_off_in_the_frozen_body(method: MethodConfig, quiet: bool) -> None:
    model = apply_method(distilbert(), method, seed=0)
    tokens = torch.arange(10).view(2, 5)
    model.train()
    for module in build(method).quiet(model):
        module.eval()
    with torch.no_grad():
        first, second = (model.distilbert(tokens).last_hidden_state for _ in range(2))
        heads = [model(tokens).logits for _ in range(8)]
    assert torch.equal(first, second) is quiet
    assert model.dropout.training, "the head's own dropout runs on"
    assert any(not torch.equal(heads[0], other) for other in heads[1:])


def test_only_the_named_modules_are_quiet() -> None:
    method = _freeze("distilbert.transformer.layer.0")
    model = apply_method(distilbert(), method, seed=0)
    assert build(method).quiet(model) == [model.distilbert.transformer.layer[0]]


# --- peft ------------------------------------------------------------------------------------------------------------


def test_lora_trains_the_adapter_and_what_is_named_beside_it() -> None:
    trained = apply_method(distilbert(), _peft("classifier"), seed=0)
    names = _trainable(trained)
    lora = {name for name in names if "lora_" in name}
    assert len(lora) == 4
    assert {name.removeprefix("base_model.model.") for name in names - lora} == {"classifier.weight", "classifier.bias"}


def test_a_tied_output_layer_is_untied_before_it_is_trained() -> None:
    config = {"target_modules": ["q"], "r": 2}
    trained = apply_method(t5(), _peft("lm_head", **config), seed=0)
    base = trained.get_base_model()
    assert base.lm_head.weight.requires_grad
    assert not base.shared.weight.requires_grad
    assert base.lm_head.weight.data_ptr() != base.shared.weight.data_ptr()
    plain = apply_method(t5(), _peft(**config), seed=0).get_base_model()
    assert plain.lm_head.weight is plain.shared.weight


def test_another_peft_type_needs_no_code_of_ours() -> None:
    config = {"peft_type": "ia3", "target_modules": ["q_lin"], "feedforward_modules": []}
    method = PeftMethod(kind="peft", config=config)
    assert {name.split(".")[-2] for name in _trainable(apply_method(distilbert(), method, seed=0))} == {"ia3_l"}


def test_adapters_follow_the_seed_and_nothing_else() -> None:
    def initial(seed: int, *, draws: int = 0) -> str:
        model = distilbert()
        torch.rand(draws)
        return state_hash(trainable_state(apply_method(model, _peft(), seed=seed)))

    assert initial(0) == initial(0, draws=3) != initial(1)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (_peft(peft_type="LORRA"), "method.config.peft_type = 'LORRA' is not known to peft; did you mean 'LORA'?"),
        (_peft(rank=4), "method.config.rank is not a key of LoraConfig"),
        (_peft(lora_alfa=4), "method.config.lora_alfa is not a key of LoraConfig; did you mean 'lora_alpha'?"),
        (_peft(target_modules=["nothing"]), "method.config: peft refuses it: Target modules"),
        (_peft(r=0), "method.config: peft refuses it: "),
        (_peft("clasifier"), "method.also_train: 'clasifier' is no module of the model; did you mean 'classifier'?"),
    ],
)
def test_error_peft(method: PeftMethod, message: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_method(distilbert(), method, seed=0)
    assert message in str(caught.value)


# --- hashes ----------------------------------------------------------------------------------------------------------


def test_state_hash_sees_names_shapes_types_and_bytes_and_not_the_order() -> None:
    a, b = torch.arange(4.0), torch.ones(2)
    base = state_hash({"a": a, "b": b})
    assert state_hash({"b": b.clone(), "a": a.clone()}) == base
    others = [
        {"a": a, "c": b},
        {"a": a.view(2, 2), "b": b},
        {"a": a.half(), "b": b},
        {"a": a + torch.tensor([0, 0, 0, 1e-6]), "b": b},
        {"a": a},
    ]
    assert len({base, *map(state_hash, others)}) == 1 + len(others)


def test_state_hash_of_a_view_is_that_of_its_copy() -> None:
    turned = torch.arange(6.0).view(2, 3).T
    assert state_hash({"a": turned}) == state_hash({"a": turned.contiguous()})


def test_state_hash_is_pinned() -> None:
    assert state_hash({"a": torch.arange(3.0)})[:16] == "a37e16029b9d65ef"


def test_state_hash_takes_a_scalar() -> None:
    assert state_hash({"a": torch.tensor(1.0)}) != state_hash({"a": torch.tensor(2.0)})


def test_a_classifier_that_reads_the_end_of_a_text_is_given_one() -> None:
    config = BartConfig(
        vocab_size=20, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=8, decoder_ffn_dim=8, max_position_embeddings=16, num_labels=2,
    )  # fmt: skip
    model = BartForSequenceClassification(config).eval()
    head = {name for name, _ in model.named_parameters() if name.startswith("classification_head.")}
    assert _trainable(apply_method(model, HeadOnlyMethod(kind="head_only"), seed=0)) == head
