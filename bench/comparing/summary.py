"""Records x baseline x documented claims -> `RunSummary`. Pure: everything a report shows, and no file is read.

The change by fine-tuning and the difference from the measured baseline are comparisons of one kind
(`bench.comparing.compare`): an interval over seeds and examples where statistics per example are given, over seeds
where they are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.comparing.claims import (
    ClaimVerdict,
    Documented,
    RangeClaim,
    TrendClaim,
    ValueClaim,
    departures,
    judge_claims,
)
from bench.comparing.comparable import Mismatch, check_records, notes
from bench.comparing.compare import Comparison, MetricComparison, Standing, compare
from bench.comparing.side import Side
from bench.config import SuiteConfig
from bench.records.baselines import Baseline
from bench.records.record import RunRecord, Score, Stage
from bench.statistics.intervals import Array, Interval, seed_summary

if TYPE_CHECKING:
    from bench.comparing.gate.verdict import Verdict

BaselineStanding = Literal["identical"] | Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate(Interval):
    """A mean over seeds and how sure it is, in the metric's unit."""

    over: Literal["examples", "seeds", "both"]
    """What the interval lets vary: seeds (Student's t), or test examples where there is one seed or all seeds agree;
    both where statistics per example are compared."""
    n_seeds: int
    standard_deviation: float | None
    """Over seeds; none for one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBaseline:
    """One metric beside the measured baseline's."""

    baseline: Estimate
    comparison: MetricComparison
    """These runs minus the baseline."""
    is_identical: bool
    """Both sides ran the same seeds, and every seed gave the same number to the last digit."""

    @property
    def standing(self) -> BaselineStanding:
        """Return what these runs are beside the baseline."""
        return "identical" if self.is_identical else self.comparison.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """One metric."""

    metric: str
    unit: str
    higher_is_better: bool
    signature: str
    n_examples: int
    n_groups: int | None
    """Groups that these belong to; none where every example stands for itself."""
    before: Estimate
    after: Estimate
    change: MetricComparison
    """After minus before, on the same examples and by the same seeds."""
    against: AgainstBaseline | None
    """None where there is no baseline, or it is incomparable in this metric."""
    mismatches: tuple[Mismatch, ...]
    """Why this metric cannot be set against the baseline; empty where it can, or there is none."""
    documented: tuple[ValueClaim | RangeClaim | TrendClaim, ...]
    """Claims about this metric's value after fine-tuning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One suite, profile and method: its runs, the measured baseline, the recipe's claims."""

    records: tuple[RunRecord, ...]
    """One a seed, in their order, all of one config."""
    rows: tuple[MetricSummary, ...]
    """The primary metric first."""
    baseline: Baseline | None
    """None where none is stored: said in the report, never hidden."""
    mismatches: tuple[Mismatch, ...]
    """Everything in which the baseline is unlike, every metric's own included."""
    notes: tuple[str, ...]
    """Differences from the baseline that do not stand in the way."""
    gate: Verdict | str | None
    """What the policy says of these runs, or why it can say nothing; none where no policy names them."""
    claims: tuple[ClaimVerdict, ...]
    departures: tuple[str, ...]
    """What these runs have otherwise than the recipe, one clause a field."""
    recipe: str | None
    """The recipe the claims are of; none where no claims are written down."""

    @property
    def config(self) -> SuiteConfig:
        """Return the resolved suite that ran."""
        return self.records[0].config

    @property
    def primary(self) -> MetricSummary:
        """Return the row of the primary metric."""
        return next(row for row in self.rows if row.metric == self.config.primary_metric)


