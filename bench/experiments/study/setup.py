"""StudyFile -> Study: every method resolved, every searched key and value checked before anything runs.

What would make the comparison unfair is refused: a search over what the budget decides, methods whose steps are not of
one size, and validation rows that are test rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from bench import metrics
from bench.config import DataConfig, PeftMethod, PluginMethod, SuiteConfig
from bench.core.dotted import ABSENT, value_at
from bench.core.errors import InputError, suggest
from bench.experiments.study.config import Choices, Range, StudyFile, StudyMethod, Values, load_study
from bench.experiments.study.rows import check_local_rows
from bench.experiments.study.search import TrialSettings
from bench.suites.resolve import SuiteFile, load_suite, parse_override, resolve

_BUDGET_DECIDES = "the budget decides it"
_ANOTHER_METHOD = "that would be another method; give it a table of its own"
_NO_SETTING = "it is no setting of a method: it changes what is measured or stored, not what is learnt"
_NOT_SEARCHED = {
    "training.steps": _BUDGET_DECIDES,
    "training.epochs": _BUDGET_DECIDES,
    "training.precision": "sides of a comparison must share it; set it for all methods by `set`",
    "training.evaluation_batch_size": _NO_SETTING,
    "training.evaluate_every_steps": _NO_SETTING,
    "training.evaluate_metrics": _NO_SETTING,
    "training.save": _NO_SETTING,
    "method.kind": _ANOTHER_METHOD,
    "method.use": _ANOTHER_METHOD,
    "method.sha256": _ANOTHER_METHOD,
    "method.config.peft_type": _ANOTHER_METHOD,
}
_NOT_SET = {
    "training.steps": _BUDGET_DECIDES,
    "training.epochs": _BUDGET_DECIDES,
    "scored_split": "the study decides it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study whose methods are resolved."""

    file: StudyFile
    place: str
    """What messages call the file."""
    suite: SuiteFile
    metric: str
    """What settings are chosen by."""
    defaults: Mapping[str, SuiteConfig]
    """Method -> its config as it stands, in the suite's own budget."""

    @property
    def reference(self) -> str:
        """Return the method that the others are compared with."""
        return next(iter(self.file.methods))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return what is reported of the test rows: the metric of the choice, and the suite's primary one."""
        primary = self.defaults[self.reference].primary_metric
        return tuple(dict.fromkeys((self.metric, primary)))

    @property
    def higher_is_better(self) -> bool:
        """Return the direction of the metric."""
        return metrics.spec(self.metric).higher_is_better

    def config(self, method: str, settings: TrialSettings, *, steps: int, on_validation: bool) -> SuiteConfig:
        """Return what one run of a method is.

        Args:
            method: its name in the study.
            settings: searched key -> value; empty for the default.
            steps: the budget.
            on_validation: whether the validation rows are scored in the place of the test rows.

        Raises:
            InputError: a key or value does not fit.
        """
        given = [f"{key}={_toml(value)}" for key, value in settings.items()]
        split = ["scored_split=validation"] if on_validation else []
        return self.resolve_method(method, [*given, f"training.steps={steps}", *split])

    def resolve_method(self, method: str, overrides: Sequence[str]) -> SuiteConfig:
        """Return the suite under a method of the study, with the study's own overrides before others.

        Raises:
            InputError: a key or value does not fit.
        """
        used = self.file.methods[method].use or method
        overrides = [*self.file.set, *overrides]
        return resolve(self.suite, profile=self.file.profile, method=used, overrides=overrides)

    def n_trials(self, method: str) -> int:
        """Return how many trials a method is given; one with nothing to search has its default alone."""
        return self.file.trials if self.file.methods[method].space else 1


def read_study(path: str | Path) -> Study:
    """Read a study file and check it against its suite.

    Raises:
        InputError: a name, key or value is unknown or out of range, a search space holds nothing, or the comparison
            would not be fair.
    """
    return prepare(load_study(path), place=str(path))


def prepare(file: StudyFile, *, place: str) -> Study:
    """Check a study against its suite.

    Args:
        file: the study as it is written.
        place: what messages call it.

    Raises:
        InputError: as `read_study`.
    """
    try:
        suite = load_suite(file.suite)
        _check_set(file)
        bare = Study(file=file, place=place, suite=suite, metric="", defaults={})
        defaults = {name: bare.resolve_method(name, ()) for name in file.methods}
        first = next(iter(defaults.values()))
        metric = file.select.metric or first.primary_metric
        if metric not in first.metrics:
            raise InputError(f"select.metric = {metric!r} is not scored by the suite{suggest(metric, first.metrics)}")
        _check_rows(first)
        check_local_rows(first)
        _check_alike(file, defaults)
        study = Study(file=file, place=place, suite=suite, metric=metric, defaults=defaults)
        for name, method in file.methods.items():
            _check_space(study, name, method)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return study


# --- checks; messages start behind the file --------------------------------------------------------------------------


def _check_set(file: StudyFile) -> None:
    for override in file.set:
        path = ".".join(parse_override(override)[0])
        if path in _NOT_SET:
            raise InputError(f"set: {path}: {_NOT_SET[path]}; remove it")
        for name, method in file.methods.items():
            if path in method.space:
                raise InputError(f"set: {path} is searched under methods.{name}; set it for all or search it, not both")


