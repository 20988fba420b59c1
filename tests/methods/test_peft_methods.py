"""The peft methods of the library, on small models of every architecture that the suites have.

What trains, how many parameters by the papers' formulas, that each starts as the base model and merges into it, and
what is special to one: LoRA+'s rates, AdaLoRA's pruning, what prompts must leave alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from peft import PeftModel
from peft_models import (
    ADAPTED,
    FF,
    HEADS,
    MODELS,
    REPARAMETRISED,
    D,
    V,
    is_refused,
    logits_of,
    peft_method,
    peft_table,
    small_model,
    trained_shapes,
)
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
)
from transformers.pytorch_utils import Conv1D

from bench.core.errors import InputError
from bench.methods.adapters import Peft
from bench.methods.applying import apply_method, build, state_hash, trainable_state
from bench.running.weights import load_saved, save_trained
from bench.suites.resolve import load_suite, resolve

APPLY = [(name, model) for name in REPARAMETRISED for model in MODELS if not is_refused(name, model)]


# --- what trains -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["distilbert", "bert", "mean", "gpt2", "gpt_neo"])
def test_bitfit_trains_the_biases_and_the_head_and_nothing_else(model: str) -> None:
    built = small_model(model)
    wanted = {name for name, _ in built.named_parameters() if name.endswith(".bias")}
    if model in HEADS:
        outside = [name for name, _ in built.named_parameters() if not name.startswith(f"{built.base_model_prefix}.")]
        assert sum(dict(built.named_parameters())[name].numel() for name in outside) == HEADS[model]
        wanted |= set(outside)
    method = resolve(load_suite("imdb"), profile="tiny", method="bitfit").method
    assert set(trained_shapes(apply_method(built, build(method), seed=0))) == wanted


@pytest.mark.parametrize("model", MODELS)
def test_layernorm_trains_the_norms_and_the_head_and_nothing_else(model: str) -> None:
    built = small_model(model)
    norms = [one for one in built.modules() if "Norm" in type(one).__name__]
    per_norm = 1 if model in ("t5", "llama") else 2  # RMS norms have no bias
    assert sum(p.numel() for one in norms for p in one.parameters()) == len(norms) * per_norm * D
    trained = trained_shapes(apply_method(built, peft_method("layernorm"), seed=0))
    assert sum(shape.numel() for shape in trained.values()) == len(norms) * per_norm * D + HEADS.get(model, 0)


@pytest.mark.parametrize(("name", "model"), APPLY)
def test_the_head_trains_and_the_body_does_not(name: str, model: str) -> None:
    built = small_model(model)
    body = {id(p): n for n, p in built.base_model.named_parameters()} if model in HEADS else {}
    body = body or {id(p): n for n, p in built.named_parameters()}
    trained = apply_method(built, peft_method(name), seed=0)
    assert not [body[id(p)] for p in trained.parameters() if p.requires_grad and id(p) in body]
    head = [p for n, p in trained.named_parameters() if n.split(".")[-2] in ("classifier", "pre_classifier")]
    assert sum(p.numel() for p in head if p.requires_grad) == HEADS.get(model, 0)


# --- how many --------------------------------------------------------------------------------------------------------


FORMULAS: dict[str, Callable[[int, int], int]] = {
    "lora": lambda d_in, d_out: 8 * (d_in + d_out),
    "rslora": lambda d_in, d_out: 64 * (d_in + d_out),
    "pissa": lambda d_in, d_out: 8 * (d_in + d_out),
    "lora_plus": lambda d_in, d_out: 8 * (d_in + d_out),
    "dora": lambda d_in, d_out: 8 * (d_in + d_out) + d_out,
    "vera": lambda d_in, d_out: d_out + 256,
    "oft": lambda d_in, d_out: (d_in // 16) * 16 * 15 // 2,  # blocks of 32 do not fit 16 inputs
    "boft": lambda d_in, d_out: (d_in // 4) * 4 * 4 + d_out,  # peft keeps whole blocks, and a scale an output
}


@pytest.mark.parametrize(("name", "model"), [(n, m) for n, m in APPLY if n in FORMULAS])
def test_parameters_count_as_in_the_papers(name: str, model: str) -> None:
    settings = {"r": 8} if name == "pissa" else {}
    trained = trained_shapes(apply_method(small_model(model), peft_method(name, **settings), seed=0))
    wanted = sum(FORMULAS[name](*layer) for layer in ADAPTED[model]) + HEADS.get(model, 0)
    assert sum(shape.numel() for shape in trained.values()) == wanted


def test_ia3_has_one_number_for_every_key_value_and_inner_activation() -> None:
    for model in ("distilbert", "t5", "llama"):
        trained = trained_shapes(apply_method(small_model(model), peft_method("ia3"), seed=0))
        layers, values = {"distilbert": (2, D), "t5": (4, D), "llama": (2, D // 2)}[model]
        attentions = 6 if model == "t5" else layers
        assert sum(shape.numel() for shape in trained.values()) == 2 * attentions * values + layers * FF + HEADS.get(
            model, 0
        )


@pytest.mark.parametrize("model", MODELS)
def test_prompts_count_as_vectors_of_the_models_width(model: str) -> None:
    trained = trained_shapes(apply_method(small_model(model), peft_method("prompt_tuning"), seed=0))
    assert sum(shape.numel() for shape in trained.values()) == 8 * D + HEADS.get(model, 0)


@pytest.mark.parametrize("name", [*REPARAMETRISED, "prompt_tuning", "prefix_tuning", "p_tuning"])
def test_what_trains_is_counted_without_weights(name: str) -> None:
    with torch.device("meta"):
        weightless = small_model("bert")
    wanted = trained_shapes(apply_method(small_model("bert"), peft_method(name), seed=0))
    assert trained_shapes(apply_method(weightless, peft_method(name), seed=0)) == wanted


# --- where it starts, and what becomes of it -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model"), APPLY)
def test_it_starts_as_the_base_model_and_merges_into_it(name: str, model: str) -> None:
    """It starts so to rounding: DoRA divides by norms, PiSSA adds up what its decomposition took apart."""
    built, method = small_model(model), peft_method(name)
    before = logits_of(built)
    trained = apply_method(built, method, seed=0)
    torch.testing.assert_close(logits_of(trained), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    moved = logits_of(trained)
    assert not torch.allclose(moved, before, atol=1e-3)
    merged = method.merge(trained)
    assert type(merged) is type(small_model(model))
    torch.testing.assert_close(logits_of(merged), moved, rtol=1e-3, atol=1e-3 * float(moved.abs().max()))


@pytest.mark.parametrize("name", [n for n in REPARAMETRISED if n not in ("ia3", "pissa", "oft", "boft", "layernorm")])
def test_new_weights_follow_the_seed(name: str) -> None:
    def initial(seed: int) -> dict[str, torch.Tensor]:
        applied = apply_method(small_model("distilbert"), peft_method(name), seed=seed)
        return trainable_state(applied)

    assert state_hash(initial(0)) == state_hash(initial(0))
    assert (state_hash(initial(0)) == state_hash(initial(1))) == (name == "vera"), "VeRA's own vectors are constants"


def test_rslora_scales_by_the_root_of_the_rank_and_starts_with_the_factor_of_lora() -> None:
    factors = {}
    for name in ("lora", "rslora"):
        applied = apply_method(small_model("bert"), peft_method(name), seed=0)
        factors[name] = {one.scaling["default"] for one in applied.modules() if hasattr(one, "lora_A")}
    assert factors == {"lora": {16 / 8}, "rslora": {16 / 64**0.5}}


# --- which layers ----------------------------------------------------------------------------------------------------


def test_a_model_type_that_nobody_lists_has_all_its_linear_layers_adapted_but_the_head() -> None:
    config = AlbertConfig(
        vocab_size=V, embedding_size=8, hidden_size=D, num_hidden_layers=1, num_attention_heads=2, intermediate_size=FF
    )
    built = AlbertForSequenceClassification(config).eval()
    linear = {name for name, one in built.named_modules() if isinstance(one, nn.Linear)} - {"classifier"}
    names = trained_shapes(apply_method(built, peft_method("lora"), seed=0))
    adapted = {name.removeprefix("base_model.model.").split(".lora_")[0] for name in names if ".lora_" in name}
    assert adapted == linear


def test_conv1d_is_adapted_without_a_warning_and_the_right_way_round() -> None:
    applied = apply_method(small_model("gpt2"), peft_method("lora"), seed=0)
    layers = [one for one in applied.modules() if hasattr(one, "lora_A")]
    assert [type(one.base_layer) for one in layers] == [Conv1D, Conv1D]
    assert all(one.fan_in_fan_out for one in layers)


def test_what_the_table_names_is_what_is_adapted() -> None:
    names = trained_shapes(
        apply_method(small_model("distilbert"), peft_method("lora", target_modules=["out_lin"]), seed=0)
    )
    assert {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in names if ".lora_" in name} == {"out_lin"}


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("lora", True), ("rslora", True), ("dora", True), ("lora_plus", True), ("ia3", True), ("vera", True),
        ("oft", True), ("boft", True), ("layernorm", True), ("pissa", False), ("adalora", False),
        ("prompt_tuning", False), ("prefix_tuning", False), ("p_tuning", False),
    ],
)  # fmt: skip
def test_two_writers_share_a_base_only_where_it_stays_as_it_is(name: str, shares: bool) -> None:
    assert peft_method(name).shares_base == shares


# --- LoRA+ -----------------------------------------------------------------------------------------------------------


def test_lora_plus_gives_b_sixteen_times_the_rate_of_a_and_the_schedule_scales_both() -> None:
    pieces = tiny.assemble(
        tiny.small("gulliver", "training.scheduler=linear", "training.warmup_steps=2", method="lora_plus")
    )
    optimizer = build(pieces.config.method).optimizer(pieces.model, pieces.config.training)
    assert optimizer is not None
    names = {id(p): name for name, p in pieces.model.named_parameters()}
    rates = {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert set(rates) == set(trained_shapes(pieces.model))
    rate = pieces.config.training.learning_rate
    assert {rates[name] for name in rates if "lora_A" in name} == {rate}
    assert {rates[name] for name in rates if "lora_B" in name} == {16 * rate}
    seen: list[list[float]] = []
    step = type(optimizer).step

    def watched(self: Any, *arguments: Any, **given: Any) -> Any:
        seen.append([group["lr"] / group["initial_lr"] for group in self.param_groups])
        return step(self, *arguments, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(optimizer), "step", watched)
        curve = pieces.train().curve
    wanted = [0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    assert [factors[0] for factors in seen] == pytest.approx(wanted)
    assert all(len({round(factor, 12) for factor in factors}) == 1 for factors in seen)
    assert [row["learning_rate"] for row in curve] == pytest.approx([rate * factor for factor in wanted])


def test_the_optimizer_follows_the_suites_kind_and_no_other_method_has_one() -> None:
    config = tiny.small("gulliver", "training.optimizer=sgd", method="lora_plus")
    pieces = tiny.assemble(config)
    assert isinstance(build(config.method).optimizer(pieces.model, config.training), torch.optim.SGD)
    assert peft_method("lora").optimizer(pieces.model, config.training) is None


# --- AdaLoRA ---------------------------------------------------------------------------------------------------------


def _adalora(*overrides: str, seed: int = 0) -> tiny.Pieces:
    ranks = ("method.config.init_r=4", "method.config.target_r=2", "training.steps=12")
    return tiny.assemble(tiny.small("imdb", *ranks, *overrides, method="adalora"), seed=seed)


def _ranks(model: Any) -> list[int]:
    return [int((p != 0).sum()) for name, p in model.named_parameters() if "lora_E" in name]


def test_adalora_prunes_to_its_target_and_what_is_saved_is_what_was_pruned(tmp_path: Path) -> None:
    pieces = _adalora("training.learning_rate=1e-2")
    assert len(_ranks(pieces.model)) == 4
    pieces.train()
    assert sum(_ranks(pieces.model)) == 2 * 4
    chosen = pieces.model.peft_config["default"]
    assert (chosen.total_step, chosen.tinit, chosen.tfinal) == (12, 1, 6)
    save_trained(pieces.model, pieces.config, tmp_path)
    fresh = _adalora("training.learning_rate=1e-2")
    before = fresh.predict()
    fresh.model = load_saved(fresh.model, fresh.config, tmp_path, torch.device("cpu"))
    assert _ranks(fresh.model) == _ranks(pieces.model)
    assert (fresh.predict().losses_nats == pieces.predict().losses_nats).all()
    assert not (fresh.predict().losses_nats == before.losses_nats).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_adalora_takes_any_budget(steps: int) -> None:
    pieces = _adalora(f"training.steps={steps}")
    assert len(pieces.train().curve) == steps


def test_adaloras_penalty_is_pefts_own() -> None:
    pieces = _adalora()
    model, method = pieces.model, build(pieces.config.method)
    batch = pieces.task.collate(pieces.train_items[:4])
    with torch.no_grad():
        output = model.base_model(**batch)
        plain = nn.functional.cross_entropy(output.logits, batch["labels"])
        penalty = method.penalty(model)
    assert penalty is not None
    assert float(penalty) > 0
    assert float(output.loss) == pytest.approx(float(plain + penalty), rel=1e-5)
    assert peft_method("lora").penalty(model) is None


def test_a_schedule_of_ones_own_is_kept_and_one_that_leaves_no_step_is_refused() -> None:
    pieces = _adalora("method.config.tinit=3", "method.config.tfinal=4")
    pieces.train()
    chosen = pieces.model.peft_config["default"]
    assert (chosen.total_step, chosen.tinit, chosen.tfinal) == (12, 3, 4)
    with pytest.raises(InputError, match=r"tinit = 9 and tfinal = 6 leave no step to prune in, of 12; lower them"):
        _adalora("method.config.tinit=9").train()
    with pytest.raises(InputError, match=r"total_step = 100, and the run has 12 steps: its ranks would not come down"):
        _adalora("method.config.total_step=100", "method.config.tinit=1", "method.config.tfinal=6").train()


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "model", "message"),
    [
        (
            Peft(peft_table(peft_type="BOFT", boft_n_butterfly_factor=2)),
            "bert",
            "boft_n_butterfly_factor: peft has more",
        ),
        (Peft(peft_table(peft_type="PREFIX_TUNING", num_virtual_tokens=2)), "distilbert", "takes no prefix"),
        (Peft(peft_table(peft_type="PROMPT_TUNING", num_virtual_tokens=32)), "gpt2", "takes all of the 32 positions"),
        (peft_method("oft"), "gpt2", "peft refuses it: Target module Conv1D"),
        (peft_method("boft"), "gpt2", "peft refuses it: Target module Conv1D"),
    ],
)
def test_error_apply(method: Peft, model: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_method(small_model(model), method, seed=0)
    assert message in str(caught.value)


def test_error_merging_a_prompt() -> None:
    method = peft_method("prompt_tuning")
    applied = apply_method(small_model("bert"), method, seed=0)
    assert isinstance(applied, PeftModel)
    with pytest.raises(InputError, match="PROMPT_TUNING adds a prompt, which has no place in the base model"):
        method.merge(applied)
