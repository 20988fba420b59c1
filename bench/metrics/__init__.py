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
from typing import TYPE_CHECKING, Any, Literal

from bench.config import Scalar
from bench.config.metric import Inputs
from bench.core.errors import InputError, suggest
from bench.core.schema import validate
from bench.metrics.base import Metric, MetricSpec
from bench.statistics.intervals import Aggregate

if TYPE_CHECKING:
    from bench.records.record import JudgeSummary

__all__ = [
    "METRIC_NAMES",
    "Inputs",
    "Metric",
    "MetricSpec",
    "Need",
    "aggregate_of",
    "build",
    "check_options",
    "needs",
    "option_names",
    "spec",
]

Need = Literal["model", "tokenizer", "corpus", "judge"]

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
    "common_token_ratio": "bench.metrics.generation:CommonTokenRatio",
    "longest_overlap": "bench.metrics.generation:LongestOverlap",
    "copied_5grams": "bench.metrics.generation:CopiedNgrams",
    "copied_8grams": "bench.metrics.generation:CopiedNgrams",
    "distinct1": "bench.metrics.generation:DistinctNgrams",
    "distinct2": "bench.metrics.generation:DistinctNgrams",
    "distinct3": "bench.metrics.generation:DistinctNgrams",
    "repetition": "bench.metrics.generation:Repetition",
    "line_length": "bench.metrics.generation:LineLength",
    "style_judge_accuracy": "bench.metrics.style:StyleJudgeAccuracy",
    "style_judge_accuracy_corrected": "bench.metrics.style:StyleJudgeAccuracyCorrected",
    "style_judge_loss": "bench.metrics.style:StyleJudgeLoss",
    "style_probability_0": "bench.metrics.style:StyleProbability",
    "style_probability_1": "bench.metrics.style:StyleProbability",
}

# What a metric reads beside predictions and references; one that is not here reads nothing else.
_NEEDS: dict[str, tuple[Need, ...]] = {
    "bertscore": ("model",),
    "common_token_ratio": ("tokenizer", "corpus"),
    "longest_overlap": ("tokenizer", "corpus"),
    "copied_5grams": ("tokenizer", "corpus"),
    "copied_8grams": ("tokenizer", "corpus"),
    "distinct1": ("tokenizer",),
    "distinct2": ("tokenizer",),
    "distinct3": ("tokenizer",),
    "repetition": ("tokenizer",),
    "style_judge_accuracy": ("judge",),
    "style_judge_accuracy_corrected": ("judge",),
    "style_judge_loss": ("judge",),
    "style_probability_0": ("judge",),
    "style_probability_1": ("judge",),
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


def needs(name: str) -> frozenset[Need]:
    """Return what a metric reads beside predictions and references.

    `model`, `tokenizer` and `judge` are folders that `build` takes as `model_path`; `corpus` is its training text.

    Raises:
        InputError: no metric has this name.
    """
    _check_name(name)
    return frozenset(_NEEDS.get(name, ()))


def check_options(name: str, options: Mapping[str, Scalar]) -> None:
    """Check a metric's options alone, before there is a model, tokenizer, corpus or judge.

    Raises:
        InputError: the name or an option is unknown, or a value does not fit.
    """
    if needs(name):
        _checked(name, options)
    else:
        build(name, options)  # the class may refuse values that fit one by one


def build(
    name: str,
    options: Mapping[str, Scalar] | None = None,
    *,
    model_path: Path | None = None,
    model_identity: str | None = None,
    corpus: str | None = None,
    n_classes: int | None = None,
) -> Metric:
    """Return a configured metric.

    Args:
        name: one of `METRIC_NAMES`.
        options: the metric's own options, as in `[metrics.<name>.options]`.
        model_path: folder of the model, the tokenizer or the judge that the metric needs; see `needs`.
        model_identity: source and revision or hash of the model, for the signature of `bertscore`; default: a hash of
            its files. Tokenizers and judges are always named by a hash of their own.
        corpus: the training text, for metrics that need one; other metrics ignore it.
        n_classes: number of classes, for metrics on labels; an option of the same name wins, other metrics ignore it.

    Raises:
        InputError: the name or an option is unknown, a value does not fit, or what `needs` names is missing or unfit,
            or a model is not wanted.
    """
    found, metric_class = _find(name)
    values = dict(options or {})
    if n_classes is not None and "n_classes" in option_names(name):
        values.setdefault("n_classes", n_classes)
    checked = _checked(name, values)
    wanted = needs(name)
    resources: tuple[Any, ...] = ()
    if "corpus" in wanted:
        resources = (model_path, corpus)
    elif "tokenizer" in wanted:
        resources = (model_path,)
    elif wanted:
        resources = (model_path, model_identity if "model" in wanted else None)
    elif model_path is not None:
        raise InputError(f"metrics.{name}.model: {name} runs no model; remove the entry")
    metric: Metric = metric_class(found, checked, *resources)
    return metric


def aggregate_of(
    name: str, options: Mapping[str, Scalar] | None = None, *, judge: JudgeSummary | None = None
) -> Aggregate:
    """Return a metric's `aggregate` alone, for statistics that are stored: no model, tokenizer or corpus is needed.

    Args:
        name: one of `METRIC_NAMES`.
        options: the metric's own, as the run had them; the average of F1 is one that aggregates differently.
        judge: summary of the judge, from the run's record; metrics of style need it.

    Raises:
        InputError: the name or an option is unknown, a value does not fit, or a metric of style came without its judge.
    """
    found, metric_class = _find(name)
    metric = metric_class.__new__(metric_class)  # its constructor would load what only `statistics` reads
    metric.spec, metric.options = found, _checked(name, options or {})
    if "judge" in needs(name):
        if judge is None:
            raise InputError(f"{name}: the record has no summary of its judge; run it again with --force")
        metric.read_summary(judge, f"the judge {judge.identity}")
    aggregate: Aggregate = metric.aggregate
    return aggregate


def _checked(name: str, options: Mapping[str, Scalar]) -> Any:
    """Return the options as the metric's own type."""
    metric_class = _find(name)[1]
    allowed = metric_class.Options.model_fields
    for key in options:
        if key not in allowed:
            ending = suggest(key, allowed) or f"; {name} has none"
            raise InputError(f"metrics.{name}.options.{key} is not a known option{ending}")
    return validate(
        metric_class.Options,
        dict(options),
        strict=True,
        explain=lambda fault: f"metrics.{name}.options.{fault.field}: {fault.message}, got {fault.value!r}",
    )


def _find(name: str) -> tuple[MetricSpec, Any]:
    """Return the spec and the class of a metric."""
    _check_name(name)
    module_name, _, class_name = _METRICS[name].partition(":")
    module = importlib.import_module(module_name)
    return module.SPECS[name], getattr(module, class_name)


def _check_name(name: str) -> None:
    if name not in _METRICS:
        raise InputError(f"{name!r} is not a known metric{suggest(name, METRIC_NAMES)}")
