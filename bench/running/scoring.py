"""Predictions -> scores: the metrics of a suite with all that they read, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.core import seeds
from bench.metrics.base import Metric
from bench.metrics.score import score
from bench.records.predictions import Predictions
from bench.records.record import Score, Stage, StoredInterval
from bench.running.context import RunContext
from bench.running.learning import Learned
from bench.running.loading import LoadedModel
from bench.running.open_metric import open_metric
from bench.running.trainer import train
from bench.statistics.groups import sum_within
from bench.statistics.intervals import paired_bootstrap
from bench.tasks.base import Judge, kind_of_task

HumanScores = dict[str, dict[str, Score]]
"""Title of a text by people -> metric -> score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Every metric of a run."""

    before: dict[str, Score]
    """Metric -> score, before fine-tuning."""
    after: dict[str, Score]
    changes: dict[str, StoredInterval]
    """After minus before, on the same rows."""
    statistics: dict[Stage, dict[str, NDArray[np.float64]]]
    """Stage -> metric -> (n_examples, n_statistics)."""


def open_judge(run: RunContext, loaded: LoadedModel) -> Judge | None:
    """Return the judge of what the model generates, where the kind of task has one.

    Raises:
        InputError: the tables do not fit what was fetched.
        TrainingError: it cannot be trusted.
    """
    return kind_of_task(run.config).open_judge(
        run.config,
        run.materials,
        tokenizer=loaded.tokenizer,
        device=run.device,
        train=train,
        stage=run.clock.stage,
        folder=run.folder,
    )


def open_metrics(run: RunContext, judge: Judge | None) -> Mapping[str, Metric]:
    """Return the suite's metrics by name, built once a process and device.

    Raises:
        InputError: what a metric reads is missing or unfit.
    """
    folder = None if judge is None else judge.folder

    def opened() -> dict[str, Metric]:
        return {
            name: open_metric(run.config, name, materials=lambda: run.materials, judge=folder)
            for name in run.config.metrics
        }

    return run.cache.metrics.get(str(run.device), opened)


def check_references(run: RunContext, built: Mapping[str, Metric]) -> None:
    """Check that every metric can score the references of the test rows; before training, so that none is in vain.

    Raises:
        InputError: a metric would refuse a reference.
    """
    for name, metric in built.items():
        rows = run.materials.splits.test[: run.config.metrics[name].first_rows]
        references = [example.references for example in rows]
        if metric.spec.inputs == "texts" and references and all(references):
            metric.check_references(references)


def score_human_texts(run: RunContext, loaded: LoadedModel, built: Mapping[str, Metric]) -> HumanScores:
    """Score texts by people, once a process and device; before training, so that an unfit text costs none.

    Args:
        run: what runs.
        loaded: its task has the texts.
        built: name -> metric.

    Raises:
        InputError: a text does not fit a metric.
    """
    return run.cache.controls.get(str(run.device), lambda: _human_scores(run, loaded, built))


def _human_scores(run: RunContext, loaded: LoadedModel, built: Mapping[str, Metric]) -> HumanScores:
    human = loaded.task.human_texts(run.materials.splits)
    scores: HumanScores = {title: {} for title in human}
    if not human:
        return scores
    with run.clock.stage("scoring human texts", len(human)) as advance:
        for title, texts in human.items():
            for name, metric in built.items():
                if metric.spec.inputs in texts.metric_inputs:
                    inputs = texts.predictions.inputs_of(metric.spec.inputs, run.config.metrics[name])
                    scores[title][name], _ = score(metric, *inputs)  # not by run seed: the same for all
            advance(1)
    return scores


def score_predictions(run: RunContext, built: Mapping[str, Metric], learned: Learned) -> Scores:
    """Score what was predicted before fine-tuning and after, each with its interval, and the changes.

    Raises:
        InputError: predictions do not fit a metric, or a value is not finite.
    """
    scores = Scores(before={}, after={}, changes={}, statistics={"before": {}, "after": {}})
    with run.clock.stage("scoring", len(built)) as advance:
        for name, metric in built.items():
            scores.before[name], before = _score(run, metric, learned.before)
            scores.after[name], after = _score(run, metric, learned.after)
            scores.statistics["before"][name], scores.statistics["after"][name] = before, after
            groups = learned.after.groups_of(run.config.metrics[name])
            sums = [sum_within(statistics, groups) for statistics in (after, before)]
            change = paired_bootstrap(metric.aggregate, *sums, seed=seeds.derive(run.seed, "bootstrap"))
            scores.changes[name] = StoredInterval(
                value=change.value, low=change.low, high=change.high, confidence=change.confidence
            )
            advance(1)
    return scores


def _score(run: RunContext, metric: Metric, predictions: Predictions) -> tuple[Score, NDArray[np.float64]]:
    config = run.config.metrics[metric.spec.name]
    inputs = predictions.inputs_of(metric.spec.inputs, config)
    return score(metric, *inputs, seed=run.seed, groups=predictions.groups_of(config))