def summarize(
    records: Sequence[RunRecord],
    *,
    statistics: Mapping[int, Mapping[Stage, Mapping[str, Array]]] | None = None,
    baseline: Baseline | None = None,
    baseline_statistics: Mapping[int, Mapping[str, Array]] | None = None,
    gate: Verdict | str | None = None,
    documented: Documented | None = None,
    siblings: Mapping[str, Sequence[RunRecord]] | None = None,
) -> RunSummary:
    """Set the runs of one config beside the measured baseline and the documented claims.

    Args:
        records: one record a seed, all of one config key.
        statistics: seed -> stage -> metric -> (n_examples, n_statistics), summed within groups where rows
            belong together; without the seeds that stored none.
        baseline: the measured baseline; none where there is none.
        baseline_statistics: seed -> metric -> (n_examples, n_statistics) after fine-tuning, as the baseline has them.
        gate: what the policy says of these runs, or why it can say nothing.
        documented: the recipe's claims; none where there are none.
        siblings: other methods of the same suite and profile -> their runs, for claims that order methods.

    Raises:
        InputError: no record, two of one seed, several configs, or seeds that scored different metrics.
    """
    ordered = sorted(records, key=lambda record: record.seed)
    check_records(ordered)
    after = _side("the run", ordered, _of_stage(statistics, "after"))
    earlier = [record.model_copy(update={"scores": record.scores_before}) for record in ordered]
    before = _side("the run before fine-tuning", earlier, _of_stage(statistics, "before"))
    # Every metric gets its row: scores that differ in kind are the run's own fault, and their row says so.
    own = [f"metrics.{name}.{field}" for name in after.config.metrics for field in ("signature", "n_examples")]
    changes = compare(after, before, allow=own)
    against = None
    if baseline is not None:
        against = compare(after, _side("the baseline", baseline.records(), baseline_statistics or {}))
    return RunSummary(
        records=tuple(ordered),
        rows=tuple(_row(change, ordered, against, documented) for change in changes.rows),
        baseline=baseline,
        mismatches=() if against is None else against.mismatches,
        notes=() if baseline is None else notes(ordered, baseline.records()),
        gate=gate,
        claims=() if documented is None else judge_claims(documented, ordered, siblings),
        departures=() if documented is None else departures(documented, ordered[0].config),
        recipe=None if documented is None else documented.recipe,
    )


def _side(name: str, records: Sequence[RunRecord], statistics: Mapping[int, Mapping[str, Array]]) -> Side:
    return Side(name=name, records=tuple(records), statistics=statistics, runs={})


def _of_stage(
    statistics: Mapping[int, Mapping[Stage, Mapping[str, Array]]] | None, stage: Stage
) -> dict[int, Mapping[str, Array]]:
    return {seed: by_stage[stage] for seed, by_stage in (statistics or {}).items() if stage in by_stage}


def _row(
    change: MetricComparison, records: Sequence[RunRecord], against: Comparison | None, documented: Documented | None
) -> MetricSummary:
    metric = change.metric
    scores = [record.scores[metric] for record in records]
    return MetricSummary(
        metric=metric,
        unit=change.unit,
        higher_is_better=change.higher_is_better,
        signature=change.signature,
        n_examples=scores[0].n_examples,
        n_groups=scores[0].n_groups,
        before=estimate([record.scores_before[metric] for record in records]),
        after=estimate(scores),
        change=change,
        against=None if against is None else _against(metric, against),
        mismatches=() if against is None else tuple(m for m in against.mismatches if m.metric in (None, metric)),
        documented=tuple(
            claim
            for claim in (documented.claims if documented else ())
            if claim.kind != "ordering" and claim.quantity == f"scores.{metric}" and claim.minus is None
        ),
    )


def _against(metric: str, comparison: Comparison) -> AgainstBaseline | None:
    row = next((row for row in comparison.rows if row.metric == metric), None)
    if row is None:
        return None
    scores = [record.scores[metric] for record in comparison.b.records]
    is_identical = comparison.a.values(metric) == comparison.b.values(metric)
    return AgainstBaseline(baseline=estimate(scores), comparison=row, is_identical=is_identical)


def estimate(scores: Sequence[Score]) -> Estimate:
    """Return mean and interval of one score a seed.

    Args:
        scores: at least one. Several give a t interval over seeds. A single one keeps its own interval over examples,
            and so do several that are equal to the last digit, such as those of a base model that no seed has touched:
            a t interval would have no width there, and claim a certainty that a few test rows do not give.
    """
    summary = seed_summary([score.value for score in scores])
    if summary.low is None or summary.high is None or len({score.value for score in scores}) == 1:
        first = scores[0]
        return Estimate(
            value=first.value,
            low=first.low,
            high=first.high,
            confidence=first.confidence,
            over="examples",
            n_seeds=summary.n,
            standard_deviation=summary.standard_deviation,
        )
    return Estimate(
        value=summary.mean,
        low=summary.low,
        high=summary.high,
        confidence=summary.confidence,
        over="seeds",
        n_seeds=summary.n,
        standard_deviation=summary.standard_deviation,
    )
