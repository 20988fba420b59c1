"""What a method of a user may do beyond saying what trains: each hook on every kind of task, saved and reloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from pages import DOCS, codes_of
from safetensors.torch import load_file
from torch.nn import functional

from bench.core.errors import BenchError, InputError, TrainingError
from bench.core.progress import Progress, Silent
from bench.methods import Method
from bench.methods.base import defines
from bench.running.preparing import prepare_models, training_batches
from bench.running.runs import SeedResult, run_config
from bench.running.settings import RunSettings
from bench.running.trainer import train

HEAD = "from bench.methods import Method\nimport copy, torch\n\nclass Mine(Method):\n"
HEAD_TRAINS = HEAD + (
    "    def apply(self, model, config, task):\n"
    "        model.base_model.requires_grad_(False)\n"
)  # fmt: skip
NO_DROPOUT = ("model.architecture.config.dropout=0.0", "model.architecture.config.attention_dropout=0.0",
              "model.architecture.config.seq_classif_dropout=0.0")  # fmt: skip
SUITES = ["sentiment_sst2", "imdb", "summarization", "gulliver", "alice_edgar"]
CAUSAL_TEXT = "causal text"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run(code: str, *overrides: str, progress: Progress | None = None) -> SeedResult:
    Path("mine.py").write_text(code, encoding="utf-8")
    config = tiny.small("imdb", *overrides, method="./mine.py:Mine")
    return run_config(config, 0, RunSettings(device="cpu", offline=True, progress=progress or Silent()))


def _pieces(suite: str, *overrides: str) -> tiny.Pieces:
    if suite == CAUSAL_TEXT:
        return tiny.assemble(tiny.small("summarization", *overrides, method="full", model=tiny.causal("gpt2")))
    return tiny.assemble(tiny.small(suite, *overrides, method="full"))


class Full(Method):
    def apply(self, model: Any, config: Any, task: Any) -> Any:
        return model


def _trained(suite: str, method: Method, *overrides: str) -> dict[str, torch.Tensor]:
    """Return all parameters after two steps."""
    pieces = _pieces(suite, "training.steps=2", *overrides)
    train(
        pieces.model, pieces.task, pieces.train_items, pieces.validation_items, pieces.config.training,
        seed=0, method=method,
    )  # fmt: skip
    return {name: p.detach().clone() for name, p in pieces.model.named_parameters()}


def _equal(first: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return first.keys() == other.keys() and all(first[name].equal(other[name]) for name in first)


# --- prepare ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", [*SUITES, CAUSAL_TEXT])
def test_a_batch_holds_what_the_model_takes_and_its_loss_is_the_tasks(suite: str) -> None:
    pieces = _pieces(suite)
    models = pieces.task.base_models(pieces.model)
    chosen = pieces.train_items[:3]
    with torch.no_grad():
        parts = [
            model(**pieces.task.model_inputs(pieces.task.collate(chosen), part)).loss
            for part, model in enumerate(models)
        ]
        expected = pieces.task.loss(pieces.model, pieces.task.collate(chosen)).loss
    torch.testing.assert_close(torch.stack(parts).mean(), expected, rtol=1e-5, atol=1e-6)


def test_batches_are_one_pass_in_an_order_of_their_own() -> None:
    pieces = _pieces("imdb")

    def order(seed: int) -> list[list[int]]:
        batches = training_batches(pieces.task, pieces.model, pieces.train_items, part=0, batch_size=25, seed=seed)
        return [batch["input_ids"].flatten().tolist() for batch in batches]

    assert [len(ids) // len(order(0)[0]) for ids in order(0)[:1]] == [1]
    assert len(order(0)) == 3
    assert order(0) == order(0)
    assert order(0) != order(1)


def test_prepare_comes_between_apply_and_the_first_prediction_and_leaves_the_run_alone(tmp_path: Path) -> None:
    hook = (
        "    def prepare(self, model, batches):\n"
        "        import random\n"
        "        assert not model.training and torch.is_grad_enabled()\n"
        "        n = 0\n"
        "        for batch in batches:\n"
        "            model(**batch).loss.backward()\n"
        "            n += len(batch['labels'])\n"
        "        torch.rand(5), random.random()\n"
        "        __import__('pathlib').Path('seen').write_text(str(n))\n"
    )
    plain, looked = _run(HEAD_TRAINS).record, _run(HEAD_TRAINS + hook).record
    assert Path("seen").read_text(encoding="utf-8") == "60"
    assert looked.hashes == plain.hashes
    assert looked.cost.saved_bytes == plain.cost.saved_bytes
    assert "preparing" in looked.cost.stages_s
    assert "preparing" not in plain.cost.stages_s


def test_a_start_from_data_is_where_training_starts() -> None:
    hook = (
        "    def prepare(self, model, batches):\n"
        "        model(**next(batches)).loss.backward()\n"
        "        model.bert.pooler.dense.weight.requires_grad_(True)\n"
    )
    plain, started = _run(HEAD_TRAINS), _run(HEAD_TRAINS + hook)
    assert started.record.hashes.initial_trainable != plain.record.hashes.initial_trainable
    saved = load_file(started.folder / "weights.safetensors")
    assert "bert.pooler.dense.weight" in saved
    assert started.record.reload_identical


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1 / 0", r"mine\.py:Mine: prepare raised ZeroDivisionError: division by zero \(mine\.py:8\)"),
        ("raise SystemExit(0)", r"mine\.py:Mine: prepare raised SystemExit: 0"),
        ("model.classifier.weight.data.add_(1.0)", r"method Mine changes the model before the first step"),
        ("model.requires_grad_(False)", r"method Mine: prepare left no parameter to train"),
        ("return copy.deepcopy(model)", r"method Mine: prepare returned BertForSequence\w+, which would be lost"),
    ],
)
def test_error_prepare(body: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _run(f"{HEAD_TRAINS}    def prepare(self, model, batches):\n        {body}\n")
    assert not list(Path("runs").rglob("record.json"))


def test_two_authors_are_prepared_each_from_texts_of_its_own() -> None:
    seen: list[torch.Tensor] = []

    class Looks(Full):
        def prepare(self, model: Any, batches: Any) -> None:
            seen.append(next(batches)["input_ids"])

    pieces = _pieces("alice_edgar")
    prepare_models(pieces.model, pieces.task, Looks(), pieces.train_items, batch_size=4, seed=0)
    assert len(seen) == 2
    assert not seen[0].equal(seen[1])


# --- loss ------------------------------------------------------------------------------------------------------------


class OwnLoss(Full):
    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.seen: list[tuple[float, float]] = []

    def loss(self, model: Any, batch: Any, labels: torch.Tensor, outputs: Any) -> torch.Tensor:
        logits = outputs.logits
        if labels.dim() == 1 or model.config.is_encoder_decoder:
            own = functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
        else:
            own = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        with torch.no_grad(), torch.random.fork_rng():
            assert model(**batch).logits.shape == logits.shape
        self.seen.append((float(own.detach()), float(outputs.loss.detach())))
        return self.weight * outputs.loss


@pytest.mark.parametrize("suite", [*SUITES, CAUSAL_TEXT])
def test_a_loss_of_ones_own_sees_labels_logits_and_the_tasks_loss(suite: str) -> None:
    still = ("training.optimizer=sgd", "training.scheduler=constant", "training.warmup_steps=0")
    plain = _trained(suite, Full(), *still)
    same, double = OwnLoss(1.0), OwnLoss(2.0)
    assert _equal(_trained(suite, same, *still), plain)
    assert not _equal(_trained(suite, double, *still), plain)
    n_authors = 2 if suite == "alice_edgar" else 1
    assert len(same.seen) == 2 * n_authors
    own = torch.tensor([own for own, _ in same.seen]).view(2, n_authors).mean(dim=1)
    tasks = torch.tensor([task for _, task in same.seen]).view(2, n_authors).mean(dim=1)
    torch.testing.assert_close(own, tasks, rtol=1e-5, atol=1e-6)


def test_the_curve_keeps_the_tasks_loss() -> None:
    hook = "    def loss(self, model, batch, labels, outputs):\n        return 0 * outputs.loss + 7\n"
    result = _run(HEAD_TRAINS + hook, "training.weight_decay=0.0")
    assert all(0.5 < epoch.train_loss < 1.0 for epoch in result.record.epochs)
    assert result.record.hashes.final_trainable == result.record.hashes.initial_trainable


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return outputs.loss.item()",
            r"loss must return one number with a gradient, a tensor of shape \(\), got float",
        ),
        ("return outputs.logits", r"loss must return one number with a gradient, .* got shape \(10, 2\)"),
        ("return outputs.loss * float('nan')", r"step 1: the loss is nan; lower training\.learning_rate"),
        ("1 / 0", r"mine\.py:Mine: training at step 1 raised ZeroDivisionError: division by zero \(mine\.py:8\)"),
    ],
)
def test_error_loss(body: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        _run(f"{HEAD_TRAINS}    def loss(self, model, batch, labels, outputs):\n        {body}\n")


# --- gradients -------------------------------------------------------------------------------------------------------


class Sam(Full):
    def gradients(self, model: Any, closure: Any) -> None:
        trained = [p for p in model.parameters() if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in trained]))
        before = [p.detach().clone() for p in trained]
        with torch.no_grad():
            for p in trained:
                p.add_(p.grad * (0.05 / norm))
        closure()
        with torch.no_grad():
            for p, old in zip(trained, before, strict=True):
                p.copy_(old)


def test_two_steps_of_sam_equal_a_loop_written_by_hand() -> None:
    overrides = (
        "training.optimizer=sgd", "training.batch_size=50", "training.epochs=2", "training.learning_rate=0.1",
        "training.scheduler=constant", "training.warmup_steps=0", *NO_DROPOUT,
    )  # fmt: skip
    pieces, theirs = (_pieces("sentiment_sst2", *overrides) for _ in range(2))
    train(
        pieces.model, pieces.task, pieces.train_items, pieces.validation_items, pieces.config.training,
        seed=0, method=Sam(),
    )  # fmt: skip
    parameters = [*theirs.model.parameters()]

    def gradients() -> list[torch.Tensor]:
        loss = theirs.task.loss(theirs.model, theirs.task.collate(theirs.train_items)).loss
        return [*torch.autograd.grad(loss, parameters)]

    for _ in range(2):
        first = gradients()
        scale = 0.05 / torch.sqrt(sum((g.square().sum() for g in first), start=torch.zeros(())))
        with torch.no_grad():
            for p, g in zip(parameters, first, strict=True):
                p.add_(scale * g)
        second = gradients()
        with torch.no_grad():
            for p, g, step in zip(parameters, first, second, strict=True):
                p.sub_(scale * g).sub_(0.1 * step)
    for ours, expected in zip(pieces.model.parameters(), parameters, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("suite", SUITES)
def test_the_closure_repeats_the_batch_and_is_written_down_once(suite: str) -> None:
    seen: list[bool] = []

    class Repeats(Full):
        def gradients(self, model: Any, closure: Any) -> None:
            before = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
            closure()
            after = [p.grad for p in model.parameters()]
            seen.append(
                all(a is b is None or torch.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True))
            )  # type: ignore[arg-type]

    pieces, plain = (_pieces(suite, "training.steps=2") for _ in range(2))
    for part in pieces.task.base_models(pieces.model):
        for module in part.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    outcome = train(
        pieces.model, pieces.task, pieces.train_items, pieces.validation_items, pieces.config.training,
        seed=0, method=Repeats(),
    )  # fmt: skip
    assert len(seen) == 2
    assert outcome.n_tokens == plain.train().n_tokens
    assert len(outcome.curve) == 2


def test_error_gradients_names_step_and_line() -> None:
    code = f"{HEAD_TRAINS}    def gradients(self, model, closure):\n        1 / 0\n"
    with pytest.raises(
        TrainingError, match=r"training at step 1 raised ZeroDivisionError: division by zero \(mine\.py:8\)"
    ):
        _run(code)


@pytest.mark.parametrize(
    ("hook", "is_told"),
    [
        ("gradients(self, model, closure):\n        model.zero_grad()", True),
        ("loss(self, model, batch, labels, outputs):\n        return torch.zeros((), requires_grad=True)", True),
        ("loss(self, model, batch, labels, outputs):\n        return 2 * outputs.loss", False),
    ],
)
def test_a_run_that_learns_nothing_says_so(hook: str, is_told: bool) -> None:
    said: list[str] = []

    class Heard(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    _run(f"{HEAD_TRAINS}        return model\n\n    def {hook}\n", progress=Heard())
    assert any("training changed no weight" in line for line in said) is is_told


# --- the page ------------------------------------------------------------------------------------------------------


PAGE = codes_of((DOCS / "own-method.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("file", "name", "hook"),
    [
        ("distill.py", "Distill", "loss"),
        ("sam.py", "SAM", "gradients"),
        ("gradient_lora.py", "GradientLoRA", "prepare"),
    ],
)
def test_a_method_of_the_page_does_what_its_hook_is_for(file: str, name: str, hook: str) -> None:
    with_hook = _run(f"{PAGE[file]}\n\nMine = {name}\n").record
    without = _run(f"{PAGE[file]}\n\nclass Mine({name}):\n    {hook} = Method.{hook}\n").record
    assert with_hook.hashes.batch_order == without.hashes.batch_order
    assert (with_hook.hashes.initial_trainable == without.hashes.initial_trainable) == (hook != "prepare")
    assert with_hook.hashes.final_trainable != without.hashes.final_trainable
    assert with_hook.scores_before == without.scores_before


def test_distillation_stays_near_the_teacher() -> None:
    kept = {
        weight: _run(f"{PAGE['distill.py']}\n\nMine = Distill\n", f"method.settings.weight={weight}").record
        for weight in (0.0, 1.0)
    }
    start = kept[0.0].scores_before["accuracy"].value
    moves = {weight: abs(record.epochs[-1].train_loss - 0.6931) for weight, record in kept.items()}
    assert start == kept[1.0].scores_before["accuracy"].value
    assert moves[1.0] < moves[0.0]


# --- buffers and base weights ----------------------------------------------------------------------------------------


COUNTS = HEAD_TRAINS + (
    "        model.classifier.register_buffer('mean', torch.zeros(2), persistent={persistent})\n"
    "        def shift(layer, inputs, output):\n"
    "            if layer.training:\n"
    "                layer.mean.mul_(0.9).add_(0.1 * output.detach().mean(dim=0))\n"
    "            return output - layer.mean\n"
    "        model.classifier.register_forward_hook(shift)\n"
)


def test_a_buffer_is_saved_and_reloads() -> None:
    result = _run(COUNTS.format(persistent=True))
    saved = load_file(result.folder / "weights.safetensors")
    assert saved["classifier.mean"].abs().sum() > 0
    assert result.record.reload_identical
    assert result.record.cost.saved_bytes == (result.folder / "weights.safetensors").stat().st_size


def test_a_buffer_that_is_no_part_of_the_state_is_found_out() -> None:
    with pytest.raises(TrainingError, match=r"something that training changed is neither a parameter nor a persistent"):
        _run(COUNTS.format(persistent=False))


@pytest.mark.parametrize("save", ["trainable", "pretrained", "merged"])
def test_a_base_weight_that_prepare_changes_is_saved(save: str) -> None:
    """Two layers that share a change: the answers stay, the weights do not."""
    hook = (
        "    def prepare(self, model, batches):\n"
        "        layer = model.bert.encoder.layer[0]\n"
        "        scale = next(batches)['input_ids'].float().mean().sqrt()\n"
        "        with torch.no_grad():\n"
        "            for name in ('query', 'key'):\n"
        "                part = getattr(layer.attention.self, name)\n"
        "                factor = scale if name == 'query' else 1 / scale\n"
        "                part.weight.mul_(factor), part.bias.mul_(factor)\n"
    )
    plain, moved = _run(HEAD_TRAINS, f"training.save={save}"), _run(HEAD_TRAINS + hook, f"training.save={save}")
    assert moved.record.reload_identical
    if save == "trainable":
        extra = set(load_file(moved.folder / "weights.safetensors")) - set(
            load_file(plain.folder / "weights.safetensors")
        )
        assert {name.split(".")[-2] for name in extra} == {"query", "key"}
        assert moved.record.cost.saved_bytes > plain.record.cost.saved_bytes


def test_a_base_weight_that_training_changes_is_saved() -> None:
    code = HEAD_TRAINS + (
        "    def callbacks(self, model, training):\n"
        "        from transformers import TrainerCallback\n"
        "        class Drift(TrainerCallback):\n"
        "            def on_step_end(self, args, state, control, **given):\n"
        "                with torch.no_grad():\n"
        "                    model.bert.pooler.dense.weight.mul_(1.01)\n"
        "        return [Drift()]\n"
    )
    result = _run(code)
    assert result.record.reload_identical
    assert "bert.pooler.dense.weight" in load_file(result.folder / "weights.safetensors")


def test_prepare_may_freeze_what_apply_left_to_train() -> None:
    hook = "    def prepare(self, model, batches):\n        model.classifier.bias.requires_grad_(False)\n"
    result = _run(HEAD_TRAINS + hook)
    saved = load_file(result.folder / "weights.safetensors")
    assert set(saved) == {"classifier.weight", "classifier.bias"}  # the seed drew the bias, and no base model has it
    assert result.record.model.trainable_parameters == saved["classifier.weight"].numel()
    assert result.record.reload_identical


# --- restore ---------------------------------------------------------------------------------------------------------


GROWS = HEAD_TRAINS + (
    "        model.classifier.extra = torch.nn.Parameter(torch.zeros(1, 2))\n"
    "        model.classifier.register_forward_hook(lambda layer, i, output: output + layer.extra.sum(dim=0))\n"
    "    def prepare(self, model, batches):\n"
    "        n = int(next(batches)['labels'].sum()) + 2\n"
    "        model.classifier.extra = torch.nn.Parameter(torch.zeros(n, 2))\n"
)
RESTORES = (
    "    def restore(self, model, saved):\n"
    "        model.classifier.extra = torch.nn.Parameter(torch.zeros_like(saved['classifier.extra']))\n"
)


def test_a_shape_that_follows_the_data_comes_back_by_restore() -> None:
    result = _run(GROWS + RESTORES)
    assert result.record.reload_identical
    assert len(load_file(result.folder / "weights.safetensors")["classifier.extra"]) > 2
    with pytest.raises(
        BenchError, match=r"such as \['classifier\.extra'\]; where prepare or training changes the shape"
    ):
        _run(GROWS)


# --- cost nothing ----------------------------------------------------------------------------------------------------


def test_only_what_a_method_writes_is_asked_for() -> None:
    class Looks(Full):
        def prepare(self, model: Any, batches: Any) -> None:
            return None

    hooks = ("prepare", "restore", "loss", "gradients")
    assert [hook for hook in hooks if defines(Full(), hook)] == []
    assert [hook for hook in hooks if defines(Looks(), hook)] == ["prepare"]
