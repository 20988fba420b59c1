"""One metric layer: names, and how a name becomes a metric.

    >>> from bench import metrics
    >>> rouge = metrics.build("rouge1", {"stemmer": False})
    >>> statistics = rouge.statistics(["the cat sat"], ["the cat slept"])   # (n_examples, n_statistics)
    >>> float(rouge.aggregate(statistics.sum(axis=0)).round(2))
    66.67
    >>> metrics.spec("rouge1").unit
    'points'

The reference libraries are imported when a metric first scores, never by this package.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.config import Scalar
from bench.errors import InputError, suggest
from bench.metrics.base import Inputs, Metric, MetricSpec

__all__ = ["METRIC_NAMES", "Inputs", "Metric", "MetricSpec", "build", "option_names", "spec"]

_METRICS = {
    "accuracy": "bench.metrics.classification:Accuracy",
    "precision": "bench.metrics.classification:PerClass",
    "recall": "bench.metrics.classification:PerClass",
    "f1": "bench.metrics.classification:PerClass",
    "sacrebleu": "bench.metrics.bleu:Bleu",
    "chrf": "bench.metrics.bleu:Chrf",
    "sentence_bleu_method1": "bench.metrics.bleu:SentenceBleu",
    "rouge1": "bench.metrics.rouge:Rouge",
    "rouge2": "bench.metrics.rouge:Rouge",
    "rougeL": "bench.metrics.rouge:Rouge",
    "rougeLsum": "bench.metrics.rouge:RougeLsum",
    "meteor": "bench.metrics.meteor:Meteor",
    "bertscore": "bench.metrics.bertscore:BertScore",
    "loss": "bench.metrics.loss:Loss",
    "perplexity": "bench.metrics.loss:Perplexity",
}

METRIC_NAMES = tuple(_METRICS)


def spec(name: str) -> MetricSpec:
    """Return what a metric is, without importing its library.

    Raises:
        InputError: no metric has this name.
    """
    found: MetricSpec = _find(name)[0]
    return found


def option_names(name: str) -> tuple[str, ...]:
    """Return the options a metric takes.

    Raises:
        InputError: no metric has this name.
    """
    return tuple(_find(name)[1].Options.model_fields)


def build(
    name: str,
    options: Mapping[str, Scalar] | None = None,
    *,
    model_path: Path | None = None,
    model_identity: str | None = None,
    n_classes: int | None = None,
) -> Metric:
    """Return a configured metric.

    Args:
        name: one of `METRIC_NAMES`.
        options: the metric's own options, as in `[metrics.<name>.options]`.
        model_path: folder of the model a learned metric runs; `bertscore` only.
        model_identity: source and revision or hash of that model, for the signature; default: a hash of its files.
        n_classes: number of classes, for metrics on labels; an option of the same name wins, other metrics ignore it.

    Raises:
        InputError: the name or an option is unknown, a value does not fit, or a model is missing or not wanted.
    """
    found, metric_class = _find(name)
    values = dict(options or {})
    allowed = metric_class.Options.model_fields
    for key in values:
        if key not in allowed:
            ending = suggest(key, allowed) or f"; {name} has none"
            raise InputError(f"metrics.{name}.options.{key} is not a known option{ending}")
    if n_classes is not None and "n_classes" in allowed:
        values.setdefault("n_classes", n_classes)
    try:
        checked = metric_class.Options.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"metrics.{name}.options.{place}: {first['msg']}, got {first['input']!r}") from None
    model: tuple[Any, ...] = ()
    if name == "bertscore":
        model = (model_path, model_identity)
    elif model_path is not None:
        raise InputError(f"metrics.{name}.model: {name} runs no model; remove the entry")
    metric: Metric = metric_class(found, checked, *model)
    return metric


def _find(name: str) -> tuple[MetricSpec, Any]:
    """Return the spec and the class of a metric."""
    if name not in _METRICS:
        raise InputError(f"{name!r} is not a known metric{suggest(name, METRIC_NAMES)}")
    module_name, _, class_name = _METRICS[name].partition(":")
    module = importlib.import_module(module_name)
    return module.SPECS[name], getattr(module, class_name)
