"""How one metric is applied: `[metrics.<name>]`."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field

from bench.config.sources import Source
from bench.core.schema import Scalar, Strict

Inputs = Literal["texts", "labels", "losses", "generations", "styles", "tags"]
"""What a metric reads.

`texts`: predicted and reference strings; a reference may be a list of several. `labels`: class numbers. `losses`:
summed negative log-likelihood in nats as predictions, token counts as references. `generations`: texts as predictions;
references are not looked at. `styles`: texts as predictions, and the number of the author each is meant to be by as
references. `tags`: of each example the labels of its words, as names or numbers.
"""


class UserMetric(NamedTuple):
    """Where a metric of the user's own is defined."""

    use: str
    sha256: str | None


USER_METRICS: dict[str, UserMetric] = {}
"""Name -> the user's metric of that name, in the configs that this process read: reports know a metric by name."""


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
