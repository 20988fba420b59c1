"""One metric by its name: what `bench.score` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.config import Scalar
    from bench.records.score import Score


def score(
    metric: str,
    predictions: Sequence[str | float | Sequence[str]],
    references: Sequence[str | float | Sequence[str]],
    **options: Scalar,
) -> Score:
    """Score predictions against references, with an interval over examples.

    Args:
        metric: name of a metric, such as `rouge1`.
        predictions: texts, label numbers or losses, as `bench list metrics` says of the metric's inputs.
        references: as many; of a text, one or a list of several.
        options: the metric's own options, such as `stemmer=False`.

    Raises:
        InputError: the metric or an option is unknown, or the inputs do not fit it.
    """
    from bench import metrics
    from bench.metrics.score import score as score_with

    return score_with(metrics.build(metric, options), predictions, references)[0]
