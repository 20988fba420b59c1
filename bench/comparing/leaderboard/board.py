"""Stored results of one suite and profile -> Board: everything that a leaderboard shows. Pure.

Each pair of methods is a comparison of `bench.comparing.compare`: the calibrated interval over seeds and examples.
Seeds are not paired between methods, and how far they move a score is learned from all methods together
(`bench.statistics.spread`). Whether a pair is told apart is decided by its p-value, corrected over all pairs that are
tested after Shaffer, so ranks, letters and the word beside a difference agree. The intervals shown are not corrected.
No method is called good enough but by a margin (`bench.comparing.leaderboard.margin`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

from bench import metrics as metric_layer
from bench.comparing.compare import MetricComparison
from bench.comparing.leaderboard.margin import check_margin, shortfalls
from bench.comparing.leaderboard.pairs import MethodPair, asked_names, compare_pairs, letters_of, rank_range
from bench.comparing.leaderboard.selection import Selection
from bench.comparing.leaderboard.targets import ToTarget, to_target
from bench.comparing.side import Side
from bench.comparing.summary import Estimate, estimate
from bench.core.errors import InputError
from bench.records.record import RunRecord
from bench.statistics.differences import MeanDifference, mean_score
from bench.statistics.intervals import check_confidence

MIN_SEEDS = 3
"""With fewer, nothing or next to nothing is known of what another seed would give."""
_SAME_VALUE = 1e-9
"""Greatest relative gap between a stored score and the one its statistics give: the rounding of a sum."""

Word = Literal["reference", "better", "worse", "not told apart", "no interval", "not tested", "no reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSummary:
    """What a method costs; means over seeds."""

    trainable_parameters: int
    trainable_share: float
    """Of all parameters, in [0, 1]."""
    saved_bytes: float
    training_s: float
    """The training stage alone."""
    wall_s: float
    """The whole run: loading, training and scoring."""
    cpu_s: float | None
    """Processor time of the run; None where a record does not have it."""
    peak_memory_bytes: float
    memory_of: Literal["GPU", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How much worse a method made the model on unrelated text."""

    mean_nats: float
    """Rise of the loss a token by fine-tuning, mean over seeds; above 0 is forgetting."""
    standard_deviation_nats: float | None
    """Over seeds; None for one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEntry:
    """One method."""

    name: str
    side: Side
    rank_low: int
    """The best rank that it can have: 1 + the number of methods that are significantly better."""
    rank_high: int
    """The worst: the number of methods less those that are significantly worse."""
    letters: str
    """Methods that share a letter were tested and not told apart; empty where it was tested with no other."""
    level: Estimate
    word: Word
    """What it is beside the reference."""
    difference: MetricComparison | None
    """It minus the reference; None for the reference itself, where there is none, and where it was not tested."""
    shortfall: float | None
    """How far below the best it may be, 0 or more; None without a margin, and where that is not known
    (`bench.comparing.leaderboard.margin.shortfalls`)."""
    spent: CostSummary
    to_target: ToTarget | None
    """None where there is no target, or a seed has no curve."""
    forgetting: Mapping[str, Forgotten]
    """Title of an unrelated text -> what was forgotten of it; empty where a seed did not measure it."""

    @property
    def n_seeds(self) -> int:
        """Return how many seeds it was run with."""
        return len(self.side.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A leaderboard: methods by score, the best first."""

    selection: Selection
    unit: str
    higher_is_better: bool
    confidence: float
    """Of the intervals; a pair is told apart where its corrected p is below 1 minus it."""
    target: float | None
    """What a score has to reach, in the metric's unit; None where none was given and there is no reference."""
    margin: float | None
    """How far below the best is good enough, in the metric's unit; None where nobody said."""
    methods: tuple[str, ...]
    """Names that were asked for, to be set against each other and the reference; empty for all."""
    entries: tuple[BoardEntry, ...]
    pairs: tuple[MethodPair, ...]
    """Those that were asked for, in the order of the entries."""

    @property
    def metric(self) -> str:
        """Return what methods are ranked by."""
        return self.selection.metric

    @property
    def n_tested(self) -> int:
        """Return how many pairs there was evidence to test."""
        return sum(pair.is_tested for pair in self.pairs)

    @property
    def n_told_apart(self) -> int:
        """Return how many pairs differ significantly."""
        return sum(pair.is_told_apart for pair in self.pairs)

    @property
    def tested(self) -> tuple[BoardEntry, ...]:
        """Return the methods that were tested with another."""
        return tuple(entry for entry in self.entries if entry.letters)

    @property
    def not_asked(self) -> tuple[BoardEntry, ...]:
        """Return the methods that were left out of the tests because others were asked for."""
        asked = asked_names([entry.name for entry in self.entries], self.selection.reference, self.methods)
        return tuple(entry for entry in self.entries if entry.name not in asked)

    @property
    def unbeaten(self) -> tuple[BoardEntry, ...]:
        """Return the methods that were tested and that no other is significantly better than."""
        return tuple(entry for entry in self.tested if entry.rank_low == 1)

    @property
    def good_enough(self) -> tuple[BoardEntry, ...]:
        """Return the methods that are shown to be within the margin of the best; none without a margin."""
        return tuple(
            entry
            for entry in self.entries
            if self.margin is not None and entry.shortfall is not None and entry.shortfall < self.margin
        )

    @property
    def forgotten_texts(self) -> tuple[str, ...]:
        """Return the titles of the unrelated texts that any method was measured on."""
        return tuple(sorted({title for entry in self.entries for title in entry.forgetting}))


