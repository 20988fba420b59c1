"""Heads: what a model carries on its body, by family, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import transformers
from torch import nn

from bench.config import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How models of one family are loaded."""

    loader: Any
    """The class of transformers that loads a model with its head."""
    has_labels: bool = False
    """Whether the head has one output a label; it is new then, and no weights of it are stored with the base."""
    continues_text: bool = False
    """Whether the model predicts the next token from those before it alone."""
    peft_task: str
    """What peft calls the kind of model (`task_type` of an adapter's configuration)."""
    padding_side: Literal["left", "right"] = "right"
    """Side that batches are padded on."""


HEADS: dict[Family, Head] = {
    "sequence_classification": Head(
        loader=transformers.AutoModelForSequenceClassification, has_labels=True, peft_task="SEQ_CLS"
    ),
    "token_classification": Head(
        loader=transformers.AutoModelForTokenClassification, has_labels=True, peft_task="TOKEN_CLS"
    ),
    "seq2seq": Head(loader=transformers.AutoModelForSeq2SeqLM, peft_task="SEQ_2_SEQ_LM"),
    "causal": Head(
        loader=transformers.AutoModelForCausalLM,
        continues_text=True,
        peft_task="CAUSAL_LM",
        padding_side="left",  # the last position must be text
    ),
}


def untie_output_layer(model: Any) -> Any:
    """Give a tied output layer weights of its own, equal to the embeddings it shared, and return it."""
    layer = model.get_output_embeddings()
    if layer.weight is model.get_input_embeddings().weight:
        layer.weight = nn.Parameter(layer.weight.detach().clone())
        model.config.tie_word_embeddings = False
    return layer
