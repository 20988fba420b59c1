"""How one metric is applied: `[metrics.<name>]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.config.inputs import USER_METRICS, Inputs, UserMetric
from bench.config.sources import Source
from bench.core.schema import Scalar, Strict

__all__ = ["USER_METRICS", "Inputs", "MetricConfig", "UserMetric"]


class MetricConfig(Strict):
    """How one metric is applied; the table's key is the metric's name."""

    first_rows: int | None = Field(default=None, ge=1)
    """Score only the first rows of the test split."""
    prediction: Literal["full", "short"] = "full"
    """Score the whole prediction, or its first `task.short_new_tokens` tokens."""
    model: Source | None = None
    """The model a learned metric such as BERTScore runs."""
    options: dict[str, Scalar] = Field(default_factory=dict)
    """Options of the metric itself."""
    use: str | None = Field(default=None, pattern=r"^[^:]+:[A-Za-z_]\w*$")
    """A metric of the user's own: `path/to/file.py:Name` or `package.module:Name`, a `bench.metrics.Metric`."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Hash of the file that defines it, so that another version is another config."""
