"""Seeds that failed to train: which did, how often that may happen, and what the others score. Pure.

Some seeds of a fine-tuning do not learn at all, and whether one of them is among three or five is luck. What is a
failed seed is said here, in one place:

- where rows have labels and accuracy is scored: the interval of its accuracy over test rows is not above the share of
  the most frequent label, which an answer scores that ignores the input (Mosbach et al. 2021 call a run failed whose
  accuracy is at most that of the majority class; the interval takes in a collapse to guessing). Records of before do
  not hold that share: one over the number of labels stands for it.
- elsewhere: its primary metric is no better after fine-tuning than before.

A failed seed is evidence like any other: it stays in every mean, interval and verdict. What is said of it stands beside
them: the rate of failure with its interval, and the mean of the seeds that trained beside that of all.

Source: Mosbach, Andriushchenko and Klakow 2021, "On the stability of fine-tuning BERT", section 3; Dodge et al. 2020,
"Fine-tuning pretrained language models: weight initializations, data orders, and early stopping", section 5; Clopper
and Pearson 1934 for the interval of the rate, by `scipy.stats.binomtest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.core.wording import plural
from bench.records.record import RunRecord

CONFIDENCE: Final = 0.95
"""Of the interval of the rate of failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the training of several seeds went."""

    seeds: tuple[int, ...]
    """All of them."""
    failed: tuple[int, ...]
    """Those that failed, in order."""
    metric: str
    """What tells a failed seed."""
    level: float | None
    """What an answer that ignores the input scores; none where scores before fine-tuning are looked at."""
    rate_low: float
    """Lower end of the interval of the rate of failure, in [0, 1]."""
    rate_high: float
    """Upper end."""
    mean: float
    """Of the metric, over all seeds."""
    mean_of_trained: float | None
    """Over those that did not fail; none where all did."""


def training_of(records: Sequence[RunRecord]) -> Training:
    """Return which seeds failed, with the interval of the rate of failure.

    Args:
        records: one a seed, at least one, all of one config.
    """
    metric, level = _yardstick(records[0])
    failed = tuple(record.seed for record in records if _failed(record, metric, level))
    low, high = rate_interval(len(failed), len(records))
    values = {record.seed: record.scores[metric].value for record in records}
    trained = [value for seed, value in values.items() if seed not in failed]
    return Training(
        seeds=tuple(values),
        failed=failed,
        metric=metric,
        level=level,
        rate_low=low,
        rate_high=high,
        mean=float(np.mean(list(values.values()))),
        mean_of_trained=float(np.mean(trained)) if trained else None,
    )


def rate_interval(n_failed: int, n_seeds: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval of a rate of failure, in [0, 1].

    Args:
        n_failed: seeds that failed.
        n_seeds: seeds, at least one.
        confidence: coverage the interval has at least.
    """
    from scipy.stats import binomtest

    interval = binomtest(n_failed, n_seeds).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def _yardstick(record: RunRecord) -> tuple[str, float | None]:
    """Return the metric that tells a failed seed, and what an answer that ignores the input scores by it."""
    labels = record.config.data.labels
    if record.config.task.target != "text" and record.config.task.n_texts is None and "accuracy" in record.scores:
        share = record.data.splits["test"].majority_share
        return "accuracy", 1 / max(len(labels), 1) if share is None else share
    return record.config.primary_metric, None


def _failed(record: RunRecord, metric: str, level: float | None) -> bool:
    if level is not None:
        return record.scores[metric].low <= level
    gain = record.scores[metric].value - record.scores_before[metric].value
    return gain <= 0 if record.scores[metric].higher_is_better else gain >= 0


# --- in words --------------------------------------------------------------------------------------------------------


def in_words(training: Training) -> str:
    """Return which seeds failed, the rate, and the mean of the others; or what may be unseen where none failed."""
    n_failed, seeds = len(training.failed), plural(len(training.seeds), "seed")
    if not n_failed:
        unseen = _percent(0.8 ** len(training.seeds))
        return (
            f"none of {seeds} failed to train, which leaves a rate of failure of up to {_percent(training.rate_high)} "
            f"possible (one in five would go unseen with a chance of {unseen})"
        )
    rate = _percent(n_failed / len(training.seeds))
    if training.mean_of_trained is None:
        means = f"{training.metric} is {training.mean:.4g}"
    else:
        means = (
            f"{training.metric} is {training.mean_of_trained:.4g} over those that trained and {training.mean:.4g} over "
            "all"
        )
    return (
        f"{n_failed} of {seeds} failed to train ({named(training.failed)}: {_rule(training)}), a rate of {rate} "
        f"[{_percent(training.rate_low)}, {_percent(training.rate_high)}]; {means}; no seed is left out of any mean, "
        "interval or verdict"
    )


def named(seeds: Sequence[int]) -> str:
    """Return `seed 3` or `seeds 1, 4`."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _rule(training: Training) -> str:
    if training.level is None:
        return f"{training.metric} is no better than before fine-tuning"
    return f"accuracy is not surely above {training.level:.4g}, what an answer that ignores the input scores"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
