"""Tasks: how examples become batches, batches losses, and a model's output predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.config import ClassificationTask, StyleDuelTask, SuiteConfig, WritingTask
from bench.methods import Method
from bench.methods.applying import apply_method
from bench.tasks.base import Task


def build_model(config: SuiteConfig, method: Method, load: Callable[[], Any], *, seed: int) -> Any:
    """Return the model that a suite trains: the base under its method, or two writers from it.

    Args:
        config: the resolved suite.
        method: what its method table describes; see `bench.methods.applying.build`.
        load: returns a freshly loaded base model.
        seed: the run seed.

    Raises:
        InputError: the method does not fit the model.
    """
    if isinstance(config.task, StyleDuelTask):
        from bench.tasks.two_writers import Writers

        return Writers(load, method, seed=seed, config=config)
    return apply_method(load(), method, seed=seed, config=config)


def build_task(config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
    """Return the task of a resolved suite.

    Args:
        config: the resolved suite.
        tokenizer: the base model's, padding on `padding_side_of(config)`.
        model: the model as the method left it; decides whether features can be computed once.
        seed: the run seed; samples draw from it.

    Raises:
        InputError: the tokens that must not be sampled are all there are.
    """
    task = config.task
    if isinstance(task, ClassificationTask):
        from bench.tasks.classification import Classification

        size = config.training.evaluation_batch_size
        return Classification(task, tokenizer, model, config.method, batch_size=size)
    if isinstance(task, WritingTask):
        from bench.tasks.writing import LanguageModeling, StyleDuel

        writing = StyleDuel if isinstance(task, StyleDuelTask) else LanguageModeling
        return writing(task, tokenizer, n_vocabulary=model.config.vocab_size, seed=seed)
    from bench.tasks.text_to_text import CausalSummarization, Seq2SeqSummarization

    kind = Seq2SeqSummarization if config.model.family == "seq2seq" else CausalSummarization
    return kind(task, tokenizer)


def padding_side_of(config: SuiteConfig) -> str:
    """Return the side a suite's batches are padded on: left for causal models, whose last position must be text."""
    return "left" if config.model.family == "causal" else "right"
