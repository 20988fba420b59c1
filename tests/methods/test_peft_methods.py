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
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.pytorch_utils import Conv1D

from bench.config import PeftMethod
from bench.core.errors import InputError
from bench.materials.heads import MeanPooledClassifier
from bench.materials.quiet import quiet_transformers
from bench.methods.adapters import Peft
from bench.methods.applying import apply_method, build, state_hash, trainable_state
from bench.running.weights import load_saved, save_trained
from bench.suites import library
from bench.suites.resolve import load_suite, resolve
from bench.tasks.writing.sampling import CountPenalty, SeededGumbel, sample

D, FF, V = 16, 32, 40
"""Width, inner width and vocabulary of every model; each has two layers."""


def _bert_config() -> BertConfig:
    return BertConfig(
        vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=4, intermediate_size=FF, num_labels=2,
        max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip


MODELS: dict[str, Callable[[], Any]] = {
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=V, dim=D, hidden_dim=FF, n_layers=2, n_heads=4, max_position_embeddings=32, initializer_range=0.3
        )
    ),
    "bert": lambda: BertForSequenceClassification(_bert_config()),
    "mean": lambda: MeanPooledClassifier(_bert_config()),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=V, d_model=D, d_kv=4, d_ff=FF, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
        )
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=V, n_embd=D, n_layer=2, n_head=4, n_inner=FF, n_positions=32, initializer_range=0.3)
    ),
    "gpt_neo": lambda: GPTNeoForCausalLM(
        GPTNeoConfig(
            vocab_size=V, hidden_size=D, intermediate_size=FF, num_layers=2, num_heads=4, window_size=32,
            attention_types=[[["global", "local"], 1]], max_position_embeddings=32, initializer_range=0.3,
        )
    ),
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=V, hidden_size=D, intermediate_size=FF, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, initializer_range=0.3,
        )
    ),
}  # fmt: skip
HEADS = {
    "distilbert": D * D + D + D * 2 + 2,
    "mean": D * D + D + D * 2 + 2,
    "bert": D * 2 + 2,
}
"""Parameters of a classifier's head."""
ADAPTED = {
    "distilbert": [(D, D)] * 4,
    "bert": [(D, D)] * 4,
    "mean": [(D, D)] * 4,
    "t5": [(D, D)] * 12,
    "gpt2": [(D, 3 * D)] * 2,
    "gpt_neo": [(D, D)] * 4,
    "llama": [(D, D), (D, D // 2)] * 2,
}
"""Inputs and outputs of every layer that LoRA adapts: queries and values."""
REPARAMETRISED = ["lora", "rslora", "dora", "pissa", "lora_plus", "adalora", "ia3", "vera", "oft", "boft", "layernorm"]


def _model(name: str) -> Any:
    torch.manual_seed(0)
    with quiet_transformers():
        return MODELS[name]().eval()


def _method(name: str, **config: Any) -> Peft:
    table = {key: value for key, value in library.entry(name).table.items() if key != "training"}
    if config:
        table["config"] = table["config"] | config
    method = build(PeftMethod.model_validate(table))
    assert isinstance(method, Peft)
    return method


def _table(**config: Any) -> PeftMethod:
    return PeftMethod(kind="peft", config=config)


def _inputs(model: Any) -> dict[str, torch.Tensor]:
    ids = torch.arange(3 * 7).view(3, 7) % (V - 3) + 3
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return given | ({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})


def _logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(**_inputs(model)).logits


def _trained(model: nn.Module) -> dict[str, torch.Size]:
    return {name: p.shape for name, p in model.named_parameters() if p.requires_grad}


def _refused(name: str, model: str) -> bool:
    types = {"mean": "bert"}.get(model, model)
    return any(types in (rule.model_type or ()) for rule in library.entry(name).not_for)


APPLY = [(name, model) for name in REPARAMETRISED for model in MODELS if not _refused(name, model)]


# --- what trains -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["distilbert", "bert", "mean", "gpt2", "gpt_neo"])
def test_bitfit_trains_the_biases_and_the_head_and_nothing_else(model: str) -> None:
    built = _model(model)
    wanted = {name for name, _ in built.named_parameters() if name.endswith(".bias")}
    if model in HEADS:
        outside = [name for name, _ in built.named_parameters() if not name.startswith(f"{built.base_model_prefix}.")]
        assert sum(dict(built.named_parameters())[name].numel() for name in outside) == HEADS[model]
        wanted |= set(outside)
    method = resolve(load_suite("imdb"), profile="tiny", method="bitfit").method
    assert set(_trained(apply_method(built, build(method), seed=0))) == wanted


@pytest.mark.parametrize("model", MODELS)
def test_layernorm_trains_the_norms_and_the_head_and_nothing_else(model: str) -> None:
    built = _model(model)
    norms = [one for one in built.modules() if "Norm" in type(one).__name__]
    per_norm = 1 if model in ("t5", "llama") else 2  # RMS norms have no bias
    assert sum(p.numel() for one in norms for p in one.parameters()) == len(norms) * per_norm * D
    trained = _trained(apply_method(built, _method("layernorm"), seed=0))
    assert sum(shape.numel() for shape in trained.values()) == len(norms) * per_norm * D + HEADS.get(model, 0)


@pytest.mark.parametrize(("name", "model"), APPLY)
def test_the_head_trains_and_the_body_does_not(name: str, model: str) -> None:
    built = _model(model)
    body = {id(p): n for n, p in built.base_model.named_parameters()} if model in HEADS else {}
    body = body or {id(p): n for n, p in built.named_parameters()}
    trained = apply_method(built, _method(name), seed=0)
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
    trained = _trained(apply_method(_model(model), _method(name, **settings), seed=0))
    wanted = sum(FORMULAS[name](*layer) for layer in ADAPTED[model]) + HEADS.get(model, 0)
    assert sum(shape.numel() for shape in trained.values()) == wanted


def test_ia3_has_one_number_for_every_key_value_and_inner_activation() -> None:
    for model in ("distilbert", "t5", "llama"):
        trained = _trained(apply_method(_model(model), _method("ia3"), seed=0))
        layers, values = {"distilbert": (2, D), "t5": (4, D), "llama": (2, D // 2)}[model]
        attentions = 6 if model == "t5" else layers
        assert sum(shape.numel() for shape in trained.values()) == 2 * attentions * values + layers * FF + HEADS.get(
            model, 0
        )


@pytest.mark.parametrize("model", MODELS)
def test_prompts_count_as_vectors_of_the_models_width(model: str) -> None:
    trained = _trained(apply_method(_model(model), _method("prompt_tuning"), seed=0))
    assert sum(shape.numel() for shape in trained.values()) == 8 * D + HEADS.get(model, 0)


@pytest.mark.parametrize("name", [*REPARAMETRISED, "prompt_tuning", "prefix_tuning", "p_tuning"])
def test_what_trains_is_counted_without_weights(name: str) -> None:
    with torch.device("meta"):
        weightless = _model("bert")
    wanted = _trained(apply_method(_model("bert"), _method(name), seed=0))
    assert _trained(apply_method(weightless, _method(name), seed=0)) == wanted


# --- where it starts, and what becomes of it -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "model"), APPLY)
def test_it_starts_as_the_base_model_and_merges_into_it(name: str, model: str) -> None:
    """It starts so to rounding: DoRA divides by norms, PiSSA adds up what its decomposition took apart."""
    built, method = _model(model), _method(name)
    before = _logits(built)
    trained = apply_method(built, method, seed=0)
    torch.testing.assert_close(_logits(trained), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    moved = _logits(trained)
    assert not torch.allclose(moved, before, atol=1e-3)
    merged = method.merge(trained)
    assert type(merged) is type(_model(model))
    torch.testing.assert_close(_logits(merged), moved, rtol=1e-3, atol=1e-3 * float(moved.abs().max()))


@pytest.mark.parametrize("name", [n for n in REPARAMETRISED if n not in ("ia3", "pissa", "oft", "boft", "layernorm")])
def test_new_weights_follow_the_seed(name: str) -> None:
    def initial(seed: int) -> dict[str, torch.Tensor]:
        applied = apply_method(_model("distilbert"), _method(name), seed=seed)
        return trainable_state(applied)

    assert state_hash(initial(0)) == state_hash(initial(0))
    assert (state_hash(initial(0)) == state_hash(initial(1))) == (name == "vera"), "VeRA's own vectors are constants"


def test_rslora_scales_by_the_root_of_the_rank_and_starts_with_the_factor_of_lora() -> None:
    factors = {}
    for name in ("lora", "rslora"):
        applied = apply_method(_model("bert"), _method(name), seed=0)
        factors[name] = {one.scaling["default"] for one in applied.modules() if hasattr(one, "lora_A")}
    assert factors == {"lora": {16 / 8}, "rslora": {16 / 64**0.5}}


# --- which layers ----------------------------------------------------------------------------------------------------


def test_a_model_type_that_nobody_lists_has_all_its_linear_layers_adapted_but_the_head() -> None:
    config = AlbertConfig(
        vocab_size=V, embedding_size=8, hidden_size=D, num_hidden_layers=1, num_attention_heads=2, intermediate_size=FF
    )
    built = AlbertForSequenceClassification(config).eval()
    linear = {name for name, one in built.named_modules() if isinstance(one, nn.Linear)} - {"classifier"}
    names = _trained(apply_method(built, _method("lora"), seed=0))
    adapted = {name.removeprefix("base_model.model.").split(".lora_")[0] for name in names if ".lora_" in name}
    assert adapted == linear


def test_conv1d_is_adapted_without_a_warning_and_the_right_way_round() -> None:
    applied = apply_method(_model("gpt2"), _method("lora"), seed=0)
    layers = [one for one in applied.modules() if hasattr(one, "lora_A")]
    assert [type(one.base_layer) for one in layers] == [Conv1D, Conv1D]
    assert all(one.fan_in_fan_out for one in layers)


def test_what_the_table_names_is_what_is_adapted() -> None:
    names = _trained(apply_method(_model("distilbert"), _method("lora", target_modules=["out_lin"]), seed=0))
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
    assert _method(name).shares_base == shares


# --- LoRA+ -----------------------------------------------------------------------------------------------------------


def test_lora_plus_gives_b_sixteen_times_the_rate_of_a_and_the_schedule_scales_both() -> None:
    pieces = tiny.assemble(
        tiny.small("gulliver", "training.scheduler=linear", "training.warmup_steps=2", method="lora_plus")
    )
    optimizer = build(pieces.config.method).optimizer(pieces.model, pieces.config.training)
    assert optimizer is not None
    names = {id(p): name for name, p in pieces.model.named_parameters()}
    rates = {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert set(rates) == set(_trained(pieces.model))
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
    assert _method("lora").optimizer(pieces.model, config.training) is None


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
    assert _method("lora").penalty(model) is None


def test_a_schedule_of_ones_own_is_kept_and_one_that_leaves_no_step_is_refused() -> None:
    pieces = _adalora("method.config.tinit=3", "method.config.tfinal=4")
    pieces.train()
    chosen = pieces.model.peft_config["default"]
    assert (chosen.total_step, chosen.tinit, chosen.tfinal) == (12, 3, 4)
    with pytest.raises(InputError, match=r"tinit = 9 and tfinal = 6 leave no step to prune in, of 12; lower them"):
        _adalora("method.config.tinit=9").train()


# --- prompts ---------------------------------------------------------------------------------------------------------

PROMPTS = ["prompt_tuning", "prefix_tuning", "p_tuning"]
WRITERS = ["gpt2", "gpt_neo", "llama"]
PROMPTED = [(name, model) for name in PROMPTS for model in MODELS if not _refused(name, model)]
prompts = pytest.mark.parametrize("name", PROMPTS)
writers = pytest.mark.parametrize("model", WRITERS)


def _prompted(name: str, model: str, *, seed: int = 0) -> Any:
    """Return a model whose prompt is far from doing nothing."""
    applied = apply_method(_model(model), _method(name, num_virtual_tokens=4), seed=seed)
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
    before = _logits(_model(model))
    output = applied(**_inputs(applied)).logits
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


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "model", "message"),
    [
        (Peft(_table(peft_type="BOFT", boft_n_butterfly_factor=2)), "bert", "boft_n_butterfly_factor: peft has more"),
        (Peft(_table(peft_type="PREFIX_TUNING", num_virtual_tokens=2)), "distilbert", "takes no prefix"),
        (Peft(_table(peft_type="PROMPT_TUNING", num_virtual_tokens=32)), "gpt2", "takes all of the 32 positions"),
        (_method("oft"), "gpt2", "peft refuses it: Target module Conv1D"),
        (_method("boft"), "gpt2", "peft refuses it: Target module Conv1D"),
    ],
)
def test_error_apply(method: Peft, model: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        apply_method(_model(model), method, seed=0)
    assert message in str(caught.value)


def test_error_merging_a_prompt() -> None:
    method = _method("prompt_tuning")
    applied = apply_method(_model("bert"), method, seed=0)
    assert isinstance(applied, PeftModel)
    with pytest.raises(InputError, match="PROMPT_TUNING adds a prompt, which has no place in the base model"):
        method.merge(applied)
