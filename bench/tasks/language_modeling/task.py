"""One author, one writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from bench.tasks.base import Item
from bench.tasks.writing.task import Writing


class LanguageModeling(Writing):
    """One author."""

    def _logits(self, model: Any, ids: torch.Tensor) -> Sequence[torch.Tensor]:
        return (model(input_ids=ids[:, 0], use_cache=False).logits,)

    def _writer(self, model: Any, author: int) -> Any:
        return model

    def _references(self, items: Sequence[Item]) -> tuple[str, ...]:
        return tuple(item["human"] for item in items)
