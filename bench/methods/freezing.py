"""Methods that train some of the model's own parameters: all, the head, all but some modules, or some by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from bench.config import FreezeMethod, SelectMethod, SuiteConfig, TaskConfig
from bench.core.errors import InputError, suggest
from bench.materials.heads import untie_output_layer
from bench.methods.base import Method


class Full(Method):
    """Train every parameter."""

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Leave every parameter trainable."""
        return model.requires_grad_(True)


class HeadOnly(Method):
    """Train the head: modules outside the encoder, or the output layer of a language model.

    A language model whose output layer is tied to its input embeddings has no head of its own; it is untied first, so
    that the embeddings stay as they are.
    """

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Freeze all but the head."""
        model.requires_grad_(False)
        if model.get_output_embeddings() is not None:
            untie_output_layer(model).requires_grad_(True)
            return model
        for module in head_of(model):
            module.requires_grad_(True)
        return model

    def quiet(self, model: nn.Module) -> list[nn.Module]:
        """Return every frozen module."""
        return [module for module in model.modules() if _is_frozen(module)]


class Freeze(Method):
    """Train everything except some modules."""

    def __init__(self, table: FreezeMethod) -> None:
        self._table = table

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Freeze the modules.

        Raises:
            InputError: a pattern matches no module, or no list of layers is found.
        """
        model.requires_grad_(True)
        for name in self._names(model):
            model.get_submodule(name).requires_grad_(False)
        return model

    def quiet(self, model: nn.Module) -> list[nn.Module]:
        """Return the frozen modules, unless their dropout is wanted."""
        return [] if self._table.frozen_dropout else [model.get_submodule(name) for name in self._names(model)]

    def _names(self, model: Any) -> list[str]:
        if self._table.modules is None:
            return list(_lowest(model, self._table.layers or 0.0))
        names = [name for name, _ in model.named_modules() if name]
        frozen: list[str] = []
        for pattern in self._table.modules:
            matched = [name for name in names if fnmatchcase(name, pattern)]
            if not matched:
                tops = [name for name, _ in model.named_children()]
                raise InputError(f"method.modules: {pattern!r} matches no module of the model{suggest(pattern, tops)}")
            frozen += matched
        return [name for name in names if name in set(frozen)]


class Select(Method):
    """Train the parameters whose names match, and no others."""

    def __init__(self, table: SelectMethod) -> None:
        self._table = table

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Freeze all that does not match.

        Raises:
            InputError: a pattern matches no parameter.
        """
        model.requires_grad_(False)
        parameters = dict(model.named_parameters())
        for pattern in self._table.parameters:
            matched = [name for name in parameters if fnmatchcase(name, pattern)]
            if not matched:
                raise InputError(
                    f"method.parameters: {pattern!r} matches no parameter of the model, whose names are like "
                    f"{next(iter(parameters))}"
                )
            for name in matched:
                parameters[name].requires_grad_(True)
        if self._table.head:
            for module in head_of(model):
                module.requires_grad_(True)
        return model


def head_of(model: Any) -> list[nn.Module]:
    """Return the modules of a classifier outside its body; none for a model that writes text."""
    if model.get_output_embeddings() is not None:
        return []
    return [module for module in model.children() if module is not model.base_model]


def _is_frozen(module: nn.Module) -> bool:
    """Return whether a module has parameters and trains none; one without any, such as a head's dropout, is neither."""
    trains = [p.requires_grad for p in module.parameters()]
    return bool(trains) and not any(trains)


def _lowest(model: Any, share: float) -> Iterator[str]:
    """Yield the names of the input embeddings and of the lowest share of every stack of layers, rounded up."""
    stacks = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == _n_layers(model, name)
    ]
    if not stacks:
        raise InputError(
            "method.layers: the model has no list of layers of the length that its configuration names; name modules "
            "instead, with method.modules"
        )
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) or name.endswith("embeddings"):
            yield name
    for name, layers in stacks:
        for number in range(math.ceil(share * len(layers))):
            yield f"{name}.{number}"


def _n_layers(model: Any, name: str) -> int:
    config = model.config
    if "decoder" in name.split(".") and getattr(config, "num_decoder_layers", None) is not None:
        return int(config.num_decoder_layers)
    return int(config.num_hidden_layers)
