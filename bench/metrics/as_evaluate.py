"""Every metric as an `evaluate.Metric`, for code that already speaks the `evaluate` library.

    >>> from bench.metrics.as_evaluate import load
    >>> load("rouge1", stemmer=False).compute(predictions=["the cat sat"], references=["the cat sat"])
    {'rouge1': 100.0}

Unlike `evaluate.load`, this fetches no code and opens no connection. Importing this module imports `evaluate`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import evaluate

from bench.config import Scalar
from bench.core.errors import InputError
from bench.metrics import Inputs, Metric, build, open_resources
from bench.metrics.inputs import check_inputs

_TEXT, _NUMBER, _NAMES = datasets.Value("string"), datasets.Value("int64"), datasets.List(datasets.Value("string"))
_FEATURES: dict[Inputs, list[dict[str, Any]]] = {
    "texts": [{"predictions": _TEXT, "references": _NAMES}],
    "labels": [{"predictions": _TEXT, "references": _TEXT}, {"predictions": _NUMBER, "references": _NUMBER}],
    "losses": [{"predictions": datasets.Value("float64"), "references": _NUMBER}],
    "generations": [{"predictions": _TEXT}],
    "styles": [{"predictions": _TEXT, "references": _NUMBER}],
    "tags": [{"predictions": _NAMES, "references": _NAMES}],
}
"""What `evaluate` stores for each kind of input, or what it chooses from by the first row; references that are not
looked at are not stored."""


class BenchMetric(evaluate.Metric):  # type: ignore[misc]
    """A `bench` metric behind `evaluate`'s interface; `compute` returns `{name: value}` in the spec's unit."""

    def __init__(self, metric: Metric, **settings: Any) -> None:
        self.metric = metric
        # Instances with one experiment id share a cache file and wait for its lock; `combine` holds several at once.
        settings.setdefault("experiment_id", f"{metric.spec.name}-{uuid.uuid4().hex}")
        super().__init__(**settings)
        # evaluate derives the name from the class; `combine` prefixes results with it.
        self.info.module_name = metric.spec.name

    def _info(self) -> evaluate.MetricInfo:
        spec = self.metric.spec
        stored = _FEATURES[spec.inputs]
        features = [datasets.Features(sides) for sides in stored]
        direction = "higher is better" if spec.higher_is_better else "lower is better"
        return evaluate.MetricInfo(
            description=f"{spec.title} in {spec.unit}, {spec.low} to {spec.high}, {direction}.",
            citation=spec.source,
            inputs_description=f"{' and '.join(stored[0])}: {spec.inputs}, one of each per example.",
            features=features if len(features) > 1 else features[0],
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **others: Any) -> None:
        """Add rows, checked as `bench.score` checks them.

        Raises:
            InputError: they are not what the metric reads, or of another kind than the rows before.
        """
        spec = self.metric.spec
        given = check_inputs(spec.name, spec.inputs, predictions, () if references is None else references)
        batch = dict(zip(_FEATURES[spec.inputs][0], given, strict=False))
        try:
            evaluate.Metric.add_batch(self, **batch, **others)
        except (ValueError, TypeError) as error:
            raise InputError(f"{spec.name}: these rows do not fit those before them ({error})") from None

    def add(self, *, prediction: Any = None, reference: Any = None, **others: Any) -> None:
        """Add one row, as `add_batch` adds several."""
        self.add_batch(predictions=[prediction], references=[reference], **others)

    def _compute(self, predictions: Sequence[Any], references: Sequence[Any] = ()) -> dict[str, float]:
        statistics = self.metric.statistics(predictions, references)
        return {self.metric.spec.name: float(self.metric.aggregate(statistics.sum(axis=0)))}


def load(
    name: str,
    *,
    model_path: Path | None = None,
    model_identity: str | None = None,
    corpus: str | None = None,
    n_classes: int | None = None,
    settings: dict[str, Any] | None = None,
    **options: Scalar,
) -> BenchMetric:
    """Return a metric as an `evaluate.Metric`.

    Args:
        name: one of `bench.metrics.METRIC_NAMES`.
        model_path: as `bench.metrics.open_resources`.
        model_identity: as `bench.metrics.open_resources`.
        corpus: as `bench.metrics.open_resources`.
        n_classes: as `bench.metrics.build`.
        settings: arguments of `evaluate.Metric` itself, such as `cache_dir`, `keep_in_memory` or `num_process`;
            distributed use also needs one `experiment_id` for all processes.
        options: the metric's options.

    Raises:
        InputError: as `bench.metrics.build`.
    """
    resources = open_resources(name, model_path=model_path, model_identity=model_identity, corpus=corpus)
    metric = build(name, options, resources=resources, n_classes=n_classes)
    return BenchMetric(metric, **(settings or {}))
