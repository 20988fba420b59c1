"""The shape of `suite.toml`, after profile, method and `--set` are applied: one frozen, closed type.

TOML key = field name = JSON key in the record. A resolved `SuiteConfig` holds everything that decides a result except
the run seed; its hash is the config key under which runs are stored. How the file becomes this type is in
`bench.suites.resolve`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.config.data import Data, TextsConfig
from bench.config.inputs import USER_METRICS, UserMetric
from bench.config.method import MethodConfig
from bench.config.metric import MetricConfig
from bench.config.model import ModelConfig
from bench.config.sources import Source
from bench.config.task import FIRST_NAMES, Task
from bench.config.training import TrainingConfig
from bench.core.schema import Strict

ProfileName = Literal["documented", "offline", "tiny"]


class SuiteConfig(Strict):
    """A resolved suite: one profile, one method, every value final."""

    suite: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the suite, equal to its folder's."""
    version: int = Field(ge=1)
    """Raised whenever a change makes old and new results incomparable."""
    title: str
    """One line for people."""
    profile: ProfileName
    """Which of the suite's profiles this is."""
    method_name: str
    """Name of the method under `[methods]`."""
    primary_metric: str
    """The metric that decides; one of `metrics`."""
    task: Task
    data: Data
    model: ModelConfig
    method: MethodConfig
    training: TrainingConfig
    metrics: dict[str, MetricConfig] = Field(min_length=1)
    scored_split: Literal["test", "validation"] | None = None
    """Rows that are scored; none means `test`. `validation` is for choosing settings, which must not see the test."""
    chosen: dict[str, str] = Field(default_factory=dict)
    """Keys the recipe leaves open -> why this value."""

    @model_validator(mode="after")
    def _notes_user_metrics(self) -> SuiteConfig:
        for name, metric in self.metrics.items():
            if metric.use is not None:
                USER_METRICS[name] = UserMetric(use=metric.use, sha256=metric.sha256)
        return self

    @model_validator(mode="after")
    def _primary_metric_is_scored(self) -> SuiteConfig:
        if self.primary_metric not in self.metrics:
            allowed = ", ".join(self.metrics)
            raise ValueError(f"primary_metric = {self.primary_metric!r} is not one of metrics: {allowed}")
        return self

    @model_validator(mode="after")
    def _curve_metrics_are_scored(self) -> SuiteConfig:
        for name in self.training.evaluate_metrics:
            if name not in self.metrics:
                allowed = ", ".join(self.metrics)
                raise ValueError(f"training.evaluate_metrics: {name!r} is not one of metrics: {allowed}")
        return self

    @model_validator(mode="after")
    def _data_fits_the_task(self) -> SuiteConfig:
        task, n_texts = self.task, self.task.n_texts
        if isinstance(self.data, TextsConfig) == (n_texts is None):
            needed = "rows" if n_texts is None else "texts"
            raise ValueError(f"a {task.kind} task needs data of kind {needed!r}, got {self.data.kind!r}")
        if isinstance(self.data, TextsConfig):
            if len(self.data.texts) != n_texts:
                names = ", ".join(self.data.texts)
                raise ValueError(f"a {task.kind} task needs {n_texts} text(s) under data.texts, got {names}")
            return self
        if task.target != "text" and not self.data.labels:
            raise ValueError(f"data.labels is missing: a {task.kind} task needs the names of its classes")
        if task.target == "text" and self.data.labels:
            raise ValueError(f"data.labels: a {task.kind} task has no classes; leave them out")
        if task.target != "text" and len(self.data.target_columns) > 1:
            raise ValueError(f"data.target_column: a {task.kind} task has one target a row; name one column")
        if self.data.controls and not task.predicts_text:
            raise ValueError(
                f"data.controls: a {task.kind} task predicts no text, so there is no loss on any; leave them out"
            )
        return self

    @model_validator(mode="after")
    def _model_fits_the_task(self) -> SuiteConfig:
        allowed = self.task.families
        if self.model.family not in allowed:
            needed = " or ".join(repr(family) for family in allowed)
            raise ValueError(f"a {self.task.kind} task needs model.family = {needed}, got {self.model.family!r}")
        return self

    @model_validator(mode="after")
    def _short_predictions_are_made(self) -> SuiteConfig:
        short = [name for name, metric in self.metrics.items() if metric.prediction == "short"]
        if short and not self.task.keeps_short_predictions:
            raise ValueError(f"metrics.{short[0]}.prediction = 'short' needs task.short_new_tokens")
        return self

    @model_validator(mode="after")
    def _task_agrees(self) -> SuiteConfig:
        self.task.check(self)
        return self

    def sources(self) -> Iterator[tuple[str, Source]]:
        """Yield what each source of the suite is used for, and the source."""
        yield "model", self.model.source
        yield from self.data.sources()
        yield from self.task.sources()
        for name, metric in self.metrics.items():
            if metric.model is not None:
                yield f"metric {name}", metric.model

    @property
    def key(self) -> str:
        """Return the config key: 12 hex digits that change with every value that can change a result."""
        # Without nones, as in config.lock.toml: a key that is new and absent must not give old results a new address.
        return key_of(self.model_dump(mode="json", exclude_none=True))


def key_of(values: Mapping[str, Any]) -> str:
    """Return the config key of a resolved suite that is written out as JSON holds it."""
    parts = {name: value for name, value in values.items() if name not in ("title", "chosen")}
    kind = parts["task"]["kind"]
    parts["task"] = parts["task"] | {"kind": FIRST_NAMES.get(kind, kind)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
