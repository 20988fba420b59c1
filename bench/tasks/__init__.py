"""Tasks: how examples become batches, batches losses, and a model's output predictions."""

from __future__ import annotations

from typing import Any

from bench.config import ClassificationTask, SuiteConfig
from bench.tasks.base import Task


def build_task(config: SuiteConfig, tokenizer: Any, model: Any) -> Task:
    """Return the task of a resolved suite.

    Args:
        config: the resolved suite.
        tokenizer: the base model's, padding on `padding_side_of(config)`.
        model: the model as the method left it; decides whether features can be computed once.
    """
    if isinstance(config.task, ClassificationTask):
        from bench.tasks.classification import Classification

        return Classification(
            config.task, tokenizer, model, config.method, batch_size=config.training.evaluation_batch_size
        )
    from bench.tasks.summarization import CausalSummarization, Seq2SeqSummarization

    kind = Seq2SeqSummarization if config.model.family == "seq2seq" else CausalSummarization
    return kind(config.task, tokenizer)


def padding_side_of(config: SuiteConfig) -> str:
    """Return the side a suite's batches are padded on: left for causal models, whose last position must be text."""
    return "left" if config.model.family == "causal" else "right"
