"""Two authors, a writer each, trained in the same steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch

from bench.config import Inputs
from bench.tasks.base import Item
from bench.tasks.style_duel.writers import N_WRITERS
from bench.tasks.writing.task import Writing


class StyleDuel(Writing):
    """Two authors, a writer each."""

    human_inputs: ClassVar[tuple[Inputs, ...]] = ("generations", "styles")

    def _logits(self, model: Any, ids: torch.Tensor) -> Sequence[torch.Tensor]:
        logits: Sequence[torch.Tensor] = model(ids)
        return logits

    def _writer(self, model: Any, author: int) -> Any:
        return model.writer(author)

    def _references(self, items: Sequence[Item]) -> tuple[int, ...]:
        return tuple(item["author"] for item in items)

    def base_models(self, model: Any) -> list[Any]:
        """Return what stands on a base model of its own: both writers, or the one base that they share."""
        return list(model.models)

    def writers(self, model: Any) -> Iterator[Any]:
        """Yield both writers, each ready until the next is asked for."""
        for number in range(N_WRITERS):
            yield model.writer(number)
