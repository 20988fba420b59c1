"""Heads: what a model carries on its body, by family, and what can be done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import torch
import transformers
from torch import nn
from transformers import AutoModel, PreTrainedModel

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
    padding_side: Literal["left", "right"] = "right"
    """Side that batches are padded on."""


HEADS: dict[Family, Head] = {
    "sequence_classification": Head(loader=transformers.AutoModelForSequenceClassification, has_labels=True),
    "token_classification": Head(loader=transformers.AutoModelForTokenClassification, has_labels=True),
    "seq2seq": Head(loader=transformers.AutoModelForSeq2SeqLM),
    "causal": Head(
        loader=transformers.AutoModelForCausalLM,
        continues_text=True,
        padding_side="left",  # the last position must be text
    ),
}


class MeanPooledClassifier(PreTrainedModel):  # type: ignore[misc]
    """An encoder whose token vectors are averaged, under the two-layer head of DistilBERT's classifier.

    Sentence encoders such as MiniLM are trained for the mean of their token vectors (Reimers & Gurevych 2019,
    Sentence-BERT, section 3), which their first token does not stand in for.
    """

    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config)
        self.pre_classifier = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(getattr(config, "seq_classif_dropout", 0.2))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
    ) -> Any:
        """Return logits (B, n_labels) for token ids or embeddings (B, T[, H]) under a mask (B, T).

        With labels (B,) the cross-entropy () stands beside them, as in the models of transformers.
        """
        encoded = self.encoder(input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds)
        pooled = mean_over_tokens(encoded.last_hidden_state, attention_mask)  # (B, H)
        hidden = self.dropout(torch.relu(self.pre_classifier(pooled)))  # (B, H)
        logits = self.classifier(hidden)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return transformers.modeling_outputs.SequenceClassifierOutput(loss=loss, logits=logits)


def encoder_keys(config: Any) -> dict[str, str]:
    """Return how weights of an encoder are called that was saved under a head (pattern -> name, for `key_mapping`)."""
    with torch.device("meta"):
        prefix = AutoModel.from_config(config).base_model_prefix
    return {f"^{re.escape(prefix)}\\.": f"{MeanPooledClassifier.base_model_prefix}."}


def mean_over_tokens(hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return the mean vector (B, H) of hidden states (B, T, H) over the tokens where mask (B, T) is 1."""
    if mask is None:
        return hidden.mean(dim=1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def untie_output_layer(model: Any) -> Any:
    """Give a tied output layer weights of its own, equal to the embeddings it shared, and return it."""
    layer = model.get_output_embeddings()
    if layer.weight is model.get_input_embeddings().weight:
        layer.weight = nn.Parameter(layer.weight.detach().clone())
        model.config.tie_word_embeddings = False
    return layer
