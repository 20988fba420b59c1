"""Training: what the seed decides, what is written down, and that the optimiser is the one that was named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler

from bench.config import TrainingConfig
from bench.core.errors import TrainingError
from bench.methods.applying import build, state_hash, trainable_state
from bench.running.shared_batch import own_rows
from bench.running.trackers import Tracking
from bench.running.trainer import train
from bench.running.training_arguments import n_steps, training_arguments
from bench.running.validation import validation_losses

NO_DROPOUT = ("model.architecture.config.dropout=0.0", "model.architecture.config.attention_dropout=0.0",
              "model.architecture.config.seq_classif_dropout=0.0")  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _pieces(*overrides: str, method: str = "frozen_body", seed: int = 0) -> tiny.Pieces:
    return tiny.assemble(tiny.small("sentiment_sst2", *overrides, method=method), seed=seed)


def _state(pieces: tiny.Pieces) -> str:
    return state_hash(trainable_state(pieces.model))


# --- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["frozen_body", "lora"])
def test_the_same_seed_repeats_everything_and_another_moves_weights_and_order(method: str) -> None:
    seen = []
    for seed in (0, 0, 1):
        pieces = _pieces(method=method, seed=seed)
        initial = _state(pieces)
        outcome = pieces.train(seed=seed)
        seen.append((initial, outcome.batch_order, _state(pieces), outcome.curve[-1]["loss"]))
    assert seen[0] == seen[1]
    assert all(a != b for a, b in zip(seen[0], seen[2], strict=True))


def test_the_seed_of_training_alone_moves_order_and_dropout() -> None:
    one, other = (_pieces().train(seed=seed) for seed in (0, 1))
    assert one.batch_order != other.batch_order


def test_training_does_not_depend_on_what_was_drawn_before() -> None:
    first = _pieces(method="full").train()
    pieces = _pieces(method="full")
    torch.rand(11)
    assert pieces.train() == first


def test_rows_are_shuffled_anew_in_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = _pieces("training.epochs=2")
    seen: list[int] = []
    collate = pieces.task.collate

    def watched(items: list[Any]) -> Any:
        seen.extend(item["index"] for item in items)
        return collate(items)

    monkeypatch.setattr(pieces.task, "collate", watched)
    monkeypatch.setattr("bench.running.training_log.validation_losses", lambda *_: Seen())
    pieces.train()
    first, second = seen[:50], seen[50:]
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first != sorted(first)


class Seen:
    loss, unmasked, accuracy = 1.0, None, 0.5


# --- what is written down --------------------------------------------------------------------------------------------


def test_epochs_are_closed_with_the_mean_of_their_steps_and_the_validation_rows() -> None:
    pieces = _pieces("training.epochs=3", "training.batch_size=20")
    outcome = pieces.train()
    assert [row["step"] for row in outcome.curve] == list(range(1, 10))
    assert [(e.epoch, e.step) for e in outcome.epochs] == [(1.0, 3), (2.0, 6), (3.0, 9)]
    for i, epoch in enumerate(outcome.epochs):
        losses = [row["loss"] for row in outcome.curve[3 * i : 3 * i + 3]]
        assert epoch.train_loss == pytest.approx(sum(losses) / 3)
        assert epoch.train_loss_unmasked is None
        assert epoch.train_accuracy is not None
        assert epoch.train_accuracy * 50 == pytest.approx(round(epoch.train_accuracy * 50))
    runnable = pieces.task.training_model(pieces.model)
    last = validation_losses(pieces.task, runnable, pieces.validation_items, pieces.config.training)
    assert outcome.epochs[-1].validation_loss == last.loss
    assert outcome.epochs[-1].validation_accuracy == last.accuracy
    assert not pieces.model.training


def test_a_budget_of_steps_ends_inside_an_epoch_and_is_summed_up_there() -> None:
    outcome = _pieces("training.steps=7").train()
    assert len(outcome.curve) == 7
    assert [(e.epoch, e.step) for e in outcome.epochs] == [(1.0, 5), (1.4, 7)]
    last = [row["loss"] for row in outcome.curve[5:]]
    assert outcome.epochs[-1].train_loss == pytest.approx(sum(last) / 2)


def test_unmasked_losses_stand_beside_the_masked_ones() -> None:
    pieces = tiny.assemble(tiny.small("summarization", method="lm_head_only"))
    epoch = pieces.train().epochs[0]
    assert epoch.train_loss_unmasked is not None
    assert epoch.validation_loss_unmasked is not None
    assert epoch.train_loss_unmasked != epoch.train_loss
    assert epoch.train_accuracy is epoch.validation_accuracy is None


def test_validation_losses_do_not_depend_on_the_batch_size() -> None:
    pieces = tiny.assemble(tiny.small("summarization"))
    values = []
    for size in (1, 3, 32):
        config = pieces.config.training.model_copy(update={"evaluation_batch_size": size})
        values.append(validation_losses(pieces.task, pieces.model, pieces.validation_items, config))
    for value in values[1:]:
        assert value.loss == pytest.approx(values[0].loss, abs=1e-5)
        assert value.unmasked == pytest.approx(values[0].unmasked, abs=1e-5)


@pytest.mark.parametrize("method", ["frozen_body", "full"])
def test_tokens_are_counted_without_padding_and_in_every_pass(method: str) -> None:
    pieces = _pieces("training.epochs=2", "task.padding=max_length", method=method)
    texts = [example.input for example in pieces.splits.train]
    n = sum(len(ids) for ids in pieces.tokenizer(texts, truncation=True, max_length=24)["input_ids"])
    assert pieces.train().n_tokens == 2 * n


@pytest.mark.parametrize(
    ("budget", "n_examples", "expected"), [({"epochs": 3}, 10, 9), ({"epochs": 1}, 8, 2), ({"steps": 5}, 100, 5)]
)
def test_n_steps(budget: dict[str, int], n_examples: int, expected: int) -> None:
    config = TrainingConfig(batch_size=4, learning_rate=1.0, **budget)  # type: ignore[arg-type]
    assert n_steps(config, n_examples) == expected


# --- evaluating on the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "every", "expected"),
    [
        ("training.steps=7", 3, [3, 6, 7]),
        ("training.steps=6", 3, [3, 6]),
        ("training.steps=2", 5, [2]),
        ("training.epochs=2", 4, [4, 8, 10]),
    ],
)
def test_an_evaluation_comes_every_so_many_steps_and_at_the_end(budget: str, every: int, expected: list[int]) -> None:
    pieces = _pieces(budget, f"training.evaluate_every_steps={every}", method="full")
    seen: list[tuple[int, float]] = []

    def evaluate(step: int, train_loss: float) -> None:
        assert not any(module.training for module in pieces.model.modules())
        seen.append((step, train_loss))

    losses = [row["loss"] for row in pieces.train(evaluate=evaluate).curve]
    assert [step for step, _ in seen] == expected
    for first, (last, mean) in zip([0, *expected], seen, strict=False):
        assert mean == pytest.approx(sum(losses[first:last]) / (last - first))


@pytest.mark.parametrize("method", ["full", "frozen_body", "lora"])
def test_evaluating_changes_nothing(method: str) -> None:
    """Dropout runs again after an evaluation, from where it was, and predictions draw from no stream of training's."""
    overrides = ("training.steps=7", "training.evaluate_every_steps=2")
    pieces = _pieces(*overrides, method=method)
    predicted = []

    def evaluate(step: int, train_loss: float) -> None:
        predicted.append(pieces.predict().losses_nats)

    evaluated = pieces.train(evaluate=evaluate)
    blind = _pieces(*overrides, method=method)
    assert blind.train() == evaluated
    assert _state(blind) == _state(pieces)
    assert len(predicted) == 4
    assert (predicted[-1] == pieces.predict().losses_nats).all()
    assert (predicted[0] != predicted[-1]).any()


