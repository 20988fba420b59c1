"""First weights that need data: every start that the installed peft knows is given, or refused by name.

One that is given leaves other weights than plain LoRA's and other ones under another seed or other rows, and the model
with its adapter answers as the base did. What moved with it, base weights and ranks, is saved.
"""

from __future__ import annotations

import re
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from models import distilbert
from peft import LoraConfig
from peft.tuners.lora import layer as peft_layer
from peft_models import peft_method, peft_table, small_model
from torch import nn

from bench.core.errors import InputError
from bench.methods.adapters import Peft
from bench.methods.applying import apply_method, build, state_hash, trainable_state
from bench.methods.peft_options import DATA_STARTS, REFUSED_KEYS, REFUSED_STARTS, WEIGHT_STARTS
from bench.running.preparing import prepare_models
from bench.running.weights import changed_state, frozen_state, load_saved, restore, save_trained

PISSA_BY_ITERATIONS = "pissa_niter_4"
STARTS = [*DATA_STARTS, *WEIGHT_STARTS, PISSA_BY_ITERATIONS]


def _pieces(start: object, *overrides: str, suite: str = "imdb", seed: int = 0) -> tiny.Pieces:
    given = [] if start is True else [f"method.config.init_lora_weights={start}"]
    return tiny.assemble(tiny.small(suite, "method.config.r=4", *given, *overrides, method="lora"), seed=seed)


def _adapter(pieces: tiny.Pieces) -> str:
    """Return the hash of all of an adapter: MiCA trains only half of it."""
    state = {n: p.detach().contiguous() for n, p in pieces.model.named_parameters() if ".lora_" in n}
    return state_hash(state)


# --- the starts that peft knows --------------------------------------------------------------------------------------


def test_every_start_of_the_installed_peft_is_given_or_refused() -> None:
    """peft's own annotation lacks LoRA-GA, so what its layers look at counts too."""
    hint = typing.get_type_hints(LoraConfig)["init_lora_weights"]
    (literal,) = [part for part in typing.get_args(hint) if typing.get_origin(part) is typing.Literal]
    named = set(typing.get_args(literal)) - {"pissa_niter_[number of iters]"}
    source = Path(peft_layer.__file__).read_text(encoding="utf-8")
    looked_at = re.findall(r'init_lora_weights(?:\.lower\(\))?(?: == |\.startswith\()"(\w+)"', source)
    assert named | set(looked_at) == {*DATA_STARTS, *WEIGHT_STARTS, "loftq"}


