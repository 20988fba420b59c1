"""A tokenizer folder whose tokens are words, for tests that work token counts out by hand."""

from __future__ import annotations

from pathlib import Path

WORDS = ("[UNK]", "[CLS]", "a", "b", "c", "d", "the", "cat", "sat", "on", "mat")
"""The position is the token id."""


def save_word_tokenizer(folder: Path) -> Path:
    """Write a tokenizer that splits at white space, and begins with `[CLS]` where special tokens are wanted."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    # Far shorter than the texts of the tests: length must neither cut nor warn.
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=WORDS[0], model_max_length=4)
    whole.save_pretrained(folder)
    return folder
