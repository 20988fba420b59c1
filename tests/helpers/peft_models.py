"""Small models of every architecture that the suites have, and the library's methods of peft for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from bench.config import PeftMethod
from bench.materials.mean_pooled import MeanPooledClassifier
from bench.materials.quiet import quiet_transformers
from bench.methods.adapters import Peft
from bench.methods.applying import build
from bench.suites import library

D, FF, V = 16, 32, 40
"""Width, inner width and vocabulary of every model; each has two layers."""


def _bert_config() -> BertConfig:
    return BertConfig(
        vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=4, intermediate_size=FF, num_labels=2,
        max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip


MODELS: dict[str, Callable[[], Any]] = {
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=V, dim=D, hidden_dim=FF, n_layers=2, n_heads=4, max_position_embeddings=32, initializer_range=0.3
        )
    ),
    "bert": lambda: BertForSequenceClassification(_bert_config()),
    "mean": lambda: MeanPooledClassifier(_bert_config()),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=V, d_model=D, d_kv=4, d_ff=FF, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
        )
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=V, n_embd=D, n_layer=2, n_head=4, n_inner=FF, n_positions=32, initializer_range=0.3)
    ),
    "gpt_neo": lambda: GPTNeoForCausalLM(
        GPTNeoConfig(
            vocab_size=V, hidden_size=D, intermediate_size=FF, num_layers=2, num_heads=4, window_size=32,
            attention_types=[[["global", "local"], 1]], max_position_embeddings=32, initializer_range=0.3,
        )
    ),
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            vocab_size=V, hidden_size=D, intermediate_size=FF, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, initializer_range=0.3,
        )
    ),
}  # fmt: skip
HEADS = {
    "distilbert": D * D + D + D * 2 + 2,
    "mean": D * D + D + D * 2 + 2,
    "bert": D * 2 + 2,
}
"""Parameters of a classifier's head."""
ADAPTED = {
    "distilbert": [(D, D)] * 4,
    "bert": [(D, D)] * 4,
    "mean": [(D, D)] * 4,
    "t5": [(D, D)] * 12,
    "gpt2": [(D, 3 * D)] * 2,
    "gpt_neo": [(D, D)] * 4,
    "llama": [(D, D), (D, D // 2)] * 2,
}
"""Inputs and outputs of every layer that LoRA adapts: queries and values."""
REPARAMETRISED = ["lora", "rslora", "dora", "pissa", "lora_plus", "adalora", "ia3", "vera", "oft", "boft", "layernorm"]


def small_model(name: str) -> Any:
    torch.manual_seed(0)
    with quiet_transformers():
        return MODELS[name]().eval()


def peft_method(name: str, **config: Any) -> Peft:
    table = {key: value for key, value in library.entry(name).table.items() if key != "training"}
    if config:
        table["config"] = table["config"] | config
    method = build(PeftMethod.model_validate(table))
    assert isinstance(method, Peft)
    return method


def peft_table(**config: Any) -> PeftMethod:
    return PeftMethod(kind="peft", config=config)


def small_inputs(model: Any) -> dict[str, torch.Tensor]:
    ids = torch.arange(3 * 7).view(3, 7) % (V - 3) + 3
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return given | ({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})


def logits_of(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(**small_inputs(model)).logits


def trained_shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: p.shape for name, p in model.named_parameters() if p.requires_grad}


def is_refused(name: str, model: str) -> bool:
    types = {"mean": "bert"}.get(model, model)
    return any(types in (rule.model_type or ()) for rule in library.entry(name).not_for)
