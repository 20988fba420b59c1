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
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config.inputs import USER_METRICS, Inputs, UserMetric
from bench.core.errors import InputError, suggest
from bench.core.schema import Scalar, validate
from bench.metrics.base import Metric, MetricSpec
from bench.metrics.registry import METRIC_NAMES, METRICS
from bench.metrics.resources import NO_RESOURCES, Need, Resources, open_for
from bench.records.score import Note

if TYPE_CHECKING:
    from bench.config import SuiteConfig
    from bench.records.record import MeasuredSeed

__all__ = [
    "METRIC_NAMES",
    "Inputs",
    "Metric",
    "MetricSpec",
    "Need",
    "Note",
    "Resources",
    "build",
    "check_options",
    "for_stored",
    "needs",
    "open_resources",
    "option_names",
    "spec",
    "spec_or_name",
    "unopened",
]


def spec(name: str) -> MetricSpec:
    """Return what a metric is, without importing its library.

    Raises:
        InputError: no metric has this name.
    """
    own: MetricSpec = _find(name)[0]
    return own


def spec_or_name(name: str) -> MetricSpec:
    """Return what a metric is; of a user's whose file is gone or changed its name alone, as pages show it."""
    try:
        return spec(name)
    except InputError:
        return MetricSpec(
            name=name,
            title=name,
            unit="",
            low=-math.inf,
            high=math.inf,
            higher_is_better=True,
            inputs="texts",
            source="",
        )


def option_names(name: str) -> tuple[str, ...]:
    """Return the options a metric takes.

    Raises:
        InputError: no metric has this name.
    """
    return tuple(_find(name)[1].Options.model_fields)


def needs(name: str) -> frozenset[Need]:
    """Return what a metric reads beside predictions and references; `open_resources` opens it.

    Raises:
        InputError: no metric has this name.
    """
    wanted: frozenset[Need] = _find(name)[1].needs
    return wanted


def open_resources(
    name: str, *, model_path: Path | None = None, model_identity: str | None = None, corpus: str | None = None
) -> Resources:
    """Open what a metric needs; see `bench.metrics.resources.open_for`.

    Raises:
        InputError: no metric has this name, or something is missing, unfit or not wanted.
    """
    return open_for(name, needs(name), model_path=model_path, model_identity=model_identity, corpus=corpus)


def check_options(name: str, options: Mapping[str, Scalar]) -> None:
    """Check a metric's options alone, before there is a model, tokenizer, corpus or judge.

    Raises:
        InputError: the name or an option is unknown, or a value does not fit.
    """
    if needs(name):
        _checked(name, _find(name)[1], options)
    else:
        build(name, options)  # the class may refuse values that fit one by one


def build(
    name: str,
    options: Mapping[str, Scalar] | None = None,
    *,
    resources: Resources = NO_RESOURCES,
    n_classes: int | None = None,
) -> Metric:
    """Return a configured metric, ready to score.

    Args:
        name: one of `METRIC_NAMES`.
        options: the metric's own options, as in `[metrics.<name>.options]`.
        resources: what `open_resources` opened, for a metric that `needs` any.
        n_classes: number of classes, for metrics on labels; an option of the same name wins, other metrics ignore it.

    Raises:
        InputError: the name or an option is unknown, a value does not fit, or what it needs is missing or unfit.
    """
    own, metric_class = _find(name)
    values = dict(options or {})
    if n_classes is not None and "n_classes" in option_names(name):
        values.setdefault("n_classes", n_classes)
    metric: Metric = metric_class(own, _checked(name, metric_class, values), resources)
    for need in sorted(metric.needs):  # the corpus before the tokenizer that cuts it
        resources.need(name, need)
    metric.check()
    return metric


def for_stored(name: str, config: SuiteConfig, seed: MeasuredSeed) -> Metric:
    """Return a metric as a run configured it, to aggregate the statistics that the run stored.

    No model, tokenizer, corpus or judge is opened. What `aggregate` reads beside spec and options is in the record: the
    summary of a style duel's judge. This is the one place that knows so.

    Args:
        name: a metric that was scored.
        config: the config that scored it.
        seed: a run's record, or a baseline's seed.

    Raises:
        InputError: the metric or an option is unknown, a value does not fit, or the record lacks its judge's summary.
    """
    table = config.metrics[name]
    if table.use is not None:  # of two versions of one name, the one that this config means
        return _unopened(*_find_own(name, UserMetric(use=table.use, sha256=table.sha256)), table.options, NO_RESOURCES)
    return unopened(name, table.options, Resources(judge_summary=seed.judge))


def unopened(name: str, options: Mapping[str, Scalar] | None = None, resources: Resources = NO_RESOURCES) -> Metric:
    """Return a metric that aggregates statistics and cannot make any: nothing that it `needs` has to be there.

    Args:
        name: one of `METRIC_NAMES`.
        options: the metric's own, as the run had them; the average of F1 is one that aggregates differently.
        resources: of a style metric, the summary of its judge.

    Raises:
        InputError: as `for_stored`.
    """
    return _unopened(*_find(name), options or {}, resources)


def _unopened(own: MetricSpec, metric_class: Any, options: Mapping[str, Scalar], resources: Resources) -> Metric:
    metric: Metric = metric_class(own, _checked(own.name, metric_class, options), resources)
    metric.check_stored()
    return metric


def _checked(name: str, metric_class: Any, options: Mapping[str, Scalar]) -> Any:
    """Return the options as the metric's own type."""
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
    if not isinstance(name, str):
        raise InputError(f"a metric goes by its name, such as 'rouge1'; got {name!r}")
    if name not in METRICS and name in USER_METRICS:
        from bench.metrics.user_metric import load

        return load(name, *USER_METRICS[name])
    _check_name(name)
    module_name, _, class_name = METRICS[name].partition(":")
    module = importlib.import_module(module_name)
    return module.SPECS[name], getattr(module, class_name)


def _find_own(name: str, place: UserMetric) -> tuple[MetricSpec, Any]:
    """Return the spec and the class of a user's metric."""
    from bench.metrics.user_metric import load

    return load(name, place.use, place.sha256)


def _check_name(name: str) -> None:
    if name not in METRICS:
        raise InputError(f"{name!r} is not a known metric{suggest(name, METRIC_NAMES)}")
