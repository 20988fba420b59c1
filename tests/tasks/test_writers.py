"""Two writers in one module: what they share, what they do not, and that neither notices the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.nn import functional

from bench.core.errors import InputError, RunError
from bench.materials.base_model import count_parameters
from bench.methods.applying import state_hash, trainable_state
from bench.running.weights import WEIGHTS_FILE, load_saved, save_trained
from bench.tasks.style_duel.writers import Writers

METHODS = {
    "full": (),
    "head": ("method={kind='head_only'}",),
    "frozen": ("method={kind='freeze', modules=['transformer.h.0']}",),
    "lora": (),
    "both": ("method.also_train=['transformer.ln_f']",),
    "pissa": ("method={kind='peft', config={peft_type='LORA', target_modules=['c_fc'], init_lora_weights='pissa'}}",),
    "prompt": ("method={kind='peft', config={peft_type='PROMPT_TUNING', num_virtual_tokens=4}}",),
}
SHARES_BASE = dict.fromkeys(METHODS, False) | {"lora": True}
methods = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _pieces(method: str, *overrides: str, seed: int = 0) -> tiny.Pieces:
    name = "lora" if method in ("lora", "both") else "full"
    return tiny.assemble(tiny.small("alice_edgar", *METHODS[method], *overrides, method=name), seed=seed)


def _own(pieces: tiny.Pieces) -> list[dict[str, torch.nn.Parameter]]:
    """Return the trainable parameters of each writer, under names that are the same for both."""
    found: list[dict[str, torch.nn.Parameter]] = [{}, {}]
    for name, parameter in pieces.model.named_parameters():
        if parameter.requires_grad:
            number = int(".second" in name or name.startswith("models.1."))
            found[number][name.replace("models.1.", "models.0.").replace(".second", ".default")] = parameter
    return found


# --- what they share -------------------------------------------------------------------------------------------------


@methods
def test_an_adapter_alone_shares_its_base_and_anything_else_gets_a_copy(method: str) -> None:
    pieces = _pieces(method)
    model = pieces.model
    assert isinstance(model, Writers)
    alone = _pieces("full").model.models[0]
    n_base = count_parameters(alone)
    n_trained = [sum(p.numel() for p in own.values()) for own in _own(pieces)]
    assert n_trained[0] == n_trained[1] > 0
    assert count_parameters(model, trainable=True) == sum(n_trained)
    if SHARES_BASE[method]:
        assert model.writer(0) is model.writer(1)
        assert count_parameters(model) == n_base + sum(n_trained)
        return
    first, second = model.writer(0), model.writer(1)
    assert not {p.data_ptr() for p in first.parameters()} & {p.data_ptr() for p in second.parameters()}
    assert count_parameters(model) == count_parameters(first) + count_parameters(second)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b), "both start from the same weights"


def test_adapters_on_one_base_start_from_draws_of_their_own_and_other_seeds_from_others() -> None:
    drawn = [
        [tensor for name, tensor in own.items() if "lora_A" in name]
        for seed in (0, 1)
        for own in _own(_pieces("lora", seed=seed))
    ]
    assert len(drawn) == 4
    for i, some in enumerate(drawn):
        assert some
        for others in drawn[i + 1 :]:
            assert not any(torch.equal(a, b) for a, b in zip(some, others, strict=True))
    again = [tensor for name, tensor in _own(_pieces("lora"))[0].items() if "lora_A" in name]
    assert all(torch.equal(a, b) for a, b in zip(drawn[0], again, strict=True))


@methods
def test_switching_writers_freezes_neither(method: str) -> None:
    pieces = _pieces(method)
    names = {name for name, p in pieces.model.named_parameters() if p.requires_grad}
    with torch.inference_mode():
        for number in (1, 0, 0, 1):
            pieces.model.writer(number)
            assert {name for name, p in pieces.model.named_parameters() if p.requires_grad} == names


@methods
def test_one_loss_gives_both_a_gradient_of_their_own_text_alone(method: str) -> None:
    pieces = _pieces(method)
    with torch.no_grad():
        for own in _own(pieces):
            for name, parameter in own.items():
                if "lora_B" in name:
                    parameter.add_(0.01)  # at 0 it would hide its partner's gradient
    batch = pieces.task.collate(pieces.train_items[:3])

    def gradients(ids: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        pieces.model.zero_grad()
        pieces.task.loss(pieces.model, {"input_ids": ids}).loss.backward()
        return [{name: p.grad.clone() for name, p in own.items() if p.grad is not None} for own in _own(pieces)]

    both = gradients(batch["input_ids"])
    assert [set(some) for some in both] == [set(own) for own in _own(pieces)]
    assert all(float(sum(g.abs().sum() for g in some.values())) > 0 for some in both)
    changed = batch["input_ids"].clone()
    changed[:, 1] = changed[:, 1].flip(0)[:, torch.arange(changed.shape[2]).flip(0)]
    after = gradients(changed)
    assert all(torch.equal(both[0][name], after[0][name]) for name in both[0])
    assert any(not torch.equal(both[1][name], after[1][name]) for name in both[1])


# --- training --------------------------------------------------------------------------------------------------------


@methods
def test_trained_together_each_ends_where_it_would_have_alone(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is the mean over two writers, so gradients are halved; Adam divides that out again."""
    # Weights as narrow as the suite's give keys gradients near the 1e-8 that Adam adds below the line.
    overrides = ("model.architecture.config.initializer_range=0.3", "training.learning_rate=1e-2")
    together = _pieces(method, *overrides)
    windows: list[torch.Tensor] = []
    collate = together.task.collate

    def watched(items: Any) -> dict[str, torch.Tensor]:
        batch = collate(items)
        windows.append(batch["input_ids"].clone())
        return batch

    monkeypatch.setattr(together.task, "collate", watched)
    assert len(together.train().curve) == 8
    for number in (0, 1):
        alone = _pieces(method, *overrides)
        before = {name: p.detach().clone() for name, p in _own(alone)[number].items()}
        _train_alone(alone, number, [ids[:, number] for ids in windows[:8]])
        other = _own(_pieces(method, *overrides))[1 - number]
        assert all(torch.equal(p, other[name]) for name, p in _own(alone)[1 - number].items()), "it was left alone"
        for name, parameter in _own(alone)[number].items():
            moved = (parameter - before[name]).detach()
            assert moved.abs().max() > 1e-2, name
            # A gradient near 1e-8 is not divided out: single weights are off by that, so whole tensors are compared.
            apart = (parameter - _own(together)[number][name]).detach()
            assert apart.norm() < 1e-2 * moved.norm(), name


