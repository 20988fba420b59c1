"""A user's method as the rest of bench sees it: whatever goes wrong in it is one message that names its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.errors import BenchError, InputError, TrainingError
from bench.core.plugins import described
from bench.methods.base import Method

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import TrainerCallback

    from bench.config import SuiteConfig, TaskConfig, TrainingConfig


class UserMethod(Method):
    """Wraps a user's method, and explains what its code raises; errors of ours pass unchanged."""

    def __init__(self, method: Method) -> None:
        self.method = method
        """The user's own."""
        self.changes_forward = method.changes_forward
        self.shares_base = method.shares_base

    def apply(self, model: Any, config: SuiteConfig | None, task: TaskConfig | None) -> Any:
        """Call the user's `apply`."""
        with explain_errors(self, "apply", InputError):
            return self.method.apply(model, config, task)

    @property
    def wrapped(self) -> Method:
        """Return the user's own."""
        return self.method

    def prepare(self, model: Any, batches: Iterator[dict[str, torch.Tensor]]) -> None:
        """Call the user's `prepare`."""
        with explain_errors(self, "prepare", InputError):
            prepare: Any = self.method.prepare
            returned = prepare(model, batches)
        if returned is not None and returned is not model:
            raise InputError(
                f"method {name_of(self)}: prepare returned {type(returned).__name__}, which would be lost; change the "
                "model in place"
            )

    def restore(self, model: Any, saved: Mapping[str, torch.Tensor]) -> None:
        """Call the user's `restore`."""
        with explain_errors(self, "restore"):
            self.method.restore(model, saved)

    def loss(
        self, model: Any, batch: dict[str, torch.Tensor], labels: torch.Tensor, outputs: Any
    ) -> torch.Tensor | None:
        """Call the user's `loss`; training says at which step an error was."""
        return self.method.loss(model, batch, labels, outputs)

    def gradients(self, model: nn.Module, closure: Callable[[], torch.Tensor]) -> None:
        """Call the user's `gradients`; training says at which step an error was."""
        self.method.gradients(model, closure)

    def optimizer(self, model: nn.Module, training: TrainingConfig) -> torch.optim.Optimizer | None:
        """Call the user's `optimizer`."""
        with explain_errors(self, "its optimizer"):
            return self.method.optimizer(model, training)

    def callbacks(self, model: nn.Module, training: TrainingConfig) -> Sequence[TrainerCallback]:
        """Call the user's `callbacks`."""
        with explain_errors(self, "its callbacks"):
            return list(self.method.callbacks(model, training))

    def penalty(self, model: nn.Module) -> torch.Tensor | None:
        """Call the user's `penalty`; training, which asks for it, says at which step an error was."""
        return self.method.penalty(model)

    def quiet(self, model: nn.Module) -> list[nn.Module]:
        """Call the user's `quiet`."""
        with explain_errors(self, "setting up its training"):
            return self.method.quiet(model)

    def merge(self, model: Any) -> Any:
        """Call the user's `merge`."""
        with explain_errors(self, "merge", InputError):
            return self.method.merge(model)


def name_of(method: Method) -> str:
    """Return the name of a method's class, as messages show it."""
    return type(method.wrapped).__name__


@contextmanager
def explain_errors(
    method: Method, doing: str | Callable[[], str], error_type: type[BenchError] = TrainingError
) -> Iterator[None]:
    """Explain what is raised inside the block by a user's method, or by the model that it made.

    Errors of ours pass, and so does everything where the method is built in: that is a bug of ours. Want of memory
    passes too; the run says what helps.

    Args:
        method: what is being run.
        doing: what it does, for the message; a function is asked when something went wrong.
        error_type: what is raised instead.
    """
    try:
        yield
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # an exit of theirs would end the command as if all were well
        import torch

        if not isinstance(method, UserMethod) or isinstance(error, torch.OutOfMemoryError):
            raise
        file = Path(inspect.getfile(type(method.method)))
        activity = doing if isinstance(doing, str) else doing()
        raise error_type(f"{file.name}:{name_of(method)}: {activity} raised {described(error, file)}") from error