def build_board(
    selection: Selection,
    *,
    target: float | None = None,
    confidence: float = 0.95,
    margin: float | None = None,
    methods: Sequence[str] = (),
) -> Board:
    """Rank methods, and set each pair of them against each other.

    Args:
        selection: results that can be compared.
        target: the score whose cost is asked for; default: the mean score of the reference.
        confidence: coverage the intervals aim at, in (0, 1).
        margin: how far below the best is good enough, in the metric's unit; default: none is called so.
        methods: names of those to set against each other and the reference; default: all. The others are shown, and
            tested with nothing.

    Raises:
        InputError: the target is not finite, the margin not above 0, or the confidence out of range.
    """
    if target is not None and not math.isfinite(target):
        raise InputError(f"the target is {target}; give a score, in the metric's unit")
    check_confidence(confidence)
    if margin is not None:
        check_margin(margin)
    metric = selection.metric
    score = selection.sides[0].records[0].scores[metric]
    sign = -1 if score.higher_is_better else 1
    levels = {side.name: _level(side, metric, confidence) for side in selection.sides}
    sides = sorted(selection.sides, key=lambda side: (sign * levels[side.name].value, side.name))
    names = [side.name for side in sides]
    asked = asked_names(names, selection.reference, methods)
    pairs = compare_pairs(sides, asked, metric, confidence)
    if target is None and selection.reference is not None:
        target = levels[selection.reference].value
    groups = letters_of(names, pairs)
    short = {} if margin is None else shortfalls(asked, pairs, margin, confidence)
    entries = []
    for side in sides:
        rank_low, rank_high = rank_range(side.name, len(sides), pairs)
        word, difference = _beside(side.name, selection.reference, pairs)
        entries.append(
            BoardEntry(
                name=side.name,
                side=side,
                rank_low=rank_low,
                rank_high=rank_high,
                letters=groups[side.name],
                level=levels[side.name],
                word=word,
                difference=difference,
                shortfall=short.get(side.name),
                spent=_spent(side.records),
                to_target=None
                if target is None
                else to_target(side.records, metric, target, higher_is_better=score.higher_is_better),
                forgetting=_forgetting(side.records),
            )
        )
    return Board(
        selection=selection,
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        confidence=confidence,
        target=target,
        margin=margin,
        methods=tuple(methods),
        entries=tuple(entries),
        pairs=pairs,
    )


