"""Miniature runs taken apart: the pieces that `bench.running.run` puts together, each at hand for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from bench.config import ModelConfig, SuiteConfig
from bench.materials.base_model import fetch_base_model, load_model, load_tokenizer
from bench.materials.heads import HEADS
from bench.materials.load import load_splits
from bench.materials.splits import SPLITS, Splits
from bench.methods.applying import build
from bench.methods.base import defines
from bench.records.predictions import Predictions
from bench.running.preparing import prepare_models
from bench.running.trainer import Evaluate, TrainOutcome, train
from bench.suites.resolve import load_suite, resolve
from bench.tasks.base import Item, Task, kind_of_task

CLASSIFY = (
    "data.source.n_examples=70",
    "data.train.stop=50",
    "data.validation={start=50, stop=60}",
    "data.test={start=60, stop=70}",
    "training.batch_size=10",
    "training.epochs=1",
    "model.architecture.config.dim=16",
    "model.architecture.config.hidden_dim=32",
)
SUMMARIZE = (
    "data.source.n_examples=30",
    "data.train.stop=16",
    "data.validation={start=16, stop=20}",
    "data.test={start=20, stop=27}",
    "training.batch_size=4",
    "training.epochs=1",
)
REVIEW = (
    "data.source.n_examples=140",
    "data.train.stop=60",
    "data.validation={balanced=true, start=60, stop=80}",
    "data.test={balanced=true, start=80, stop=100}",
    "training.batch_size=10",
    "training.steps=8",
    "training.evaluate_every_steps=3",
    "model.architecture.config.hidden_size=16",
    "model.architecture.config.intermediate_size=32",
)
IMITATE = (
    "data.texts.day.parts=[{source={kind='generated', name='prose_day', n_examples=40}}]",
    "data.controls.plain.parts=[{source={kind='generated', name='prose_plain', n_examples=8}}]",
    "task.window_tokens=10",
    "task.n_samples=4",
    "task.sample_tokens=20",
    "training.batch_size=4",
    "training.steps=8",
    "training.evaluate_every_steps=3",
    "model.architecture.config.n_embd=16",
)
DUEL = (
    "data.texts.day.parts=[{source={kind='generated', name='prose_day', n_examples=60}}]",
    "data.texts.night.parts=[{source={kind='generated', name='prose_night', n_examples=40}}]",
    "data.controls.plain.parts=[{source={kind='generated', name='prose_plain', n_examples=8}}]",
    "task.window_tokens=10",
    "task.n_samples=3",
    "task.over_generation=1",
    "task.judge.max_length_tokens=16",
    "task.judge.training.epochs=4",
    "task.judge.model.architecture.config.num_hidden_layers=1",
    "training.batch_size=4",
    "training.steps=8",
    "training.evaluate_every_steps=3",
    "model.architecture.config.hidden_size=16",
)
SMALLER = {
    "sentiment_sst2": CLASSIFY,
    "summarization": SUMMARIZE,
    "imdb": REVIEW,
    "gulliver": IMITATE,
    "alice_edgar": DUEL,
}


@dataclass
class Pieces:
    config: SuiteConfig
    splits: Splits
    tokenizer: Any
    model: Any
    task: Task
    train_items: list[Item]
    validation_items: list[Item]
    test_items: list[Item]

    def train(self, *, seed: int = 0, evaluate: Evaluate | None = None) -> TrainOutcome:
        return train(
            self.model,
            self.task,
            self.train_items,
            self.validation_items,
            self.config.training,
            seed=seed,
            method=build(self.config.method),
            evaluate=evaluate,
        )

    def predict(self, items: list[Item] | None = None, *, batch_size: int = 32) -> Predictions:
        with torch.inference_mode():
            chosen = self.test_items if items is None else items
            return self.task.predict(self.model, chosen, batch_size=batch_size, advance=nothing)


def nothing(n: int, **_: Any) -> None:
    """Take the place of a progress bar."""


def small(suite: str, *overrides: str, method: str | None = None, model: ModelConfig | None = None) -> SuiteConfig:
    """Return a suite's tiny profile, made tinier; `overrides` come after that, `model` replaces the whole table."""
    config = resolve(load_suite(suite), profile="tiny", method=method, overrides=[*SMALLER[suite], *overrides])
    return config if model is None else config.model_copy(update={"model": model})


def causal(model_type: str) -> ModelConfig:
    """Return a causal model of that type with random weights."""
    sizes = {
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "initializer_range": 0.3},
        "llama": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                  "num_key_value_heads": 2, "initializer_range": 0.3},
    }  # fmt: skip
    return ModelConfig.model_validate(
        {
            "family": "causal",
            "source": {"kind": "generated", "name": "random_weights"},
            "architecture": {"model_type": model_type, "config": {"vocab_size": 128, **sizes[model_type]}},
        }
    )


def assemble(config: SuiteConfig, *, seed: int = 0) -> Pieces:
    """Do what a run does up to training."""
    splits = load_splits(config.data, target=config.task.target)
    texts = [text for example in splits.train for text in (example.input, *example.references)]
    base = fetch_base_model(config.model, texts)

    def load() -> Any:
        return load_model(config.model, base, n_labels=len(config.data.labels), seed=seed)

    kind = kind_of_task(config)
    model = kind.build_model(config, build(config.method), load, seed=seed).eval()
    tokenizer = load_tokenizer(base, padding_side=HEADS[config.model.family].padding_side)
    task = kind.build(config, tokenizer, model, seed=seed)
    items = [task.encode(model, getattr(splits, split), split, advance=nothing) for split in SPLITS]
    method = build(config.method)
    if defines(method, "prepare"):
        prepare_models(model, task, method, items[0], batch_size=config.training.batch_size, seed=seed)
    return Pieces(config, splits, tokenizer, model, task, *items)
