"""Method tables made methods, and methods applied to freshly loaded models and checked."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import nn

from bench.config import (
    FreezeMethod,
    FullMethod,
    HeadOnlyMethod,
    MethodConfig,
    PeftMethod,
    PluginMethod,
    SelectMethod,
    SuiteConfig,
)
from bench.core import seeds
from bench.core.errors import InputError
from bench.methods.adapters import Peft
from bench.methods.base import Method
from bench.methods.data_starts import DataStart
from bench.methods.freezing import Freeze, Full, HeadOnly, Select
from bench.methods.peft_options import DATA_STARTS
from bench.methods.plugins import load_plugin
from bench.methods.user_method import explain_errors, name_of

_PROBE_TOKENS = 8
_PROBE_TOLERANCE = 1e-3
"""Largest change of a logit, as a share of the largest logit, that counts as rounding."""


def build(table: MethodConfig) -> Method:
    """Return the method that a table describes.

    Raises:
        InputError: a user's method cannot be loaded; see `bench.methods.plugins.load_plugin`.
    """
    match table:
        case FullMethod():
            return Full()
        case HeadOnlyMethod():
            return HeadOnly()
        case FreezeMethod():
            return Freeze(table)
        case SelectMethod():
            return Select(table)
        case PeftMethod():
            return DataStart(table) if table.config.get("init_lora_weights") in DATA_STARTS else Peft(table)
        case PluginMethod():
            return load_plugin(table)


def apply_method(model: Any, method: Method, *, seed: int, config: SuiteConfig | None = None) -> Any:
    """Make a freshly loaded base model trainable the way a method says.

    New weights are drawn from the run seed's "initial weights" stream.

    Args:
        model: a transformers model, changed in place.
        method: what `build` returned.
        seed: the run seed.
        config: the resolved suite; none for the judge of a style duel.

    Returns:
        The model to train, in evaluation mode: the same object, or a wrapper around it such as peft's.

    Raises:
        InputError: a pattern matches no module, peft refuses its table, a user's method fails, nothing is left to
            train, or the model answers differently from the base without being meant to.
    """
    before = answers_of(model, method)
    model.requires_grad_(True)
    torch.manual_seed(seeds.derive(seed, "initial weights"))
    trained = method.apply(model, config, None if config is None else config.task)
    trained = model if trained is None else trained
    if not isinstance(trained, nn.Module):
        raise InputError(
            f"method {name_of(method)}: apply returned {type(trained).__name__}; return the model to train"
        )
    if not any(p.requires_grad for p in trained.parameters()):
        raise InputError(f"method {name_of(method)} leaves no parameter to train; loosen what it freezes")
    trained.eval()
    check_unchanged(trained, method, before)
    return trained


def answers_of(model: Any, method: Method) -> torch.Tensor | None:
    """Return logits by which `check_unchanged` knows a model again; none where the method may change them."""
    with torch.inference_mode():
        return None if method.changes_forward else probe(model)


def check_unchanged(model: Any, method: Method, before: torch.Tensor | None, *, hook: str = "apply") -> None:
    """Refuse a method that changes the model before the first step without being meant to.

    Args:
        model: what the method left.
        method: what made it.
        before: of the model before, from `answers_of`.
        hook: what of the method came between.

    Raises:
        InputError: the answers differ, or there are none.
    """
    if before is None:
        return
    doing = f"the forward pass of the model that {hook} left"
    with explain_errors(method, doing, InputError), torch.inference_mode():
        try:
            after = probe(model)
        except (RuntimeError, ValueError, TypeError, AttributeError, LookupError) as error:
            if not isinstance(method, Peft) or isinstance(error, torch.OutOfMemoryError):
                raise
            raise InputError(
                f"method.config: the model cannot be run with it: {type(error).__name__}: {error}"
            ) from error
    if after is None or after.shape != before.shape:
        shape = "none" if after is None else tuple(after.shape)
        raise InputError(
            f"method {name_of(method)}: its model gives logits {shape}, the base model {tuple(before.shape)}"
        )
    change, largest = float((after - before).abs().max()), float(before.abs().max())
    if not change <= _PROBE_TOLERANCE * largest:
        if isinstance(method, Peft):
            named, mend = (
                "method.config",
                "every method here starts from the base's answers: choose another start of it",
            )
        else:
            named = f"method {name_of(method)}"
            mend = "let what it adds start without effect, or set changes_forward = True in its class if that is meant"
        raise InputError(
            f"{named} changes the model before the first step: logits move by up to {change:.3g}, where the largest is "
            f"{largest:.3g}; {mend}"
        )


def probe(model: Any) -> torch.Tensor | None:
    """Return the logits for two short made-up texts; none without weights."""
    device = next(model.parameters()).device
    if device.type == "meta":
        return None
    n_tokens = min(_PROBE_TOKENS, getattr(model.config, "max_position_embeddings", _PROBE_TOKENS))
    n_vocabulary, end = model.config.vocab_size, getattr(model.config, "eos_token_id", None)
    ids = (torch.arange(2 * n_tokens).view(2, n_tokens) * 7 + 5) % n_vocabulary  # (2, T)
    if isinstance(end, int) and end < n_vocabulary:  # classifiers such as BART's read the end of a text, and need one
        ids = ids.masked_fill(ids == end, (end + 1) % n_vocabulary)
        ids[:, -1] = end
    ids = ids.to(device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if getattr(model.config, "is_encoder_decoder", False):
        inputs["decoder_input_ids"] = ids
    logits: torch.Tensor = model(**inputs).logits
    return logits.float()


def trainable_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the trainable parameters by name, on the CPU."""
    return {name: p.detach().cpu().contiguous() for name, p in model.named_parameters() if p.requires_grad}


def state_hash(state: dict[str, torch.Tensor]) -> str:
    """Return the sha256 over names, shapes, types and bytes of a state."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name]
        digest.update(f"{name}|{tuple(tensor.shape)}|{tensor.dtype}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
