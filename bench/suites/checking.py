"""Tables -> a checked `SuiteConfig`, or an error that names the key, what it holds and what is allowed."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from bench import metrics
from bench.config import MetricConfig, SuiteConfig, TaskConfig, kind_of
from bench.core.errors import InputError, suggest
from bench.core.schema import Fault, validate


def validated(tables: Mapping[str, Any], *, place: str, overridden: Sequence[str] = ()) -> SuiteConfig:
    """Return the tables of a suite as its type.

    Args:
        tables: a resolved suite, as TOML holds it.
        place: where they come from, for messages.
        overridden: dotted keys that `--set` gave.

    Raises:
        InputError: a key is unknown or missing, a value does not fit, or a metric cannot score the task.
    """
    config = validate(
        SuiteConfig, tables, explain=lambda fault: _explain(fault, tables, place=place, overridden=overridden)
    )
    for name, metric in config.metrics.items():
        check_metric(name, metric, config.task, place)
    return config


def _explain(fault: Fault, tables: Mapping[str, Any], *, place: str, overridden: Sequence[str]) -> str:
    """Return a fault of a suite: which key, what is wrong, what is allowed."""
    path, allowed = _locate(fault.location, tables)
    is_unknown = fault.kind == "unknown key"
    if any(within(path, (key,)) or (is_unknown and within(key, (path,))) for key in overridden):
        place = f"--set {path}"
    if is_unknown:
        return f"{place}: {path} is not a known key{suggest(str(fault.location[-1]), allowed)}"
    if fault.kind == "missing key":
        return f"{place}: {path} is missing"
    message = fault.message.removeprefix("Value error, ")
    if message.startswith("data.labels is missing"):
        from bench.suites.rows import labels_there

        message += labels_there(tables)
    return f"{place}: {path or 'the suite'}: {message}{fault.got}"


def check_metric(name: str, metric: MetricConfig, task: TaskConfig, place: str) -> None:
    """Check that a metric is there, takes its options, and scores what a task predicts.

    Args:
        name: the table's key under `[metrics]`.
        metric: the table.
        task: the suite's `[task]` table.
        place: where the table is from, for messages.

    Raises:
        InputError: it does not.
    """
    try:
        if metric.use is not None and name in metrics.METRIC_NAMES:
            raise InputError(f"metrics.{name}.use: {name} is a metric of bench; give your own another name")
        metrics.check_options(name, metric.options)
        runs_a_model = "model" in metrics.needs(name)
        if runs_a_model and metric.model is None:
            raise InputError(f"metrics.{name}.model is missing; name the source of the model it shall run")
        if metric.model is not None and not runs_a_model:
            raise InputError(f"metrics.{name}.model: {name} runs no model of its own; remove the entry")
        inputs = metrics.spec(name).inputs
        if inputs not in task.metric_inputs:
            raise InputError(f"metrics.{name} scores {inputs}, which a {task.kind} task does not predict")
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _locate(loc: Sequence[int | str], tables: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Turn pydantic's location into a key path (without union tags) and the keys allowed beside its last part."""
    parts: list[str] = []
    models: list[type[BaseModel]] = [SuiteConfig]
    allowed: list[str] = []
    for part in loc:
        tagged = [m for m in models if "kind" in m.model_fields and part in get_args(m.model_fields["kind"].annotation)]
        if len(models) > 1 and tagged:
            models = tagged
            continue
        parts.append(str(part))
        allowed = [field for m in models for field in m.model_fields]
        fields = [m.model_fields[str(part)] for m in models if str(part) in m.model_fields]
        if fields:
            models = [_of_its_kind(m, tables) for field in fields for m in _models_in(field.annotation)]
    return ".".join(parts), allowed


def _of_its_kind(model: type[BaseModel], tables: Mapping[str, Any]) -> type[BaseModel]:
    """Return the table type of the suite's kind of task in the place of that of every task."""
    if model is not TaskConfig:
        return model
    try:
        return kind_of(str(tables["task"]["kind"]))
    except (InputError, KeyError, TypeError):  # the kind itself is what does not fit
        return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the table types that an annotation can hold."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def within(path: str, parents: Collection[str]) -> bool:
    """Return whether a dotted key is one of `parents` or lies below one."""
    return any(path == parent or path.startswith(f"{parent}.") for parent in parents)