# --- scores ----------------------------------------------------------------------------------------------------------


def _level(side: Side, metric: str, confidence: float) -> Estimate:
    """Return the mean over seeds, with its interval over seeds and examples where statistics give a finite one."""
    scores = [record.scores[metric] for record in side.records]
    over_seeds = replace(estimate(scores), value=fmean(score.value for score in scores))
    crossed = _mean_score(side, metric, confidence)
    if crossed is None or not math.isfinite(crossed.low) or not _is_same(crossed.value, over_seeds.value):
        return over_seeds
    return replace(over_seeds, low=crossed.low, high=crossed.high, confidence=confidence, over=crossed.over)


def _is_same(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=_SAME_VALUE, abs_tol=_SAME_VALUE)


def _mean_score(side: Side, metric: str, confidence: float) -> MeanDifference | None:
    statistics = {seed: by_metric[metric] for seed, by_metric in side.statistics.items() if metric in by_metric}
    if len(statistics) < len(side.records):
        return None
    try:
        aggregate = metric_layer.for_stored(metric, side.config, side.records[0]).aggregate
        return mean_score(aggregate, statistics, confidence=confidence)
    except InputError:
        return None


def _beside(name: str, reference: str | None, pairs: Sequence[MethodPair]) -> tuple[Word, MetricComparison | None]:
    if reference is None:
        return "no reference", None
    if name == reference:
        return "reference", None
    pair = next((pair for pair in pairs if {pair.a, pair.b} == {name, reference}), None)
    if pair is None:
        return "not tested", None
    row = pair.comparison if pair.a == name else _turned(pair.comparison)
    if row.difference is None:
        return "no interval", row
    if not pair.is_told_apart:
        return "not told apart", row
    return "better" if pair.better == name else "worse", row


def _turned(row: MetricComparison) -> MetricComparison:
    """Return the same two sides the other way round: b minus a."""
    difference = row.difference
    if difference is not None:
        difference = replace(
            difference,
            value=-difference.value,
            low=-difference.high,
            high=-difference.low,
            n_seeds_a=difference.n_seeds_b,
            n_seeds_b=difference.n_seeds_a,
        )
    return replace(row, a=row.b, b=row.a, difference=difference)


# --- cost ------------------------------------------------------------------------------------------------------------


def _spent(records: Sequence[RunRecord]) -> CostSummary:
    costs, model = [record.cost for record in records], records[0].model
    on_gpu = [cost.peak_gpu_memory_bytes for cost in costs if cost.peak_gpu_memory_bytes is not None]
    is_gpu = len(on_gpu) == len(costs)
    cpu = [cost.cpu_time_s for cost in costs if cost.cpu_time_s is not None]
    return CostSummary(
        trainable_parameters=model.trainable_parameters,
        trainable_share=model.trainable_share,
        saved_bytes=fmean(cost.saved_bytes for cost in costs),
        training_s=fmean(cost.stages_s["training"] for cost in costs),
        wall_s=fmean(cost.wall_time_s for cost in costs),
        cpu_s=fmean(cpu) if len(cpu) == len(costs) else None,
        peak_memory_bytes=fmean(on_gpu if is_gpu else [cost.peak_memory_bytes for cost in costs]),
        memory_of="GPU" if is_gpu else "process",
    )


def _forgetting(records: Sequence[RunRecord]) -> dict[str, Forgotten]:
    """Return what was forgotten of each text that every seed was measured on."""
    titles = set.intersection(*(set(record.forgetting) for record in records))
    forgotten = {}
    for title in sorted(titles):
        rises = [record.forgetting[title].after_nats - record.forgetting[title].before_nats for record in records]
        spread = stdev(rises) if len(rises) > 1 else None
        forgotten[title] = Forgotten(mean_nats=fmean(rises), standard_deviation_nats=spread)
    return forgotten