@pytest.mark.parametrize("start", STARTS)
def test_a_start_moves_the_first_weights_and_not_the_answers(start: str) -> None:
    plain, base = _pieces(True), tiny.assemble(tiny.small("imdb", method="full"))
    pieces = _pieces(start)
    assert _adapter(pieces) != _adapter(plain)
    assert _adapter(pieces) == _adapter(_pieces(start))
    batch = base.task.collate(base.test_items)
    labels = batch.pop("labels")
    assert len(labels) == 20
    with torch.no_grad():
        expected, answers = base.model(**batch).logits, pieces.model(**batch).logits
    torch.testing.assert_close(answers, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("start", DATA_STARTS)
def test_a_start_that_needs_data_follows_the_rows_and_the_seed(start: str) -> None:
    starts = {
        _adapter(_pieces(start)),
        _adapter(_pieces(start, seed=1)),
        _adapter(_pieces(start, "data.train.stop=40")),
    }
    assert len(starts) == 3


@pytest.mark.parametrize("suite", ["sentiment_sst2", "summarization", "gulliver", "alice_edgar"])
@pytest.mark.parametrize("start", DATA_STARTS)
def test_a_start_is_given_on_every_task_and_comes_back_from_disk(suite: str, start: str, tmp_path: Path) -> None:
    pieces = _pieces(start, "training.learning_rate=1e-2", suite=suite)
    assert _adapter(pieces) != _adapter(_pieces(True, suite=suite))
    pieces.train()
    fresh, method = _unprepared(pieces), build(pieces.config.method)
    changed = changed_state(pieces.model, fresh)
    moves_base = start != "eva"
    assert {name.rpartition(".")[2] for name in changed} == ({"weight"} if moves_base else set())
    save_trained(pieces.model, pieces.config, tmp_path, changed=changed)
    restored = restore(fresh, method, pieces.task, tmp_path)
    loaded = load_saved(restored, pieces.config, tmp_path, torch.device("cpu"))
    expected, pieces.model = pieces.predict(), loaded
    again = pieces.predict()
    assert again.predictions == expected.predictions
    assert (again.losses_nats == expected.losses_nats).all()


def _unprepared(pieces: tiny.Pieces) -> Any:
    """Return what `apply` makes for the same seed, which has seen no batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny, "prepare_models", lambda *_, **__: None)
        return tiny.assemble(pieces.config).model


def test_eva_spreads_ranks_and_they_are_saved(tmp_path: Path) -> None:
    layers = "method.config.target_modules=['query', 'output.dense']"
    pieces = _pieces("eva", layers, "method.config.eva_config={rho=2.0, tau=0.9}")
    ranks = {name: layer.r["default"] for name, layer in pieces.model.named_modules() if hasattr(layer, "lora_A")}
    plain = [layer for layer in _pieces(True, layers).model.modules() if hasattr(layer, "lora_A")]
    assert sum(ranks.values()) == 4 * len(plain)
    assert len(set(ranks.values())) > 1
    save_trained(pieces.model, pieces.config, tmp_path)
    fresh = restore(_unprepared(pieces), build(pieces.config.method), pieces.task, tmp_path)
    loaded = load_saved(fresh, pieces.config, tmp_path, torch.device("cpu"))
    again = {name: layer.r["default"] for name, layer in loaded.named_modules() if hasattr(layer, "lora_A")}
    assert again == ranks
    assert state_hash(trainable_state(loaded)) == state_hash(trainable_state(pieces.model))


def test_lora_ga_starts_along_the_singular_vectors_of_the_mean_gradient() -> None:
    """By hand: A holds right singular vectors of the gradient of the base weight over the same batches."""
    overrides = ("method.config.target_modules=['query']", *(
        f"model.architecture.config.{name}=0.0" for name in ("hidden_dropout_prob", "attention_probs_dropout_prob")
    ))  # fmt: skip
    pieces = _pieces("lora_ga", *overrides)
    base = tiny.assemble(tiny.small("imdb", *overrides[1:], method="full"))
    weight = base.model.bert.encoder.layer[0].attention.self.query.weight
    for start in range(0, len(base.train_items), 10):
        chosen = base.train_items[start : start + 10]
        base.task.loss(base.model, base.task.collate(chosen)).loss.backward()
    layers = [layer for layer in pieces.model.modules() if hasattr(layer, "lora_A")]
    a = layers[0].lora_A["default"].weight.detach()
    _, _, right = torch.linalg.svd(weight.grad)
    overlap = torch.linalg.matrix_norm(a @ right[:4].T) ** 2 / torch.linalg.matrix_norm(a) ** 2
    assert float(overlap) == pytest.approx(1.0, abs=1e-3)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", REFUSED_STARTS)
def test_a_start_that_cannot_be_given_is_refused_by_name(start: object) -> None:
    with pytest.raises(InputError, match=rf"method\.config\.init_lora_weights = {start!r} cannot be run: "):
        apply_method(small_model("bert"), peft_method("lora", init_lora_weights=start), seed=0)


@pytest.mark.parametrize(
    "start", ["EVA", "lora-ga", "Gaussian", "OLoRA", "corda_ipm", "pissa_niter_", "pisa", 1, "MiCA"]
)
def test_a_start_that_is_spelt_otherwise_is_refused(start: object) -> None:
    """peft takes some for others: `MiCA` would train what MiCA freezes, `corda_ipm` looks for data."""
    with pytest.raises(InputError, match=rf"init_lora_weights = {start!r} is not known; "):
        apply_method(small_model("bert"), peft_method("lora", init_lora_weights=start), seed=0)


@pytest.mark.parametrize("start", STARTS)
def test_adalora_has_no_start_but_its_own(start: str) -> None:
    with pytest.raises(InputError, match=rf"init_lora_weights = {start!r} cannot be run: peft has it for LORA alone"):
        apply_method(small_model("bert"), peft_method("adalora", init_lora_weights=start), seed=0)


@pytest.mark.parametrize("key", REFUSED_KEYS)
def test_an_option_that_cannot_be_given_is_refused_by_name(key: str) -> None:
    table = peft_table(peft_type="ADAMSS" if key == "use_asa" else "LORA", **{key: {"a": 1}})
    with pytest.raises(InputError, match=rf"method\.config\.{key} cannot be run: "):
        apply_method(small_model("bert"), Peft(table), seed=0)


HARMLESS = {
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "inference_mode",
    "r", "target_modules", "exclude_modules", "lora_alpha", "lora_dropout", "fan_in_fan_out", "bias", "use_rslora",
    "modules_to_save", "layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern",
    "trainable_token_indices", "use_dora", "velora_config", "qalora_group_size", "runtime_config", "lora_bias",
    "target_parameters", "use_bdlora", "ensure_weight_tying", "megatron_core",
}  # fmt: skip
"""Keys that need neither data nor anything else that bench does not give."""
OF_A_START = {"init_lora_weights", "eva_config", "corda_config", "lora_ga_config", "loftq_config"}


def test_every_option_of_the_installed_peft_for_lora_has_been_looked_at() -> None:
    refused = set(REFUSED_KEYS) - {"use_asa"}
    assert {field.name for field in fields(LoraConfig)} == HARMLESS | OF_A_START | refused


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"eva_config": {"rho": 1.0}}, "eva_config has no effect without init_lora_weights = 'eva'"),
        ({"init_lora_weights": "eva", "corda_config": {"corda_method": "kpm"}}, "corda_config has no effect without"),
        ({"init_lora_weights": "eva", "eva_config": {"roh": 1.0}}, "eva_config.roh is not known to peft; did you mean"),
        ({"init_lora_weights": "corda", "corda_config": {"cache_file": "x"}}, "corda_config.cache_file: what another"),
        (
            {"init_lora_weights": "lora_ga", "r": 9},
            r"r = 9 is too large for init_lora_weights = 'lora_ga': it needs 18",
        ),
        ({"init_lora_weights": "eva", "eva_config": {"rho": 0.5}}, "peft refuses it: `rho` must be"),
    ],
)
def test_options_that_would_do_nothing_or_not_fit_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        apply_method(small_model("bert"), build(peft_method("lora", **config)._table), seed=0)


@pytest.mark.parametrize("start", DATA_STARTS)
def test_a_layer_that_a_start_is_not_made_for_is_refused(start: str) -> None:
    """peft would start it as plain LoRA."""
    method = peft_method("lora", init_lora_weights=start, r=2, target_modules=["word_embeddings", "q_lin"])
    with pytest.raises(InputError, match=r"is made for linear layers, and \S*word_embeddings is none"):
        apply_method(distilbert(), method, seed=0)


def test_eva_that_does_not_settle_is_an_end_and_no_endless_loop() -> None:
    with pytest.raises(InputError, match=r"its directions did not settle in 20 passes over 1 batches"):
        _pieces(
            "eva",
            "training.batch_size=10",
            "data.train.stop=10",
            "method.config.r=16",
            "method.config.eva_config={rho=40.0}",
        )


# --- nothing else moves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["lora", "adalora", "vera", "full", "frozen_body", "prefix_tuning", "boft"])
def test_a_method_without_the_hook_leaves_nothing_else_to_save(method: str) -> None:
    config = tiny.small("imdb", method=None if method == "frozen_body" else method)
    pieces = tiny.assemble(config)
    pieces.train()
    assert changed_state(pieces.model, tiny.assemble(config).model) == {}


def test_looking_at_batches_moves_no_other_random_number() -> None:
    pieces, model = _pieces("lora_ga"), _pieces(True).model
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    prepare_models(model, pieces.task, build(pieces.config.method), pieces.train_items, batch_size=10, seed=0)
    assert torch.rand(4).equal(expected)


def test_what_is_frozen_is_read_by_name_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.register_buffer("scratch", torch.zeros(1), persistent=False)
    model[0].requires_grad_(False)
    assert set(frozen_state(model)) == {
        "0.weight", "0.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"
    }  # fmt: skip
