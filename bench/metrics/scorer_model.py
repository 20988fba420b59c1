"""The model that BERTScore runs: how much of a text it reads, and what it does not know.

bert-score cuts texts and meets unknown words in silence, hands a RoBERTa more positions than it has, and knows no
decoders. Everything else is the library's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_UNLIMITED = 10**9
_USUAL_LIMIT = 512
"""Where neither model nor tokenizer has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a model reads one text."""

    ids: tuple[int, ...]
    """What it reads, special tokens included."""
    is_cut: bool
    """Whether the text goes on after them."""
    n_tokens: int
    """Tokens of the whole text, without the special ones."""
    n_unknown: int
    """Those among them that the tokenizer does not know, and which are all one token to the model."""

    @property
    def is_partly_read(self) -> bool:
        """Return whether the model reads less than the text."""
        return self.is_cut or self.n_unknown > 0


class ScorerModel:
    """The model of a bert-score scorer, made ready, and how it reads texts."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Let the tokenizer cut where the model ends.

        Args:
            model: what the scorer runs.
            tokenizer: the scorer's; its limit is set.
        """
        self.tokenizer = tokenizer
        self.limit = limit_of(model, tokenizer)
        tokenizer.model_max_length = self.limit
        # Another view of the same tokenizer, which does not cut.
        self._whole = copy.copy(tokenizer)
        self._whole.model_max_length = _UNLIMITED

    def read(self, text: str) -> Reading:
        """Return how the model reads a text."""
        from bert_score.utils import sent_encode

        whole = sent_encode(self._whole, text)
        ids = sent_encode(self.tokenizer, text) if len(whole) > self.limit else whole
        tokenizer = self.tokenizer
        frame = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id}
        unknown = tokenizer.unk_token_id
        return Reading(
            ids=tuple(ids),
            is_cut=len(whole) > self.limit,
            n_tokens=len(whole) - tokenizer.num_special_tokens_to_add(),
            n_unknown=0 if unknown is None or unknown in frame else whole.count(unknown),
        )


def is_decoder(folder: Path) -> bool:
    """Return whether a saved model predicts the next token and nothing else, so that a token sees those before it."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    config = AutoConfig.from_pretrained(folder)
    if config.is_encoder_decoder or config.model_type == "xlnet":  # XLNet reads both ways, and bert-score knows it
        return False
    kind = config.model_type
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def limit_of(model: Any, tokenizer: Any) -> int:
    """Return how many tokens a model reads of a text, special ones included.

    A model of RoBERTa's family counts positions from its padding token on, and so reads that many fewer than it has.
    """
    import torch

    positions = getattr(model.config, "max_position_embeddings", None) or -1
    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            positions = table.num_embeddings - table.padding_idx - 1
    if positions < 0:  # relative positions, which have no end
        positions = _USUAL_LIMIT
    return int(min(tokenizer.model_max_length, positions))


def layer_of(model: Any, layer: int) -> Any:
    """Return a model whose first output is what a layer gives, counted from 1."""
    import torch

    class Layer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.config = model, model.config

        def forward(self, ids: Any, attention_mask: Any, output_hidden_states: bool = False) -> tuple[Any]:
            out = self.model(ids, attention_mask=attention_mask, output_hidden_states=True, use_cache=False)
            return (out.hidden_states[layer],)

    return Layer().to(next(model.parameters()).device)


def refuse_missing_weights(folder: Path) -> None:
    """Refuse weights that leave a part of the model to chance; a pooler is not looked at.

    Raises:
        InputError: some are missing.
    """
    from transformers import AutoModel, T5EncoderModel

    from bench.materials.quiet import quiet_transformers

    loader = T5EncoderModel if "t5" in str(folder) else AutoModel  # as bert-score chooses
    with quiet_transformers():
        _, report = loader.from_pretrained(folder, output_loading_info=True)
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        raise InputError(
            f"the weights lack {missing[0]} and {len(missing) - 1} more, which would be drawn at random; give the "
            "folder of a whole saved model"
        )


def frame(tokenizer: Any) -> None:
    """Put a token before and one after every text, as encoders have them and bert-score leaves out of its means.

    Without them it takes a text of two tokens for an empty one.

    Raises:
        InputError: the tokenizer cannot, or has no such tokens.
    """
    from tokenizers.processors import TemplateProcessing

    if not (tokenizer.is_fast and (tokenizer.eos_token or tokenizer.bos_token or tokenizer.sep_token)):
        raise InputError(
            "the tokenizer of this decoder has no tokenizer.json, or no token that ends a text; take an encoder"
        )
    end = tokenizer.sep_token or tokenizer.eos_token or tokenizer.bos_token
    start = tokenizer.cls_token or tokenizer.bos_token or end
    tokenizer.cls_token, tokenizer.sep_token = start, end
    tokenizer.pad_token = tokenizer.pad_token or end  # masked wherever it stands
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(token, tokenizer.convert_tokens_to_ids(token)) for token in dict.fromkeys((start, end))],
    )
