"""How it trains: `[training]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bench.core.schema import Strict


class TrainingConfig(Strict):
    """Optimisation, as given to `transformers.Trainer`."""

    epochs: int | None = Field(default=None, ge=1)
    """Passes over the training rows; give this or `steps`."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; give this or `epochs`."""
    batch_size: int = Field(ge=1)
    """Examples per optimiser step."""
    evaluation_batch_size: int = Field(default=32, ge=1)
    """Examples per batch when predicting."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """`adam` is Adam without weight decay."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay (AdamW)."""
    scheduler: Literal["constant", "linear", "cosine"] = "constant"
    """Shape of the learning rate after warm-up."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the learning rate rises from 0."""
    max_grad_norm: float = Field(default=0.0, ge=0)
    """Gradients are clipped to this norm; 0 does not clip."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of forward and backward passes; weights stay in float32."""
    save: Literal["trainable", "pretrained", "merged"] = "trainable"
    """Keep the trained parameters alone; the whole model by `save_pretrained` (of a peft method its adapter alone); or
    the whole model after the method has folded what it added into the base."""
    evaluate_every_steps: int | None = Field(default=None, ge=1)
    """Also predict the test rows before the first step, after every so many, and after the last: a curve."""
    evaluate_metrics: tuple[str, ...] = ()
    """Metrics of that curve; empty: the primary metric."""

    @model_validator(mode="after")
    def _one_budget(self) -> TrainingConfig:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give exactly one of epochs and steps")
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError("weight_decay needs optimizer = 'adamw' (or 'sgd'); 'adam' has none")
        return self
