"""Prompt learning: vectors of their own before the text, read by a frozen model.

peft draws and keeps the vectors; what it does with them in a forward pass and in `generate` moves positions with the
padding, lengthens the logits and pools a vector of the prompt instead of the text. Here the prompt is what a causal
model has already read (a cache), and what an encoder reads behind its first token, so that logits, positions and
pooling stay those of the text.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from peft import PeftModel
from peft.peft_model import PeftModelForSeq2SeqLM
from peft.utils import PeftType, _prepare_prompt_learning_config
from torch import nn
from transformers import LogitsProcessor, LogitsProcessorList

from bench.core.errors import InputError


def with_prompt(model: Any, config: Any) -> PeftModel:
    """Return a model that reads a learned prompt before its text.

    Args:
        model: a transformers model.
        config: peft's configuration of prompt, prefix or P-tuning.

    Returns:
        A peft model, whose `config` has only the positions that are left for the text.

    Raises:
        InputError: the prompt leaves no position, or the model's attention takes no prefix.
    """
    if config.peft_type == PeftType.PREFIX_TUNING and model.config.model_type == "distilbert":
        raise InputError("method.config: the attention of a distilbert model takes no prefix; use prompt tuning")
    config.num_transformer_submodules = 1
    if config.peft_type != PeftType.PREFIX_TUNING:  # peft looks for these under names that DistilBERT has not
        config.token_dim = model.get_input_embeddings().weight.shape[1]
        config.num_attention_heads = model.config.num_attention_heads
    if model.config.is_encoder_decoder:
        config.task_type = "SEQ_2_SEQ_LM"
        if config.peft_type == PeftType.PREFIX_TUNING:
            config.num_transformer_submodules = 2  # peft prefixes the self-attention of the decoder
        kind = PeftModelForSeq2SeqLM
    else:
        kind = PromptedWriter if model.get_output_embeddings() is not None else PromptedClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers what it has renamed
        return kind(model, _prepare_prompt_learning_config(config, model.config))


class PromptedWriter(PeftModel):  # type: ignore[misc]
    """A causal model that has read the prompt before any text.

    Padding on the left stands between prompt and text. Masks and positions leave it out; only layers that look back a
    fixed number of places, such as GPT-Neo's, look less far into the prompt past it.
    """

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self.config = _shortened(self.get_base_model().config, self._n_virtual)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        **given: Any,
    ) -> Any:
        """Return the base model's output for ids (B, T) alone, logits (B, T, V)."""
        return self.get_base_model()(
            input_ids=input_ids,
            attention_mask=self._extended(attention_mask),
            position_ids=None if position_ids is None else position_ids + self._n_virtual,
            past_key_values=self._read_prompt(len(input_ids)),
            **given,
        )

    def generate(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_processor: LogitsProcessorList | None = None,
        **given: Any,
    ) -> torch.Tensor:
        """Return ids (B, T + new) as the base model's `generate` does."""
        standing = input_ids.new_zeros(len(input_ids), self._n_virtual)  # transformers counts what the cache holds
        behind = LogitsProcessorList([_Behind(processor, self._n_virtual) for processor in logits_processor or ()])
        generated: torch.Tensor = self.get_base_model().generate(
            input_ids=torch.cat([standing, input_ids], dim=1),
            attention_mask=self._extended(attention_mask),
            past_key_values=self._read_prompt(len(input_ids)),
            logits_processor=behind,
            **given,
        )
        return generated[:, self._n_virtual :]

    @property
    def _n_virtual(self) -> int:
        return int(self.active_peft_config.num_virtual_tokens)

    def _extended(self, mask: torch.Tensor | None) -> torch.Tensor | None:
        return None if mask is None else torch.cat([mask.new_ones(len(mask), self._n_virtual), mask], dim=1)

    def _read_prompt(self, n_rows: int) -> Any:
        """Return the keys and values of the prompt at every layer."""
        prompt = self.get_prompt(n_rows)
        if self.peft_type == PeftType.PREFIX_TUNING:
            return prompt
        return self.get_base_model().base_model(inputs_embeds=prompt, use_cache=True).past_key_values


class PromptedClassifier(PeftModel):  # type: ignore[misc]
    """A classifier whose encoder reads the prompt behind its first token, which classifiers pool.

    A prefix stands in the keys and values of every layer instead, and has no position.
    """

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        encoder = self.get_base_model().base_model
        encoder.register_forward_pre_hook(self._before, with_kwargs=True)
        if self.peft_type != PeftType.PREFIX_TUNING:
            encoder.register_forward_hook(self._after)
            self.config = _shortened(self.get_base_model().config, self.active_peft_config.num_virtual_tokens)

    def _before(self, encoder: nn.Module, arguments: tuple[Any, ...], given: dict[str, Any]) -> Any:
        """Replace ids (B, T) by what the encoder shall read."""
        given = dict(given)
        ids = arguments[0] if arguments else given.pop("input_ids")
        mask = given.pop("attention_mask", None)
        mask = torch.ones_like(ids) if mask is None else mask  # (B, T)
        n_virtual = self.active_peft_config.num_virtual_tokens
        mask = torch.cat([mask.new_ones(len(mask), n_virtual), mask], dim=1)  # (B, n + T), padded on the right
        prompt = self.get_prompt(len(ids))
        if self.peft_type == PeftType.PREFIX_TUNING:
            hidden = (1.0 - mask[:, None, None].float()) * torch.finfo(torch.float32).min  # (B, 1, 1, n + T)
            given |= {
                "input_ids": ids,
                "position_ids": torch.arange(ids.shape[1], device=ids.device)[None],
                "attention_mask": hidden.expand(-1, -1, ids.shape[1], -1),
                "past_key_values": prompt,
            }
            return (), given
        words = self.get_base_model().get_input_embeddings()(ids)  # (B, T, H)
        read = torch.cat([words[:, :1], prompt, words[:, 1:]], dim=1)  # (B, n + T, H)
        return (), given | {"input_ids": None, "inputs_embeds": read, "attention_mask": mask}

    def _after(self, encoder: nn.Module, arguments: tuple[Any, ...], output: Any) -> Any:
        """Take the prompt out of the states (B, n + T, H) again."""
        states, n_virtual = output.last_hidden_state, self.active_peft_config.num_virtual_tokens
        output.last_hidden_state = torch.cat([states[:, :1], states[:, 1 + n_virtual :]], dim=1)
        return output


class _Behind(LogitsProcessor):  # type: ignore[misc]
    """Hide the places of the prompt from a processor that looks at ids."""

    def __init__(self, inner: Any, n_virtual: int) -> None:
        self._inner = inner
        self._n_virtual = n_virtual

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores (B, V) for ids (B, n + T)."""
        changed: torch.Tensor = self._inner(input_ids[:, self._n_virtual :], scores)
        return changed


def _shortened(config: Any, n_positions: int) -> Any:
    """Return a model's configuration with fewer positions, those that are left for the text."""
    limit = getattr(config, "max_position_embeddings", None)
    if limit is None:
        return config
    if n_positions >= limit:
        raise InputError(
            f"method.config.num_virtual_tokens = {n_positions} takes all of the {limit} positions that the model has; "
            f"give {limit - 1} or less, and leave room for the text"
        )
    left = copy.copy(config)
    left.max_position_embeddings = limit - n_positions
    return left
