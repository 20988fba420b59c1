"""How soon a method reaches a target score, as AlgoPerf measures it, and that over several suites. Pure.

Source: Dahl et al. 2023, "Benchmarking neural network training algorithms" (time to result, median over studies, score
by performance profiles); Dolan and More 2002, "Benchmarking optimization software with performance profiles".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.records.record import RunRecord

MOST_TIMES_THE_FASTEST = 4.0
"""Where performance profiles end, as in AlgoPerf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTarget:
    """What a method spent until its scores along the way first reached a target; medians over seeds."""

    n_seeds: int
    n_reached: int
    """Seeds that reached it at all."""
    steps: float | None
    """Optimiser steps; None where the median seed did not reach it."""
    tokens: float | None
    """Training tokens, taken to be spread evenly over the steps."""
    seconds: float | None
    """Of training alone: loading and scoring do not count."""


def to_target(records: Sequence[RunRecord], metric: str, target: float, *, higher_is_better: bool) -> ToTarget | None:
    """Return what it took to reach a target; None where a seed has no curve of that metric.

    Args:
        records: one a seed.
        metric: whose scores along the way are looked at.
        target: in the metric's unit; a score that equals it has reached it.
        higher_is_better: the metric's direction.
    """
    reached = []
    for record in records:
        curve = [
            (evaluation.step, evaluation.scores[metric].value)
            for evaluation in record.evaluations
            if metric in evaluation.scores
        ]
        if not curve or curve[-1][0] == 0:
            return None
        step = _first_at(curve, target, higher_is_better=higher_is_better)
        share = step / curve[-1][0]
        cost = record.cost
        reached.append((step, share * cost.n_training_tokens, share * cost.stages_s["training"]))
    steps, tokens, seconds = (median(column) for column in zip(*reached, strict=True))
    return ToTarget(
        n_seeds=len(reached),
        n_reached=sum(math.isfinite(step) for step, _, _ in reached),
        steps=_finite(steps),
        tokens=_finite(tokens),
        seconds=_finite(seconds),
    )


def _first_at(curve: Sequence[tuple[int, float]], target: float, *, higher_is_better: bool) -> float:
    reached = (step for step, value in curve if (value >= target if higher_is_better else value <= target))
    return next(reached, math.inf)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- several suites --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceProfile:
    """How often a method is nearly the fastest."""

    method: str
    ratios: tuple[float, ...]
    """One a suite: its time over the fastest one's; infinite where it did not reach the target."""

    def share_within(self, factor: float) -> float:
        """Return the share of suites in which it takes at most `factor` times as long as the fastest."""
        return sum(ratio <= factor for ratio in self.ratios) / len(self.ratios)

    @property
    def area(self) -> float:
        """Return the mean of `share_within` over factors from 1 to `MOST_TIMES_THE_FASTEST`: AlgoPerf's score."""
        reach = MOST_TIMES_THE_FASTEST - 1
        return sum(max(MOST_TIMES_THE_FASTEST - ratio, 0.0) / reach for ratio in self.ratios) / len(self.ratios)


def performance_profiles(seconds: Sequence[Mapping[str, float | None]]) -> tuple[PerformanceProfile, ...]:
    """Return the profile of every method that was measured on all suites, the best first.

    Args:
        seconds: for each suite, method -> seconds to its target; None where it was not reached. A method without a
            curve is absent.
    """
    methods = sorted(set.intersection(*(set(suite) for suite in seconds))) if seconds else []
    ratios: dict[str, list[float]] = {method: [] for method in methods}
    for suite in seconds:
        times = {method: math.inf if (time := suite[method]) is None else time for method in methods}
        fastest = min(times.values(), default=math.inf)
        for method, time in times.items():
            ratios[method].append(_ratio(time, fastest))
    profiles = [PerformanceProfile(method=method, ratios=tuple(ratios[method])) for method in methods]
    return tuple(sorted(profiles, key=lambda profile: (-profile.area, profile.method)))


def _ratio(time: float, fastest: float) -> float:
    if math.isinf(time):
        return math.inf
    return 1.0 if time == fastest else (time / fastest if fastest else math.inf)
