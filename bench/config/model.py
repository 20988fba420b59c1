"""The base model: `[model]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from bench.config.sources import Source
from bench.core.schema import Strict

Family = Literal["sequence_classification", "token_classification", "seq2seq", "causal"]
"""Which head a model carries: labels of a text, labels of its words, text written after reading, text continued."""


class Architecture(Strict):
    """A transformers configuration written out, so that parameters can be counted without any weights."""

    model_type: str
    """The transformers model type, such as `distilbert` or `t5`."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """Configuration values that differ from that type's defaults."""


class ModelConfig(Strict):
    """The base model, before a method touches it."""

    source: Source
    """Where weights and tokenizer come from."""
    family: Family
    """Which head the base model carries."""
    pooling: Literal["architecture", "mean"] = "architecture"
    """`architecture` uses the head transformers ships; `mean` averages token vectors before the same head."""
    new_head: bool | None = None
    """`true` trains a freshly drawn head where the base weights bring one that does not fit, or one not to be kept.
    Without, a head that they bring is trained on, and one that they lack is new."""
    architecture: Architecture | None = None
    """For counting parameters without weights, and for `random_weights`."""
    total_parameters: int | None = Field(default=None, ge=1)
    """What the loaded base model must count, head included; a mismatch stops the run."""