def _check_rows(config: SuiteConfig) -> None:
    """Refuse a suite whose test rows would be chosen on."""
    data = config.data
    if not isinstance(data, DataConfig) or data.source_of("validation") != data.source_of("test"):
        return
    validation, test = data.validation, data.test
    unlike = {"source", "start", "stop"}
    if validation.model_dump(exclude=unlike) != test.model_dump(exclude=unlike):
        return
    ends = [math.inf if split.stop is None else split.stop for split in (validation, test)]
    if validation.start < ends[1] and test.start < ends[0]:
        raise InputError(
            f"{config.suite}, profile {config.profile}: validation rows are test rows, so what is chosen on "
            "the one has seen the other; take another profile, or set data.validation to rows of its own, such as "
            "set = ['data.validation={start=0, stop=500}'] of the training source, and data.train to the rest"
        )


def _check_alike(file: StudyFile, defaults: Mapping[str, SuiteConfig]) -> None:
    """Refuse methods that differ in what every side must share."""
    precisions = {name: config.training.precision for name, config in defaults.items()}
    if len(set(precisions.values())) > 1:
        raise InputError(f"training.precision differs between methods ({_listed(precisions)}); set it for all by `set`")
    sizes = {name: config.training.batch_size for name, config in defaults.items()}
    if file.budget.steps is not None and len(set(sizes.values())) > 1:
        raise InputError(
            f"training.batch_size differs between methods ({_listed(sizes)}), so equal steps are unequal work; give a "
            "budget of tokens or seconds, or set it for all by `set`"
        )


def _listed(by_name: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in by_name.items())


def _check_space(study: Study, name: str, method: StudyMethod) -> None:
    place = f"methods.{name}"
    for key, values in method.space.items():
        if key in _NOT_SEARCHED:
            raise InputError(f"{place}.{key} cannot be searched: {_NOT_SEARCHED[key]}")
        if not key.startswith(("training.", "method.")):
            raise InputError(
                f"{place}.{key} cannot be searched: only settings of training and method are, such as "
                "training.learning_rate or method.config.r; task, data and metrics are what the methods share"
            )
        if key == "training.batch_size" and study.file.budget.steps is not None:
            raise InputError(
                f"{place}.{key} cannot be searched in a budget of steps: a step of a larger batch is more work; give "
                "a budget of tokens or seconds"
            )
        default = value_of(study.defaults[name], key)
        if isinstance(values, Range) and not values.integer and type(default) is int:
            raise InputError(f"{place}.{key}: its default, {default}, is a whole number; add integer = true")
        for value in probes(values):
            try:
                study.resolve_method(name, [f"{key}={_toml(value)}"])
            except InputError as error:
                raise InputError(f"{place}: {str(error).removeprefix(f'--set {key}: ')}") from None


def probes(values: Values) -> tuple[JsonValue, ...]:
    """Return values to check a space by: every choice; or both ends and, of numbers with decimals, one between."""
    if isinstance(values, Choices):
        return values.choices
    if values.integer:
        return int(values.low), int(values.high)
    return values.low, 0.6 * values.low + 0.4 * values.high, values.high


def check_methods(study: Study) -> None:
    """Check what needs the methods' own libraries: keys of peft's configurations, and settings of users' methods.

    Raises:
        InputError: a key is not known, or a user's method cannot be made with a value.
    """
    for name, method in study.file.methods.items():
        table = study.defaults[name].method
        try:
            if isinstance(table, PeftMethod):
                _check_peft_keys(table, method)
            elif isinstance(table, PluginMethod):
                _check_plugin(study, name, method)
        except InputError as error:
            raise InputError(f"{study.place}: methods.{name}: {error}") from None


def _check_peft_keys(table: PeftMethod, method: StudyMethod) -> None:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    peft_type = str(table.config["peft_type"]).upper()
    allowed = next(
        (c.__dataclass_fields__ for kind, c in PEFT_TYPE_TO_CONFIG_MAPPING.items() if kind == peft_type), None
    )
    for key in method.space:
        own = key.removeprefix("method.config.").split(".")[0]
        if key.startswith("method.config.") and allowed is not None and own not in allowed:
            raise InputError(f"{key} is not a key of peft's {peft_type}{suggest(own, allowed)}")


def _check_plugin(study: Study, name: str, method: StudyMethod) -> None:
    from bench.methods.plugins import load_plugin

    for settings in ({}, *({key: value} for key, values in method.space.items() for value in probes(values))):
        table = study.config(name, settings, steps=1, on_validation=False).method
        if isinstance(table, PluginMethod):
            load_plugin(table)


# --- values ----------------------------------------------------------------------------------------------------------


def value_of(config: SuiteConfig, key: str) -> JsonValue:
    """Return what a dotted key holds; none where it is not there."""
    value = value_at(config.model_dump(mode="json"), key)
    return None if value is ABSENT else cast(JsonValue, value)


def _toml(value: JsonValue) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)
