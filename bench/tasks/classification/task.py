"""One label per text.

Where the whole encoder is frozen and its dropout is off, it gives the same vector for a text in every epoch. That
vector is computed once, and the head trains on it: same losses, a small part of the time.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPooling

from bench.config import FreezeMethod, HeadOnlyMethod, MethodConfig, SplitName
from bench.core.progress import Advance
from bench.materials.mean_pooled import MeanPooledClassifier, mean_over_tokens
from bench.materials.splits import Example
from bench.methods.applying import state_hash
from bench.records.predictions import INPUT_CHARACTERS, Predictions
from bench.tasks.base import BatchLoss, Item, Task
from bench.tasks.batches import by_length, check_length, on_device, token_inputs

if TYPE_CHECKING:
    from bench.tasks.classification import ClassificationTask


class FrozenFeatures(torch.nn.Module):  # type: ignore[misc]
    """Stands where the encoder stood and passes on features that the encoder has already computed."""

    def forward(self, *_: Any, inputs_embeds: torch.Tensor, **__: Any) -> BaseModelOutputWithPooling:
        """Return features (B, 1, H) both as the only token's state and as the pooled state (B, H)."""
        return BaseModelOutputWithPooling(last_hidden_state=inputs_embeds, pooler_output=inputs_embeds[:, 0])


def encoder_is_fixed(model: Any, method: MethodConfig) -> bool:
    """Return whether the encoder gives the same output for a text at every step of training."""
    quiet = isinstance(method, HeadOnlyMethod) or (isinstance(method, FreezeMethod) and not method.frozen_dropout)
    return quiet and not any(p.requires_grad for p in model.base_model.parameters())


class Classification(Task):
    """Encoding, loss and prediction for texts with one label each."""

    def __init__(
        self,
        task: ClassificationTask,
        tokenizer: Any,
        model: Any,
        method: MethodConfig,
        *,
        batch_size: int,
        reuse_features: bool = True,
    ) -> None:
        check_length(model, task.max_length_tokens)
        self._task = task
        self._mean = isinstance(model, MeanPooledClassifier)
        self.tokenizer = tokenizer
        self._fixed = reuse_features and encoder_is_fixed(model, method)
        self._batch_size = batch_size
        self._body: Any = model.base_model if self._fixed else None

    def encode(self, model: Any, examples: Sequence[Example], split: SplitName, *, advance: Advance) -> list[Item]:
        """Tokenize; where the encoder is fixed, replace tokens by the vector that the head reads."""
        texts = [example.input for example in examples]
        encoded = self.tokenizer(texts, truncation=True, max_length=self._task.max_length_tokens)["input_ids"]
        items: list[Item] = [
            {"input_ids": ids, "n_tokens": len(ids), "label": example.number, "example": example, "index": i}
            for i, (ids, example) in enumerate(zip(encoded, examples, strict=True))
        ]
        if self._fixed:
            self._add_features(model, items, advance)
        else:
            advance(len(items))
        return items

    def _add_features(self, model: Any, items: list[Item], advance: Advance) -> None:
        body = model.base_model
        with torch.inference_mode():
            for positions in by_length([item["n_tokens"] for item in items], self._batch_size):
                batch = on_device(self._tokens([items[i] for i in positions]), model)
                output = body(**batch)
                if self._mean:
                    features = mean_over_tokens(output.last_hidden_state, batch["attention_mask"])
                elif getattr(output, "pooler_output", None) is not None:
                    features = output.pooler_output
                else:
                    features = output.last_hidden_state[:, 0]
                for i, vector in zip(positions, features.float().cpu().numpy(), strict=True):
                    items[i]["features"] = vector  # (H,)
                    del items[i]["input_ids"]
                advance(len(positions))

    def encoded_by(self, split: SplitName) -> Hashable:
        """Return whether items hold features, of which weights, and in which batches, which move low-order bits."""
        return ("features", self._batch_size, self._body_weights) if self._fixed else "tokens"

    @functools.cached_property
    def _body_weights(self) -> str:
        """Return a hash of the body: a checkpoint may lack a layer of it, such as the pooler, that the seed draws."""
        return state_hash({name: p.detach().cpu().contiguous() for name, p in self._body.named_parameters()})

    def training_model(self, model: Any) -> Any:
        """Return a view of the model that takes features, sharing the head; or the model itself."""
        if not self._fixed:
            return model
        view = copy.copy(model)
        view._modules = dict(model._modules) | {model.base_model_prefix: FrozenFeatures()}
        return view

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return inputs and `labels` (B,)."""
        labels = torch.tensor([item["label"] for item in items], dtype=torch.long)
        return self._inputs(items) | {"labels": labels}

    def _inputs(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        if "features" not in items[0]:
            return self._tokens(items)
        features = torch.from_numpy(np.stack([item["features"] for item in items])).unsqueeze(1)  # (B, 1, H)
        return {"inputs_embeds": features, "attention_mask": torch.ones(len(items), 1, dtype=torch.long)}

    def _tokens(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        width = self._task.max_length_tokens if self._task.padding == "max_length" else None
        return token_inputs([item["input_ids"] for item in items], self.tokenizer, width=width)

    def n_tokens(self, item: Item) -> int:
        """Return the tokens of one text, padding not counted."""
        return int(item["n_tokens"])

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> BatchLoss:
        """Return the cross-entropy of the logits, and how many labels they get right."""
        labels = batch.pop("labels")
        logits = model(**batch).logits  # (B, n_labels)
        return BatchLoss(
            loss=functional.cross_entropy(logits, labels),
            n_targets=len(labels),
            n_correct=int((logits.argmax(dim=-1) == labels).sum()),
        )

    def predict(self, model: Any, items: Sequence[Item], *, batch_size: int, advance: Advance) -> Predictions:
        """Return the label with the greatest logit for each text."""
        runnable = self.training_model(model)
        labels = np.zeros(len(items), dtype=np.int64)
        losses = np.zeros(len(items), dtype=np.float64)
        targets = torch.tensor([item["label"] for item in items])
        for positions in by_length([item["n_tokens"] for item in items], batch_size):
            batch = on_device(self._inputs([items[i] for i in positions]), model)
            logits = runnable(**batch).logits.float().cpu()  # (B, n_labels)
            labels[positions] = logits.argmax(dim=-1).numpy()
            losses[positions] = functional.cross_entropy(logits, targets[positions], reduction="none").numpy()
            advance(len(positions))
        examples = [item["example"] for item in items]
        return Predictions(
            ids=tuple(example.id for example in examples),
            inputs=tuple(example.input[:INPUT_CHARACTERS] for example in examples),
            references=tuple(example.number for example in examples),
            predictions=tuple(int(label) for label in labels),
            losses_nats=losses,
            n_targets=np.ones(len(items), dtype=np.int64),
        )
