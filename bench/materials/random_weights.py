"""Architectures without stored weights: drawn from a seed, with a tokenizer of whole words."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from bench.config import Architecture, GeneratedSource, ModelConfig
from bench.core.errors import InputError
from bench.core.files import file_sha256
from bench.materials.heads import HEADS, untie_output_layer
from bench.materials.quiet import quiet_transformers
from bench.materials.sources.built import build_once

_VERSION = 3
"""Raised whenever the code below makes other weights or another tokenizer, so that no cache hands out old ones."""


def wants_own_output_layer(architecture: Architecture) -> bool:
    """Return whether an architecture unties its output layer; transformers 5 builds T5 tied whatever is asked for."""
    return architecture.config.get("tie_word_embeddings") is False


def transformers_config(architecture: Architecture) -> Any:
    """Return an architecture as a configuration of transformers."""
    with quiet_transformers():  # a small vocabulary does not hold the default numbers of special tokens, set later
        return AutoConfig.for_model(architecture.model_type, **architecture.config)


def random_weights(config: ModelConfig, source: GeneratedSource, texts: list[str]) -> tuple[Path, str]:
    """Draw weights of an architecture and make a word tokenizer, once for a machine.

    Args:
        config: the `[model]` table.
        source: its source.
        texts: what the tokenizer's words are taken from.

    Returns:
        The folder in the layout of `save_pretrained`, and the identity of the weights.

    Raises:
        InputError: there is no architecture, or another generator is named.
    """
    if config.architecture is None:
        raise InputError("model.source is generated, which needs model.architecture to know the shapes")
    if source.name != "random_weights":
        raise InputError(f"model.source.name = {source.name!r} is not known; allowed: random_weights")
    architecture = config.architecture
    words = _vocabulary(texts)
    shape = f"{architecture.model_dump_json()}|{config.family}"
    recipe = f"{_VERSION}|{shape}|{source.seed}|{words}|{torch.__version__}"
    digest = hashlib.sha256(recipe.encode()).hexdigest()

    def build(folder: Path) -> None:
        built = transformers_config(architecture)
        tokenizer = _word_tokenizer(words, built.vocab_size, built.model_type)
        built.pad_token_id, built.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
        built.decoder_start_token_id = tokenizer.pad_token_id
        if getattr(built, "bos_token_id", None) is not None:  # T5's configuration has no such key
            built.bos_token_id = tokenizer.eos_token_id
        with torch.random.fork_rng(devices=[]), quiet_transformers():
            torch.manual_seed(source.seed)
            head = HEADS[config.family]
            model = (AutoModel if head.has_labels else head.loader).from_config(built)
            if wants_own_output_layer(architecture) and model.get_output_embeddings() is not None:
                # Equal tensors would be tied again on loading, so the layer gets draws of its own.
                nn.init.normal_(untie_output_layer(model).weight, std=model.config.hidden_size**-0.5)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    folder = build_once(f"random-{digest[:16]}", build)
    weights = file_sha256(folder / "model.safetensors")  # not `digest`: two builds of torch can draw the same weights
    return folder, f"generated:random_weights?seed={source.seed}#{weights[:16]}"


def _vocabulary(texts: list[str]) -> list[str]:
    counts = Counter(word for text in texts for word in text.lower().split())
    return sorted(counts, key=lambda word: (-counts[word], word))


def _word_tokenizer(words: list[str], size: int, model_type: str) -> Any:
    """Return a whole-word tokenizer with the special tokens of the model type, at most `size` entries."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>", "<unk>"] if model_type == "t5" else ["[PAD]", "[SEP]", "[UNK]", "[CLS]"]
    vocabulary = {word: i for i, word in enumerate([*special, *words][:size])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special[2]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    begins = {"cls_token": special[3]} if len(special) > 3 else {}
    begin = f"{special[3]} " if begins else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}$A {special[1]}", special_tokens=[(token, vocabulary[token]) for token in special]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=special[0], eos_token=special[1], unk_token=special[2], **begins
    )
