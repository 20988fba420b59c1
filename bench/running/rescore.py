"""Stored predictions -> scores again: with the libraries installed now, other metrics or other options; no training.

Everything right of the predictions can be redone from disk. What a metric reads beside them is opened from the run's
own config (model, tokenizer, training text) or folder (the judge), and only where a metric that is scored reads it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from bench import metrics
from bench.config import MetricConfig, SuiteConfig
from bench.config.inputs import USER_METRICS
from bench.core.errors import BenchError, InputError
from bench.core.files import file_sha256
from bench.core.schema import Scalar
from bench.metrics.score import score
from bench.records.predictions import Predictions
from bench.records.record import RunRecord, Score
from bench.records.store import PREDICTIONS_FILES, StoredRun
from bench.running.open_metric import open_metric
from bench.suites.checking import check_metric

if TYPE_CHECKING:
    from bench.materials.fetch import Materials

Outcome = Literal["equal", "rounding", "moved", "new", "not scored"]

_TOLERANCE: Final = 1e-6
"""Relative or absolute: a model that reads a text in another batch rounds its float32 numbers otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """One metric of one run, scored again."""

    metric: str
    stored: Score | None
    """As the record has it; none where the run did not score this metric."""
    now: Score | None
    """None where it could not be scored."""
    error: BenchError | None = None
    """Why not."""

    @property
    def outcome(self) -> Outcome:
        """Return what became of the score.

        `equal` is to the last bit, interval and signature included. `rounding` differs in low-order bits alone, which
        only a metric that runs a model can.
        """
        if self.now is None:
            return "not scored"
        if self.stored is None:
            return "new"
        if self.now.model_copy(update={"notes": self.stored.notes}) == self.stored:  # old records have none
            return "equal"
        return "rounding" if self._is_rounding(self.now, self.stored) else "moved"

    def _is_rounding(self, now: Score, stored: Score) -> bool:
        runs_a_model = bool(metrics.needs(self.metric) & {"model", "judge"})
        numbers = zip((now.value, now.low, now.high), (stored.value, stored.low, stored.high), strict=True)
        taken = {name: getattr(stored, name) for name in ("value", "low", "high", "notes")}
        same = now.model_copy(update=taken) == stored
        near = all(math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE) for a, b in numbers)
        return runs_a_model and same and near

    @property
    def change(self) -> float | None:
        """Return the new value minus the stored one, where there are both."""
        return None if self.now is None or self.stored is None else self.now.value - self.stored.value

    def values(self) -> dict[str, Any]:
        """Return all of it as JSON holds it."""
        return {
            "outcome": self.outcome,
            "change": self.change,
            "stored": None if self.stored is None else self.stored.model_dump(mode="json"),
            "now": None if self.now is None else self.now.model_dump(mode="json"),
            "error": None if self.error is None else str(self.error),
        }


def rescore(
    run: StoredRun,
    names: Sequence[str] = (),
    options: Mapping[str, Mapping[str, Scalar]] | None = None,
    *,
    offline: bool = False,
) -> tuple[Rescored, ...]:
    """Score what a run predicted after fine-tuning again; nothing stored is changed.

    Args:
        run: the stored run.
        names: metrics, the run's or others; default: the run's.
        options: metric -> options that replace those of the run.
        offline: refuse to fetch what is not cached.

    Returns:
        One for each metric. One that cannot be scored says why, and the others are scored all the same.

    Raises:
        InputError: record or predictions cannot be read, or are not of one run; a metric or option is unknown or does
            not fit the task.
    """
    record = run.record
    config = _config(run, names, options or {})
    predictions = _predictions(run)

    @functools.cache
    def materials() -> Materials:
        from bench.materials.fetch import fetch  # imports torch

        return fetch(config, offline=offline)

    judge = run.folder / "judge"
    chosen = tuple(names) or tuple(record.config.metrics)

    def again(name: str) -> Rescored:
        stored = record.scores.get(name)
        try:
            metric = open_metric(config, name, materials=materials, judge=judge if record.judge is not None else None)
            inputs = predictions.inputs_of(metric.spec.inputs, config.metrics[name])
            groups = predictions.groups_of(config.metrics[name])
            now, _ = score(metric, *inputs, **_interval_of(record, name), groups=groups)
        except BenchError as error:
            return Rescored(metric=name, stored=stored, now=None, error=error)
        return Rescored(metric=name, stored=stored, now=now)

    return tuple(again(name) for name in chosen)


def _config(run: StoredRun, names: Sequence[str], options: Mapping[str, Mapping[str, Scalar]]) -> SuiteConfig:
    """Return the run's config with the metrics and options that are asked for, checked as a suite file is."""
    config = run.record.config
    for name in options:
        if name not in (names or config.metrics):
            listed = ", ".join(names or config.metrics)
            raise InputError(f"options are given for {name!r}, which is not among the metrics: {listed}")
    chosen = dict(config.metrics)
    for name in names or config.metrics:
        own = USER_METRICS.get(name)
        new = MetricConfig() if own is None else MetricConfig(use=own.use, sha256=own.sha256)
        metric = chosen.get(name, new)
        chosen[name] = metric.model_copy(update={"options": {**metric.options, **options.get(name, {})}})
        if name not in config.metrics or name in options:  # the run's own were checked when it ran
            check_metric(name, chosen[name], config.task, str(run.folder))
    return config.model_copy(update={"metrics": chosen})


def _predictions(run: StoredRun) -> Predictions:
    """Return what the run predicted, if the file is still what it wrote."""
    file = run.folder / PREDICTIONS_FILES["after"]
    if not file.is_file():
        raise InputError(f"{file}: there are no predictions here; give the run folder that `bench run` wrote")
    if file_sha256(file) != run.record.hashes.predictions:
        raise InputError(f"{file}: was changed since the run: its hash is not the record's; bring the file back")
    try:
        return Predictions.read(file)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{file}: cannot be read ({error}); bring the run's own file back") from None


def _interval_of(record: RunRecord, name: str) -> dict[str, Any]:
    """Return the settings of the interval: those of the stored score, so that it can be equal to the last bit."""
    stored = record.scores.get(name)
    return {"seed": record.seed} | ({} if stored is None else {"confidence": stored.confidence})


def values_of(results: Mapping[Path, Sequence[Rescored]]) -> list[dict[str, Any]]:
    """Return everything as JSON holds it: a folder of a run, and metric -> what became of its score."""
    return [
        {"folder": str(folder), "metrics": {row.metric: row.values() for row in rows}}
        for folder, rows in results.items()
    ]
