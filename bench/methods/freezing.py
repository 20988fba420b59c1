"""Methods that train some of the model's own parameters: all, the head, or all but named modules."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from bench.config import FreezeMethod, FullMethod, HeadOnlyMethod
from bench.errors import InputError, suggest
from bench.models import untie_output_layer


def full(model: Any, _: FullMethod) -> Any:
    """Train every parameter."""
    model.requires_grad_(True)
    return model


def head_only(model: Any, _: HeadOnlyMethod) -> Any:
    """Train the head: modules outside the encoder, or the output layer of a language model.

    A language model whose output layer is tied to its input embeddings has no head of its own; it is untied first, so
    that the embeddings stay as they are.
    """
    model.requires_grad_(False)
    if model.get_output_embeddings() is not None:
        untie_output_layer(model).requires_grad_(True)
        return model
    body = model.base_model
    for module in model.children():
        if module is not body:
            module.requires_grad_(True)
    return model


def freeze(model: Any, method: FreezeMethod) -> Any:
    """Train everything except the modules whose names match.

    Raises:
        InputError: a pattern matches no module.
    """
    model.requires_grad_(True)
    names = [name for name, _ in model.named_modules() if name]
    for pattern in method.modules:
        matched = [name for name in names if fnmatchcase(name, pattern)]
        if not matched:
            tops = [name for name, _ in model.named_children()]
            raise InputError(f"method.modules: {pattern!r} matches no module of the model{suggest(pattern, tops)}")
        for name in matched:
            model.get_submodule(name).requires_grad_(False)
    return model
