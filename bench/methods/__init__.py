"""How parameters are made trainable: one function per kind of `[methods.<name>]` table.

A method takes the loaded base model and its table, and returns the model to train. What it leaves trainable is what
gets an optimiser, what is saved, and what the record counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from bench import seeds
from bench.config import FreezeMethod, HeadOnlyMethod, Method
from bench.errors import InputError
from bench.methods import adapters, freezing

_KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "full": freezing.full,
    "head_only": freezing.head_only,
    "freeze": freezing.freeze,
    "peft": adapters.peft,
}


def apply_method(model: Any, method: Method, *, seed: int) -> Any:
    """Make a freshly loaded base model trainable the way a method says.

    Adapter weights are drawn from the run seed's "initial weights" stream.

    Args:
        model: a transformers model, changed in place.
        method: the resolved method table.
        seed: the run seed.

    Returns:
        The model to train: the same object, or peft's wrapper around it.

    Raises:
        InputError: a pattern matches no module, peft refuses its table, or nothing is left to train.
    """
    torch.manual_seed(seeds.derive(seed, "initial weights"))
    trained = _KINDS[method.kind](model, method)
    if not any(p.requires_grad for p in trained.parameters()):
        raise InputError(f"method of kind {method.kind!r} leaves no parameter to train; loosen its module patterns")
    return trained


def quiet_modules(model: nn.Module, method: Method) -> list[nn.Module]:
    """Return the frozen modules whose dropout must stay off while the rest trains."""
    if isinstance(method, FreezeMethod) and not method.frozen_dropout:
        return [m for name, m in model.named_modules() if any(fnmatchcase(name, pattern) for pattern in method.modules)]
    if isinstance(method, HeadOnlyMethod):
        return [m for m in model.modules() if _is_frozen(m)]
    return []


def _is_frozen(module: nn.Module) -> bool:
    """Return whether a module has parameters and trains none; one without any, such as a head's dropout, is neither."""
    trains = [p.requires_grad for p in module.parameters()]
    return bool(trains) and not any(trains)


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
