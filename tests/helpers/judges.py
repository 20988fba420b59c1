"""Judges of a style duel, small enough to work out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bench.records.record import JudgeSummary, Score

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "tea", "raven", "the", "was", "late", "door"]


CONFUSION = ((9, 1), (2, 8))


MAX_LENGTH_TOKENS = 8


def summary(labels: tuple[str, ...] = ("alice", "edgar"), confusion: Any = CONFUSION) -> JudgeSummary:
    share = Score(
        value=0.85,
        low=0.6,
        high=1.0,
        confidence=0.95,
        n_examples=20,
        unit="fraction",
        higher_is_better=True,
        signature="accuracy|def:1",
    )
    return JudgeSummary(
        identity="0123456789abcdef",
        weights_sha256="0" * 64,
        labels=labels,
        max_length_tokens=MAX_LENGTH_TOKENS,
        n_training_chunks=100,
        accuracy=share,
        confusion=confusion,
        calibration_error=0.1,
        calibration=(),
        shuffled_accuracy=share,
        others={},
    )


def write_judge_file(folder: Path, told: JudgeSummary, **values: Any) -> None:
    defaults = {"schema_version": 1, "pooling": "architecture", "precision": "float16"}
    whole = {**defaults, "summary": told.model_dump(mode="json"), **values}
    (folder / "judge.json").write_text(json.dumps(whole), encoding="utf-8")


def save_judge(folder: Path, *, pooling: str = "architecture", n_labels: int = 2) -> Path:
    """Write a whole judge: a one-layer BERT with random weights, spread wide so that texts are told apart."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    from bench.materials.mean_pooled import MeanPooledClassifier

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=WORDS[0], unk_token=WORDS[1]).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        num_labels=n_labels,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MeanPooledClassifier(config) if pooling == "mean" else BertForSequenceClassification(config)
    model.save_pretrained(folder)
    labels = ("alice", "edgar", "lewis")[:n_labels]
    confusion = CONFUSION if n_labels == 2 else tuple(tuple(row) for row in np.eye(n_labels, dtype=int).tolist())
    write_judge_file(folder, summary(labels, confusion), pooling=pooling)
    return folder
