"""Tiny random models on bytes: their tokenizer knows every text, and says no length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

N_TOKENS = 280
SMALL = {
    "vocab_size": N_TOKENS,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def save_byte_model(folder: Path, model_class: Any, config: Any, *, framed: bool) -> Path:
    """Save a random model with a tokenizer of single bytes.

    Args:
        folder: where to.
        model_class: of transformers, such as `RobertaModel`.
        config: its configuration, with `N_TOKENS` tokens.
        framed: whether texts stand between `<s>` and `</s>` as an encoder's do, and there is a padding token.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "<pad>", "</s>", "<unk>", *alphabet]
    tokenizer = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {"bos_token": "<s>", "eos_token": "</s>"}
    if framed:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        names |= {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model_class(config).save_pretrained(folder)
    return folder
