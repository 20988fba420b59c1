"""What a fine-tuning method is: the one class that built-in methods and those of users derive from.

A method says which parameters train. It may also bring an optimizer, callbacks, a term of the loss, and a way to fold
what it added into the base model. Whatever it leaves alone the project does: data, batches, training, scoring, saving.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import TrainerCallback

    from bench.config import SuiteConfig, TaskConfig, TrainingConfig


class Method:
    """One way to fine-tune; derive from it and write `apply`, the rest has defaults.

    An instance is made for every run from the `settings` of its table (`--set method.settings.rank=4`), which are the
    arguments of its constructor. Draws of weights belong into `apply`: torch is seeded from the run seed just before.
    """

    paper: ClassVar[str] = ""
    """Where the method comes from, for people."""
    changes_forward: bool = False
    """Whether the model may answer differently right after `apply`, as a randomly drawn prompt makes it; else a method
    that does so is refused, because every method shall start from the same model."""
    shares_base: bool = False
    """Whether two trained models may stand on one base as two peft adapters, as the writers of a style duel can."""

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Make a freshly loaded base model trainable.

        It is called again for a second writer, and to reload what was saved: what belongs to one model stays with it.

        Args:
            model: a transformers model on the CPU, in evaluation mode; it may be changed in place. Every parameter of
                it has a gradient: freeze what shall not train.
            config: the resolved suite; none for the judge of a style duel.
            task: its task table; its `kind` tells which.

        Returns:
            The model to train, with the same inputs and outputs; none means the one that was given. Parameters that
            require a gradient are trained, saved and counted.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what trains: write apply(self, model, config, task)")

    def optimizer(self, model: nn.Module, training: TrainingConfig) -> torch.optim.Optimizer | None:
        """Return the optimizer, whose learning rates the suite's schedule scales; none takes the suite's own.

        Args:
            model: the model to train, on its device; in a style duel it holds both writers.
            training: the suite's `[training]` table, the method's own values included.
        """
        return None

    def callbacks(self, model: nn.Module, training: TrainingConfig) -> Sequence[TrainerCallback]:
        """Return callbacks of transformers' Trainer; in a style duel, asked for once a base model."""
        return ()

    def penalty(self, model: nn.Module) -> torch.Tensor | None:
        """Return a () tensor that is added to the loss of every training batch; the curve shows the loss without."""
        return None

    def quiet(self, model: nn.Module) -> list[nn.Module]:
        """Return the modules that stay in evaluation mode, their dropout off, while the rest trains."""
        return []

    def merge(self, model: Any) -> Any:
        """Return a plain transformers model that answers as the trained one, for `training.save = 'merged'`."""
        return model
