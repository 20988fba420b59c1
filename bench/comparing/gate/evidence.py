"""A run and its baseline -> what is known of every metric and cost that the policy names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from bench import metrics
from bench.comparing.compare import TOO_FEW, Comparison, MetricComparison, compare
from bench.comparing.gate.pairs import Pair
from bench.comparing.gate.policy import MetricPolicy, Policy
from bench.comparing.gate.verdict import CostEvidence, GateEvidence
from bench.comparing.side import Side
from bench.core.errors import InputError, suggest
from bench.core.wording import plural
from bench.records.record import RunRecord
from bench.statistics.differences import MeanDifference, seed_difference

OLDEST_SCHEMA: Final = 2
"""Older records lack the counts of near duplicates and the judge: they are read, shown, and not gated."""
FEWEST_SEEDS: Final = 3
"""Of either side, where the baseline stores no statistics and seeds are all there is."""


def metric_evidence(pair: Pair, policy: Policy) -> list[tuple[MetricPolicy, GateEvidence]]:
    """Return the evidence for each metric that the policy names, with its limits.

    Args:
        pair: both sides are there.
        policy: names metrics and confidence.

    Raises:
        InputError: the policy names a metric that the baseline lacks.
    """
    limits = policy.suites[pair.suite].metrics
    run, baseline = _sides(pair)
    for metric in limits:
        if not baseline.values(metric):
            stored = sorted(baseline.records[0].scores)
            raise InputError(
                f"suites.{pair.suite}.metrics.{metric}: the baseline {baseline.name} lacks this metric"
                f"{suggest(metric, stored)}; promote a baseline that has it, or take it out of the policy"
            )
    if not limits:
        return []
    table = compare(
        run,
        baseline,
        metrics=list(limits),
        confidence=policy.confidence,
        correction="none",  # the gate corrects its own one-sided p-values, over all suites
        pair_seeds=pair.pairs_seeds,
    )
    return [(metric_limits, _of_metric(metric, pair, table)) for metric, metric_limits in limits.items()]


def _of_metric(metric: str, pair: Pair, table: Comparison) -> GateEvidence:
    run, baseline = _sides(pair)
    spec = metrics.spec(metric)
    row = next((row for row in table.rows if row.metric == metric), None)
    why = _why_not(metric, pair, table, row)
    difference = None if row is None or why else _difference(row, pair, table.confidence)
    paired = difference is not None and difference.paired_seeds
    beside = [seed for seed in baseline.seeds if seed in run.seeds or not paired]
    best = spec.high if spec.higher_is_better else spec.low
    return GateEvidence(
        suite=pair.suite,
        method=pair.method,
        metric=metric,
        unit=spec.unit if row is None else row.unit,
        higher_is_better=spec.higher_is_better if row is None else row.higher_is_better,
        run=_mean(run, metric, run.seeds),
        baseline=_mean(baseline, metric, beside),
        n_seeds_run=len(run.seeds),
        n_seeds_baseline=len(beside),
        n_examples=_n_examples(metric, (run, baseline)),
        difference=difference,
        best=best if math.isfinite(best) else None,
        why=why,
        noise=None if row is None else row.noise,
        counts="group" if run.has_groups else "example",
    )


def _difference(row: MetricComparison, pair: Pair, confidence: float) -> MeanDifference | None:
    """Return run minus baseline; without ends where the test rows are too few to say how far others vary."""
    run, baseline = _sides(pair)
    if baseline.statistics and not _is_too_few(row):
        return row.difference
    over_seeds = seed_difference(
        run.values(row.metric),
        baseline.values(row.metric),
        pair_seeds=pair.pairs_seeds,
        confidence=confidence,
    )
    if not baseline.statistics:
        return over_seeds
    return replace(over_seeds, low=-math.inf, high=math.inf, standard_error=math.inf)


def _is_too_few(row: MetricComparison) -> bool:
    return row.why is not None and row.why.startswith(TOO_FEW)


def _why_not(metric: str, pair: Pair, table: Comparison, row: MetricComparison | None) -> str:
    """Return why a metric cannot be gated; empty where it can."""
    run, baseline = _sides(pair)
    if why := _stale(pair) or _unlike(table, metric):
        return why
    if row is None:
        return f"{metric} could not be compared"
    n_seeds = min(len(run.seeds), len(baseline.seeds))
    if not baseline.statistics and n_seeds < FEWEST_SEEDS:
        few = plural(n_seeds, "seed")
        return f"the baseline stores no statistics per example, and {few} are too few without; promote again"
    if baseline.statistics and row.why and not _is_too_few(row):
        return row.why
    return ""


def _stale(pair: Pair) -> str:
    for side, name in zip(_sides(pair), ("run", "baseline"), strict=True):
        version = min(record.schema_version for record in side.records)
        if version < OLDEST_SCHEMA:
            mend = "run it again with --force" if name == "run" else "promote fresh runs"
            return f"the {name} is stale: schema_version is {version}, a gate needs {OLDEST_SCHEMA}; {mend}"
    return ""


def _unlike(table: Comparison, metric: str | None) -> str:
    """Return the fields that differ, for all metrics or for this one; empty where none do."""
    fields = [
        f"{mismatch.field} is {_short(mismatch.ours)}, the baseline's {_short(mismatch.theirs)}"
        for mismatch in table.mismatches
        if mismatch.metric in (None, metric)
    ]
    return "; ".join(fields)


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:12]}…"


def _mean(side: Side, metric: str, seeds: Sequence[int]) -> float | None:
    """Return the mean over seeds, those that the difference is of."""
    values = [value for seed, value in side.values(metric).items() if seed in seeds]
    return float(np.mean(values)) if values else None


def _n_examples(metric: str, sides: Sequence[Side]) -> int | None:
    scores = [record.scores[metric] for side in sides for record in side.records if metric in record.scores]
    return min((score.n_groups or score.n_examples for score in scores), default=None)


def _sides(pair: Pair) -> tuple[Side, Side]:
    if pair.run is None or pair.baseline is None:
        raise ValueError(f"{pair.suite}: a side is missing")
    return pair.run, pair.baseline


# --- cost ------------------------------------------------------------------------------------------------------------


def _memory(record: RunRecord) -> float:
    gpu = record.cost.peak_gpu_memory_bytes
    return float(record.cost.peak_memory_bytes if gpu is None else gpu)


_COSTS: Final[dict[str, tuple[str, Callable[[RunRecord], float]]]] = {
    "max_time_ratio": ("s", lambda record: record.cost.stages_s.get("training", 0.0)),
    "max_memory_ratio": ("bytes", _memory),
    "max_trainable_ratio": ("parameters", lambda record: float(record.model.trainable_parameters)),
    "max_size_ratio": ("bytes", lambda record: float(record.cost.saved_bytes)),
}
_ON_ANY_DEVICE: Final = ("max_trainable_ratio", "max_size_ratio")


def cost_evidence(pair: Pair, policy: Policy) -> list[CostEvidence]:
    """Return the evidence for each cost limit that the policy names.

    Arguments: `metric_evidence`.
    """
    limits = policy.suites[pair.suite].cost.limits()
    if not limits:
        return []
    run, baseline = _sides(pair)
    why = _stale(pair) or _unlike(compare(run, baseline, metrics=[run.config.primary_metric]), None)
    devices = [_devices(side.records) for side in (run, baseline)]
    other = "" if devices[0] == devices[1] else f"the run is on {devices[0]}, the baseline on {devices[1]}"
    return [
        CostEvidence(
            suite=pair.suite,
            method=pair.method,
            limit_name=name,
            limit=limit,
            unit=_COSTS[name][0],
            run=tuple(_COSTS[name][1](record) for record in run.records),
            baseline=tuple(_COSTS[name][1](record) for record in baseline.records),
            why=why,
            other_device="" if name in _ON_ANY_DEVICE else other,
        )
        for name, limit in limits.items()
    ]


def _devices(records: Sequence[RunRecord]) -> str:
    return ", ".join(sorted({record.environment.device for record in records}))
