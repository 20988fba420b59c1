"""What features computed once buy where the body is frozen: one pass of the encoder instead of one an epoch.

Both sides run on one thread and are measured in processor time, so that a busy machine slows neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.materials.base_model import fetch_base_model, load_model, load_tokenizer
from bench.materials.load import load_splits
from bench.methods.applying import apply_method, build
from bench.running.trainer import TrainOutcome, train
from bench.suites.resolve import load_suite, resolve
from bench.tasks.classification.task import Classification

EPOCHS = 6
SAFE_RATIO = 1.5
"""The bound is `EPOCHS`; the head, the Trainer and loading the model take their share."""

SMALL = (
    f"training.epochs={EPOCHS}",
    "data.source.n_examples=320",
    "data.train.stop=256",
    "data.validation={start=256, stop=288}",
    "data.test={start=288, stop=320}",
    "model.architecture.config.n_layers=4",
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.benchmark(timer=time.process_time)
def test_features_are_computed_once(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    config = resolve(load_suite("sentiment_sst2"), profile="tiny", method="frozen_body", overrides=SMALL)
    splits = load_splits(config.data, target="label")
    base = fetch_base_model(config.model, [example.input for example in splits.train])
    tokenizer = load_tokenizer(base, padding_side="right")

    def fine_tune(*, reuse_features: bool) -> TrainOutcome:
        method = build(config.method)
        model = apply_method(load_model(config.model, base, n_labels=2, seed=0), method, seed=0)
        task = Classification(
            config.task, tokenizer, model, config.method, batch_size=32, reuse_features=reuse_features
        )
        rows, validation = (
            task.encode(model, examples, "train", advance=lambda n: None)
            for examples in (splits.train, splits.validation)
        )
        return train(model, task, rows, validation, config.training, seed=0, method=method)

    fine_tune(reuse_features=True)  # what the first training of a process costs belongs to neither side
    started = time.process_time()
    every_epoch = fine_tune(reuse_features=False)
    every_epoch_s = time.process_time() - started
    once = benchmark.pedantic(fine_tune, kwargs={"reuse_features": True}, rounds=2)

    assert once.batch_order == every_epoch.batch_order
    assert [step["loss"] for step in once.curve] == pytest.approx(
        [step["loss"] for step in every_epoch.curve], abs=1e-3
    )
    ratio = every_epoch_s / benchmark.stats.stats.median
    benchmark.extra_info["ratio"] = ratio
    assert ratio > SAFE_RATIO
