"""What a fine-tuning method is: the one class that built-in methods and those of users derive from.

A method says which parameters train. It may also look at training batches before the first step, bring an optimizer,
callbacks and a loss of its own, change gradients between the backward pass and the step, and fold what it added into
the base model. Whatever it leaves alone the project does: data, batches, training, scoring, saving. Hooks that a method
does not write cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

    @property
    def wrapped(self) -> Method:
        """Return the method itself; of one that stands around a user's, that."""
        return self

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

    def prepare(self, model: Any, batches: Iterator[dict[str, torch.Tensor]]) -> None:
        """Change the model in place by what training batches show of it, before anything is predicted or trained.

        Starts that need data belong here: gradients or activations of the first batches, statistics of layers. Called
        once a model after `apply`; in a style duel, once a base model. Random numbers come from a stream of its own.
        What it leaves in parameters that do not train, and in buffers, is saved too where it differs from what `apply`
        makes.

        Args:
            model: what `apply` left, on its device, in evaluation mode, with gradients on. Gradients that are left in
                it are cleared.
            batches: one pass over the training rows in an order of its own, drawn from the run seed, in batches of
                `training.batch_size`, on the model's device. Each holds the arguments of the model, labels included:
                `model(**batch).loss` is the loss that training starts from. Take no more than are needed.
        """

    def restore(self, model: Any, saved: Mapping[str, torch.Tensor]) -> None:
        """Give a model that `apply` has just made the shape of a saved one, where `prepare` or training changed it.

        Args:
            model: what `apply` left.
            saved: the tensors that were saved, by their names in the model; they are loaded after this.
        """

    def loss(
        self, model: Any, batch: dict[str, torch.Tensor], labels: torch.Tensor, outputs: Any
    ) -> torch.Tensor | None:
        """Return the loss () to descend in the place of the task's; none takes the task's.

        The curve, and every loss in the record, stay the task's, so that methods can be compared by them.

        Args:
            model: the model that trains; in a style duel, called once for every author.
            batch: the arguments that the model was called with, labels left out: another model that is called with them
                answers for the same positions.
            labels: what is to be predicted, (B,) or (B, T); -100 where nothing is.
            outputs: what the model returned: `outputs.logits`, and as `outputs.loss` the task's own loss (), a mean
                over the targets of the batch.
        """
        return None

    def gradients(self, model: nn.Module, closure: Callable[[], torch.Tensor]) -> None:
        """Change gradients in place between the backward pass and the optimizer's step, clipping still to come.

        Methods of two steps belong here, such as SAM: move the weights, call `closure`, move them back.

        Args:
            model: the model that trains, its gradients from the batch at hand; in a style duel, both writers. Under
                `training.precision = "float16"` gradients are scaled by one factor.
            closure: clears the gradients, runs forward and backward pass on the same batch again, at the weights as
                they are then, and returns the loss ().
        """

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


def defines(method: Method, hook: str) -> bool:
    """Return whether a method writes a hook of its own, such as `prepare`, rather than leave it as it is here."""
    own = method.wrapped
    return getattr(type(own), hook) is not getattr(Method, hook)
