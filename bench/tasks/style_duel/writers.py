"""Two writers from one base model, trained side by side in one optimiser."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.methods import Method
from bench.methods.applying import apply_method
from bench.methods.base import defines
from bench.methods.user_method import explain_errors

N_WRITERS = 2


class Writers(nn.Module):  # type: ignore[misc]
    """Both writers as one module.

    Their parameters are disjoint, so Adam moves each as if it trained alone; only clipping by norm would couple them.
    A method that allows it shares one frozen base: each writer is an adapter on it. Any other method gets a copy of the
    base for each.
    """

    def __init__(
        self, load: Callable[[], Any], method: Method, *, seed: int, config: SuiteConfig | None = None
    ) -> None:
        """Build both.

        Args:
            load: returns a freshly loaded base model.
            method: what is trained of it.
            seed: the run seed; both start from the same base, adapters on a shared one from draws of their own.
            config: the resolved suite.

        Raises:
            InputError: the method does not fit the model, or cannot be there twice.
        """
        super().__init__()
        self._shares_base = method.shares_base and not defines(method, "prepare")
        """What batches show of one author is not the other's to start from."""
        first = apply_method(load(), method, seed=seed, config=config)
        if self._shares_base:
            doing = "a second adapter on its base (shares_base)"
            try:
                with warnings.catch_warnings(), explain_errors(method, doing, InputError):
                    warnings.simplefilter("ignore")  # whatever peft says it has said of the first
                    first.add_adapter("second", first.peft_config["default"])
            except ValueError as error:
                raise InputError(
                    f"method.config: peft refuses it for two writers on one base: {error}; choose another method"
                ) from None
            self.models = nn.ModuleList([first])
            self._adapters = [
                [p for n, p in first.named_parameters() if f".{name}." in f"{n}."] for name in ("default", "second")
            ]
            self.writer(0)
        else:
            self.models = nn.ModuleList([first, apply_method(load(), method, seed=seed, config=config)])

    @property
    def config(self) -> Any:
        """Return the base model's configuration."""
        return self.models[0].config

    def writer(self, number: int) -> Any:
        """Return one writer, ready to generate; of a shared base, the adapter is switched."""
        if not self._shares_base:
            return self.models[number]
        model = self.models[0]
        model.set_adapter(("default", "second")[number])
        for parameters in self._adapters:  # peft freezes the adapter it switches off; here both are in training
            for parameter in parameters:
                parameter.requires_grad_(True)
        return model

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the logits (B, W, V) of each writer on its own windows, from ids (B, 2, W)."""
        return tuple(
            self.writer(number)(input_ids=input_ids[:, number], use_cache=False).logits for number in range(N_WRITERS)
        )
