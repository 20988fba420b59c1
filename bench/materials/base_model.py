"""Base model and tokenizer: loaded from wherever they lie, counted, and checked against what the suite expects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel

from bench.config import GeneratedSource, ModelConfig, SuiteConfig
from bench.core import seeds
from bench.core.errors import InputError, RunError
from bench.core.progress import Announce
from bench.materials import sources
from bench.materials.gguf import convert_gguf
from bench.materials.heads import HEADS, MeanPooledClassifier, untie_output_layer
from bench.materials.quiet import quiet_transformers
from bench.materials.random_weights import random_weights, transformers_config, wants_own_output_layer
from bench.materials.sources.built import build_once


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """Where a base model lies on this machine, ready to be loaded as often as needed."""

    folder: Path
    """Folder in the layout of `save_pretrained`, tokenizer included."""
    identity: str
    """Source and revision or hash, as the record keeps it."""


def fetch_base_model(
    config: ModelConfig, texts: list[str], *, offline: bool = False, announce: Announce = lambda _: None
) -> BaseModel:
    """Bring a base model into a folder that transformers can load.

    Args:
        config: the `[model]` table.
        texts: training texts; random weights get a word tokenizer made from them.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched or built.

    Raises:
        SourceError: the model cannot be fetched or fails its hash.
        InputError: random weights without an architecture.
    """
    if isinstance(config.source, GeneratedSource):
        folder, identity = random_weights(config, config.source, texts)
        return BaseModel(folder=folder, identity=identity)
    fetched = sources.fetch(config.source, offline=offline, announce=announce)
    gguf = next((file for file in fetched.files if file.suffix == ".gguf"), None)
    if gguf is None:
        return BaseModel(folder=fetched.path, identity=fetched.identity)
    key = hashlib.sha256(fetched.identity.encode()).hexdigest()[:16]

    def convert(folder: Path) -> None:
        announce(f"unpacking {gguf.name} to float32, once")
        convert_gguf(gguf, folder)

    return BaseModel(folder=build_once(f"gguf-{key}", convert), identity=fetched.identity)


def load_model(config: ModelConfig, base: BaseModel, *, n_labels: int, seed: int) -> PreTrainedModel:
    """Load base weights in float32 under the suite's head.

    A head that the base weights lack is drawn from the run seed's "initial weights" stream, here and nowhere else.

    Args:
        config: the `[model]` table.
        base: what `fetch_base_model` returned.
        n_labels: classes of the head; only a classifier has any.
        seed: the run seed.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        RunError: the model does not count `model.total_parameters`.
    """
    values: dict[str, Any] = {"dtype": torch.float32}
    head = HEADS[config.family]
    loader = head.loader
    if head.has_labels:
        values["num_labels"] = n_labels
        if config.pooling == "mean":
            loader = MeanPooledClassifier
            values["config"] = AutoConfig.from_pretrained(base.folder, num_labels=values.pop("num_labels"))
    torch.manual_seed(seeds.derive(seed, "initial weights"))
    with quiet_transformers():
        model: PreTrainedModel = loader.from_pretrained(base.folder, **values)
    expected = config.total_parameters
    if expected is not None and count_parameters(model) != expected:
        raise RunError(
            f"model.total_parameters: {base.identity} has {count_parameters(model):,} parameters with its head, "
            f"the suite expects {expected:,}; a tied or missing layer changes the recipe: mend the source, or --set "
            f"model.total_parameters={count_parameters(model)} if the new count is meant"
        )
    model.eval()
    return model


def load_tokenizer(base: BaseModel, *, padding_side: str) -> Any:
    """Load the tokenizer; one without a padding token pads with its end token (labels are masked by position)."""
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(base.folder)
    tokenizer.padding_side = padding_side
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def meta_model(config: SuiteConfig) -> PreTrainedModel:
    """Build the suite's model on the meta device: every shape, no weights, no download.

    Raises:
        InputError: the suite writes no `model.architecture` down.
    """
    if config.model.architecture is None:
        raise InputError("model.architecture is missing; parameters cannot be counted without weights")
    built = transformers_config(config.model.architecture)
    head = HEADS[config.model.family]
    if head.has_labels:
        built.num_labels = len(config.data.labels)
    with torch.device("meta"), quiet_transformers():
        if config.model.pooling == "mean":
            return MeanPooledClassifier(built)
        model: PreTrainedModel = head.loader.from_config(built)
    if wants_own_output_layer(config.model.architecture):
        untie_output_layer(model)
    return model


def count_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Return the number of parameters, tied ones once; `trainable` counts those with a gradient only."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)