def test_nothing_is_evaluated_where_nobody_asked_for_it() -> None:
    def evaluate(step: int, train_loss: float) -> None:
        raise AssertionError("evaluated")

    _pieces("training.steps=2").train(evaluate=evaluate)


# --- learning rates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheduler", "warmup", "expected"),
    [
        ("constant", 0, [1] * 5),
        ("constant", 3, [0, 1 / 3, 2 / 3, 1, 1]),
        ("linear", 0, [1, 0.8, 0.6, 0.4, 0.2]),
        ("cosine", 0, [0.5 * (1 + math.cos(math.pi * i / 5)) for i in range(5)]),
    ],
)
def test_learning_rates_are_those_the_steps_used(scheduler: str, warmup: int, expected: list[float]) -> None:
    outcome = _pieces(
        "training.learning_rate=1e-3", f"training.scheduler={scheduler}", f"training.warmup_steps={warmup}"
    ).train()
    assert [row["learning_rate"] for row in outcome.curve] == pytest.approx([1e-3 * share for share in expected])


# --- optimisers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "build"),
    [
        ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, lr=1e-2)),
        ({"optimizer": "adamw", "weight_decay": 0.1}, lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1)),
        ({"optimizer": "sgd"}, lambda p: torch.optim.SGD(p, lr=1e-2)),
        ({"optimizer": "sgd", "max_grad_norm": 0.01}, lambda p: torch.optim.SGD(p, lr=1e-2)),
    ],
    ids=["adam", "adamw", "sgd", "clipped"],
)
def test_three_steps_equal_a_loop_written_by_hand(settings: dict[str, Any], build: Any) -> None:
    overrides = [f"training.{key}={value}" for key, value in settings.items()]
    overrides += ["training.batch_size=50", "training.epochs=3", "training.learning_rate=1e-2", *NO_DROPOUT]
    ours, theirs = (_pieces(*overrides, method="full") for _ in range(2))
    ours.train()
    optimizer = build(_groups(theirs.model, settings.get("weight_decay", 0.0)))
    for _ in range(3):
        optimizer.zero_grad()
        theirs.task.loss(theirs.model, theirs.task.collate(theirs.train_items)).loss.backward()
        if "max_grad_norm" in settings:
            norm = torch.nn.utils.clip_grad_norm_(theirs.model.parameters(), settings["max_grad_norm"])
            assert norm > settings["max_grad_norm"]
        optimizer.step()
    for (name, a), b in zip(ours.model.named_parameters(), theirs.model.parameters(), strict=True):
        # Attention is blind to the keys' bias: its gradient is rounding, which Adam blows up to full steps.
        if not name.endswith("k_lin.bias"):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=0, msg=name)