def _train_alone(pieces: tiny.Pieces, number: int, windows: list[torch.Tensor]) -> None:
    optimizer = torch.optim.Adam(_own(pieces)[number].values(), lr=pieces.config.training.learning_rate)
    for ids in windows:
        optimizer.zero_grad()
        logits = pieces.model.writer(number)(input_ids=ids).logits[:, :-1]
        functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()


# --- saving ----------------------------------------------------------------------------------------------------------


@methods
def test_saved_writers_reload_to_the_same_samples(method: str, tmp_path: Path) -> None:
    pieces = _pieces(method, "training.learning_rate=5e-2")
    untrained = pieces.predict()
    pieces.train()
    trained = pieces.predict()
    assert trained.predictions != untrained.predictions
    size = save_trained(pieces.model, pieces.config, tmp_path)
    assert size == (tmp_path / WEIGHTS_FILE).stat().st_size
    fresh = _pieces(method, "training.learning_rate=5e-2")
    assert fresh.predict().predictions == untrained.predictions
    fresh.model = load_saved(fresh.model, fresh.config, tmp_path, torch.device("cpu"))
    assert state_hash(trainable_state(fresh.model)) == state_hash(trainable_state(pieces.model))
    again = fresh.predict()
    assert again.predictions == trained.predictions
    assert (again.losses_nats == trained.losses_nats).all()


def test_the_weights_of_another_method_are_refused(tmp_path: Path) -> None:
    pieces = _pieces("lora")
    save_trained(pieces.model, pieces.config, tmp_path)
    other = _pieces("full")
    with pytest.raises(RunError, match="holds other parameters than the method trains"):
        load_saved(other.model, other.config, tmp_path, torch.device("cpu"))


# --- refusals --------------------------------------------------------------------------------------------------------


def test_an_adapter_that_cannot_be_there_twice_is_refused() -> None:
    table = "{kind='peft', config={peft_type='LORA', target_modules=['q_proj'], bias='lora_only'}}"
    refused = r"method\.config: peft refuses it for two writers on one base: .*only 1 adapter with bias"
    with pytest.raises(InputError, match=refused):
        _pieces("full", f"method={table}")
