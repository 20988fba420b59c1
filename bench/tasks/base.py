"""What a kind of task is: its table (`TaskKind`), and what that becomes for one model and one seed (`Task`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from bench.config import Inputs, SplitName, TaskConfig

if TYPE_CHECKING:
    import torch

    from bench.config import SuiteConfig
    from bench.core.progress import Advance
    from bench.materials.fetch import Materials
    from bench.materials.splits import Example, Splits
    from bench.methods import Method
    from bench.records.predictions import Predictions
    from bench.records.record import JudgeSummary

Item = dict[str, Any]
"""One encoded example or window, as the task's own `collate` takes it; `index` is its position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLoss:
    """The loss of one batch."""

    loss: torch.Tensor
    """() mean over targets, padding masked; what the backward pass starts from."""
    n_targets: int
    """Targets that the mean is over."""
    unmasked: torch.Tensor | None = None
    """() mean over all label positions, padding counted as a target; None where labels are not padded."""
    n_correct: int | None = None
    """Examples classified right; None where the task does not classify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanTexts:
    """Texts by people in the place of generated ones."""

    predictions: Predictions
    """The texts, as if a model had predicted them; their losses mean nothing."""
    metric_inputs: tuple[Inputs, ...]
    """What they give to metrics."""


class Task:
    """One kind of input and output under one model and seed; derive from it and write what has no default."""

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Turn the examples of a split into items.

        Rows give one item each. Continuous texts give windows to train on, and one item a sample for `test`. `model`
        may be used for what it computes but cannot learn (frozen features).
        """
        raise NotImplementedError

    def encoded_by(self, split: SplitName) -> Hashable:
        """Return what the items of a split depend on besides rows, base model and task table, such as the run seed."""
        return None

    def training_model(self, model: Any) -> Any:
        """Return the model that training steps run: the same, or one that takes encoded features."""
        return model

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return a training batch of tensors, each (B, ...)."""
        raise NotImplementedError

    def model_inputs(self, batch: dict[str, torch.Tensor], part: int) -> dict[str, torch.Tensor]:
        """Return what one model of `base_models` is called with for a batch, labels included.

        The loss that a transformers model then returns is this task's loss of that part.

        Args:
            batch: from `collate`.
            part: position of the model among `base_models`.
        """
        return dict(batch)

    def n_tokens(self, item: Item) -> int:
        """Return how many tokens of text one item holds."""
        raise NotImplementedError

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the loss of a training batch."""
        raise NotImplementedError

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Predict for items of the test split, in their order; the model is in evaluation mode, gradients are off."""
        raise NotImplementedError

    def human_texts(self, splits: Splits) -> dict[str, HumanTexts]:
        """Return texts by people in the place of generated ones, by name; none where a task generates no style."""
        return {}

    def base_models(self, model: Any) -> list[Any]:
        """Return the models that a method was applied to: the one that trains, or the parts of it."""
        return [model]

    def writers(self, model: Any) -> Iterator[Any]:
        """Yield the models that predict text, each ready to use until the next is asked for."""
        yield model


class Train(Protocol):
    """Fine-tunes a model in place; see `bench.running.trainer.train`."""

    def __call__(
        self,
        model: Any,
        task: Task,
        items: Sequence[Item],
        validation: Sequence[Item],
        config: Any,
        *,
        seed: int,
        method: Method,
        advance: Advance,
    ) -> object:
        """Train."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A trained classifier on disk that scores what a model generates."""

    folder: Path
    """Model, tokenizer and `judge.json`, as `bench.metrics.style` reads them."""
    summary: JudgeSummary
    """How far it can be trusted."""


class TaskKind(TaskConfig):
    """Base of every kind: its `[task]` table, its facts, and how it becomes a model and a task."""

    def build_model(self, config: SuiteConfig, method: Method, load: Callable[[], Any], *, seed: int) -> Any:
        """Return the model that a suite trains: the base under its method.

        Args:
            config: the resolved suite.
            method: what its method table describes; see `bench.methods.applying.build`.
            load: returns a freshly loaded base model.
            seed: the run seed.

        Raises:
            InputError: the method does not fit the model.
        """
        from bench.methods.applying import apply_method

        return apply_method(load(), method, seed=seed, config=config)

    def build(self, config: SuiteConfig, tokenizer: Any, model: Any, *, seed: int) -> Task:
        """Return the task for one model.

        Args:
            config: the resolved suite.
            tokenizer: the base model's.
            model: the model as the method left it; decides whether features can be computed once.
            seed: the run seed; samples draw from it.

        Raises:
            InputError: the table does not fit the model or its tokenizer.
        """
        raise NotImplementedError

    def open_judge(
        self,
        config: SuiteConfig,
        materials: Materials,
        *,
        tokenizer: Any,
        device: torch.device,
        train: Train,
        stage: Callable[[str], AbstractContextManager[Advance]],
        folder: Path,
    ) -> Judge | None:
        """Return the classifier that scores what the model generates; none for a kind without one.

        Args:
            config: the resolved suite.
            materials: what was fetched, the models of `base_models` included.
            tokenizer: the base model's.
            device: where it may be trained.
            train: fine-tunes a model.
            stage: opens a stage of the run, by name.
            folder: the run folder, which gets a copy.

        Raises:
            InputError: the tables do not fit what was fetched.
            TrainingError: it cannot be trusted.
        """
        return None


def kind_of_task(config: SuiteConfig) -> TaskKind:
    """Return the kind of a suite's task, which builds model and task."""
    return cast(TaskKind, config.task)  # the module of every kind derives its table from it