def _groups(model: Any, decay: float) -> list[dict[str, Any]]:
    """Return parameters as the Trainer groups them: biases and normalisation do not decay."""
    plain = {n for n, _ in model.named_parameters() if n.endswith("bias") or "norm" in n.lower()}
    named = dict(model.named_parameters())
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in named.items() if n not in plain]},
        {"params": [p for n, p in named.items() if n in plain]},
    ]
    if decay:
        groups[0]["weight_decay"], groups[1]["weight_decay"] = decay, 0.0
    return groups


# --- ends ------------------------------------------------------------------------------------------------------------


def test_error_a_loss_that_is_not_finite_names_the_step_and_the_learning_rate() -> None:
    with pytest.raises(TrainingError) as caught:
        _pieces("training.learning_rate=1e30", "training.optimizer=sgd", method="full").train()
    assert "the loss is " in str(caught.value)
    assert "lower training.learning_rate (now 1e+30)" in str(caught.value)


@pytest.mark.parametrize(("frozen_dropout", "repeats"), [("false", True), ("true", False)])
def test_dropout_in_the_frozen_body_is_what_the_suite_says(frozen_dropout: str, repeats: bool) -> None:
    """With one batch of all rows, no head dropout and almost no learning rate, only body dropout can move a loss."""
    pieces = _pieces(
        "training.batch_size=50",
        "training.epochs=2",
        "training.learning_rate=1e-30",
        "model.architecture.config.seq_classif_dropout=0.0",
        f"method.frozen_dropout={frozen_dropout}",
    )
    first, second = (row["loss"] for row in pieces.train().curve)
    assert (first == pytest.approx(second, abs=1e-6)) is repeats


def test_tracker_files_go_where_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pieces = _pieces("training.steps=2")
    train(
        pieces.model, pieces.task, pieces.train_items, pieces.validation_items, pieces.config.training,
        seed=0, method=build(pieces.config.method),
        tracking=Tracking(names=("tensorboard",), folder=tmp_path / "trackers"),
    )  # fmt: skip
    assert list((tmp_path / "trackers").rglob("events.out.tfevents.*"))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in (["trackers", "cache"], ["cache", "trackers"])


# --- several processes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_processes", "batch_size"), [(2, 4), (2, 10), (3, 6)])
@pytest.mark.parametrize("n_examples", [1, 3, 12, 13, 16, 17, 19, 23])
def test_processes_share_the_batches_that_one_process_feeds(
    monkeypatch: pytest.MonkeyPatch, n_processes: int, batch_size: int, n_examples: int
) -> None:
    """accelerate's own split repeats rows where they do not fill the last batch; those are left out."""
    n_epochs, of_all = 2, []
    for rank in range(n_processes):
        monkeypatch.setenv("WORLD_SIZE", str(n_processes))
        monkeypatch.setenv("RANK", str(rank))
        sampler = BatchSampler(range(n_examples), batch_size // n_processes, drop_last=False)
        fed = [*BatchSamplerShard(sampler, n_processes, rank)] * n_epochs
        kept = [own_rows(step, n_examples=n_examples, batch_size=batch_size) for step in range(len(fed))]
        of_all.append([rows[:n] for rows, n in zip(fed, kept, strict=True)])
    together = [[row for part in parts for row in part] for parts in zip(*of_all, strict=True)]
    assert together == [*BatchSampler(range(n_examples), batch_size, drop_last=False)] * n_epochs


def test_a_process_trains_on_one_device_whatever_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Trainer asks `n_gpu` before it spreads batches over GPUs; ours never answers more than one."""
    config, device = TrainingConfig(epochs=1, batch_size=4, learning_rate=1.0), torch.device("cpu")
    arguments = training_arguments(config, seed=0, folder=".", tracking=Tracking(), device=device)
    monkeypatch.setattr(transformers.TrainingArguments, "n_gpu", property(lambda _: 4))
    assert arguments.n_gpu == 1
    assert arguments.train_batch_size == arguments.per_device_train_batch_size
