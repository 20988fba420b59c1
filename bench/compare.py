"""RunRecords x Baseline x documented claims -> Comparison. Pure: everything a report shows, and no file is read.

Only like is set against like. A difference in data, split, metric, base model, task, precision or budget makes a
baseline incomparable, and the fields are named. Device and package versions may change low-order bits and timings, and
learning rate or method are what people compare, so those are notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.baseline import Baseline
from bench.claims import ClaimVerdict, Documented, RangeClaim, TrendClaim, ValueClaim, departures, judge
from bench.config import SuiteConfig
from bench.errors import InputError
from bench.record import Change, RunRecord, Score
from bench.statistics import seed_summary, welch_interval

Agreement = Literal["identical", "not told apart", "different", "no interval"]

BUDGET = ("epochs", "steps", "batch_size", "precision")
"""Fields of `training` that both sides must share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One field in which two sides are unlike."""

    field: str
    """Dotted name, as the record has it."""
    ours: str
    theirs: str
    """The other side's: in a report, the baseline's."""
    metric: str | None = None
    """The one metric that it concerns; none where it concerns all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and how sure it is, in the metric's unit."""

    value: float
    """Mean over seeds."""
    low: float
    high: float
    confidence: float
    """Coverage the interval aims at, in (0, 1)."""
    over: Literal["examples", "seeds"]
    """What the interval is over: seeds (Student's t), or test examples where there is one seed or all seeds agree."""
    n_seeds: int
    standard_deviation: float | None
    """Over seeds; none for one seed."""

    @property
    def excludes_zero(self) -> bool:
        """Return whether the interval lies wholly on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBaseline:
    """One metric beside the measured baseline's."""

    baseline: Estimate
    difference: float
    """Ours minus the baseline's, means over seeds."""
    low: float | None
    """Lower end of Welch's interval of the difference; none where a side has one seed."""
    high: float | None
    agreement: Agreement
    """`identical`: every seed both sides ran gave the same number to the last digit, and both ran the same seeds.
    Otherwise by whether the interval holds zero; `no interval` where a side has one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric."""

    metric: str
    unit: str
    higher_is_better: bool
    signature: str
    n_examples: int
    before: Estimate
    after: Estimate
    change: Estimate
    """After minus before, on the same examples."""
    against: AgainstBaseline | None
    """None where there is no baseline, or it is incomparable in this metric."""
    mismatches: tuple[Mismatch, ...]
    """Why this metric cannot be set against the baseline; empty where it can, or there is none."""
    documented: tuple[ValueClaim | RangeClaim | TrendClaim, ...]
    """Claims about this metric's value after fine-tuning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One suite, profile and method: its runs, the measured baseline, the recipe's claims."""

    records: tuple[RunRecord, ...]
    """One a seed, in their order, all of one config."""
    rows: tuple[Row, ...]
    """The primary metric first."""
    baseline: Baseline | None
    """None where none is stored: said in the report, never hidden."""
    mismatches: tuple[Mismatch, ...]
    """Everything in which the baseline is unlike, every metric's own included."""
    notes: tuple[str, ...]
    """Differences from the baseline that do not stand in the way."""
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
    def primary(self) -> Row:
        """Return the row of the primary metric."""
        return next(row for row in self.rows if row.metric == self.config.primary_metric)


def compare(
    records: Sequence[RunRecord],
    *,
    baseline: Baseline | None = None,
    documented: Documented | None = None,
    siblings: Mapping[str, Sequence[RunRecord]] | None = None,
) -> Comparison:
    """Set the runs of one config beside the measured baseline and the documented claims.

    Args:
        records: one record a seed, all of one config key.
        baseline: the measured baseline; none where there is none.
        documented: the recipe's claims; none where there are none.
        siblings: other methods of the same suite and profile -> their runs, for claims that order methods.

    Raises:
        InputError: no record, two of one seed, several configs, or seeds that scored different metrics.
    """
    ordered = sorted(records, key=lambda record: record.seed)
    check_records(ordered)
    first = ordered[0]
    mismatches = () if baseline is None else comparability(first, baseline)
    return Comparison(
        records=tuple(ordered),
        rows=tuple(_row(name, ordered, baseline, mismatches, documented) for name in _metric_order(first.config)),
        baseline=baseline,
        mismatches=mismatches,
        notes=() if baseline is None else notes(ordered, baseline.records()),
        claims=() if documented is None else judge(documented, ordered, siblings),
        departures=() if documented is None else departures(documented, first.config),
        recipe=None if documented is None else documented.recipe,
    )


def _metric_order(config: SuiteConfig) -> list[str]:
    """Return the primary metric, then the others as stored."""
    return sorted(config.metrics, key=lambda metric: metric != config.primary_metric)


def comparability(ours: RunRecord | Baseline, theirs: RunRecord | Baseline) -> tuple[Mismatch, ...]:
    """Return every field that makes two sides unlike; empty where they may be compared.

    Args:
        ours: a baseline, or any record of a config: its seeds share all that is looked at.
        theirs: the other side.
    """
    mine, other = identity(ours), identity(theirs)
    found = [
        Mismatch(field=field, ours=_shown(mine.get(field)), theirs=_shown(other.get(field)))
        for field in dict.fromkeys((*mine, *other))
        if mine.get(field) != other.get(field)
    ]
    for metric in dict.fromkeys((*ours.config.metrics, *theirs.config.metrics)):
        found += _metric_mismatches(metric, ours, theirs)
    return tuple(found)


def identity(side: RunRecord | Baseline) -> dict[str, Any]:
    """Return everything that both sides must share, by dotted name."""
    training = side.config.training.model_dump()
    return {
        "suite": side.suite,
        "version": side.config.version,
        "profile": side.profile,
        "model.base": side.model.base,
        "model.family": side.config.model.family,
        "model.pooling": side.config.model.pooling,
        "data.fingerprint": side.data.fingerprint,
        **{f"task.{name}": value for name, value in side.config.task.model_dump().items()},
        **{f"training.{name}": training[name] for name in BUDGET},
    }


def _metric_mismatches(metric: str, ours: RunRecord | Baseline, theirs: RunRecord | Baseline) -> list[Mismatch]:
    mine, other = _score_of(ours, metric), _score_of(theirs, metric)
    if mine is None and other is None:
        return []
    if mine is None or other is None:
        a, b = ("not scored" if score is None else "scored" for score in (mine, other))
        return [Mismatch(field=f"metrics.{metric}", ours=a, theirs=b, metric=metric)]
    pairs = {
        "signature": (mine.signature, other.signature),
        "n_examples": (mine.n_examples, other.n_examples),
        "prediction": (ours.config.metrics[metric].prediction, theirs.config.metrics[metric].prediction),
    }
    return [
        Mismatch(field=f"metrics.{metric}.{name}", ours=_shown(a), theirs=_shown(b), metric=metric)
        for name, (a, b) in pairs.items()
        if a != b
    ]


def _score_of(side: RunRecord | Baseline, metric: str) -> Score | None:
    """Return the score of any seed, or None where not every seed was scored."""
    if isinstance(side, Baseline):
        return next(iter(side.scores(metric)), None)
    return side.scores.get(metric)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def notes(ours: Sequence[RunRecord], theirs: Sequence[RunRecord], *, name: str = "baseline") -> tuple[str, ...]:
    """Return differences that a reader should know of and that do not forbid the comparison.

    Args:
        ours: one record a seed, of one config.
        theirs: the other side's.
        name: what the notes call the other side.
    """
    found = []
    for field in ("device", "n_threads", "python", "platform", "bench_version"):
        a, b = (_distinct(side, field) for side in (ours, theirs))
        if a != b:
            found.append(f"{field}: {a}, {name} {b}")
    mine, other = ours[0].environment.packages, theirs[0].environment.packages
    found += [
        f"{package} {mine.get(package, 'absent')}, {name} {other.get(package, 'absent')}"
        for package in sorted({*mine, *other})
        if mine.get(package) != other.get(package)
    ]
    found += _setting_notes(ours[0].config, theirs[0].config, name)
    return tuple(found)


def _distinct(side: Sequence[RunRecord], field: str) -> str:
    return ", ".join(dict.fromkeys(str(getattr(one.environment, field)) for one in side))


def _setting_notes(ours: SuiteConfig, theirs: SuiteConfig, name: str) -> list[str]:
    """Return the settings that may differ because they are what is being compared."""
    a = {"method": ours.method_name, **_flat("method", ours.method.model_dump(mode="json"))}
    b = {"method": theirs.method_name, **_flat("method", theirs.method.model_dump(mode="json"))}
    a |= _flat("training", ours.training.model_dump(mode="json", exclude=set(BUDGET)))
    b |= _flat("training", theirs.training.model_dump(mode="json", exclude=set(BUDGET)))
    return [
        f"{field}: {_shown(a.get(field))}, {name} {_shown(b.get(field))}"
        for field in dict.fromkeys((*a, *b))
        if a.get(field) != b.get(field)
    ]


def _flat(prefix: str, table: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        path = f"{prefix}.{name}"
        flat |= _flat(path, value) if isinstance(value, Mapping) else {path: value}
    return flat


# --- rows ------------------------------------------------------------------------------------------------------------


def _row(
    metric: str,
    records: Sequence[RunRecord],
    baseline: Baseline | None,
    mismatches: Sequence[Mismatch],
    documented: Documented | None,
) -> Row:
    scores = [record.scores[metric] for record in records]
    standing = tuple(m for m in mismatches if m.metric in (None, metric))
    against = None
    if baseline is not None and not standing:
        ours = {record.seed: record.scores[metric].value for record in records}
        theirs = {seed.seed: seed.scores[metric].value for seed in baseline.seeds}
        against = _against(ours, theirs, estimate(baseline.scores(metric)))
    return Row(
        metric=metric,
        unit=scores[0].unit,
        higher_is_better=scores[0].higher_is_better,
        signature=scores[0].signature,
        n_examples=scores[0].n_examples,
        before=estimate([record.scores_before[metric] for record in records]),
        after=estimate(scores),
        change=estimate([record.changes[metric] for record in records]),
        against=against,
        mismatches=standing,
        documented=tuple(
            claim
            for claim in (documented.claims if documented else ())
            if claim.kind != "ordering" and claim.quantity == f"scores.{metric}" and claim.minus is None
        ),
    )


def estimate(scores: Sequence[Score | Change]) -> Estimate:
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


def _against(ours: Mapping[int, float], theirs: Mapping[int, float], baseline: Estimate) -> AgainstBaseline:
    a, b = list(ours.values()), list(theirs.values())
    low, high = welch_interval(a, b)
    agreement: Agreement
    if ours == theirs:
        agreement = "identical"
    elif low is None or high is None:
        agreement = "no interval"
    else:
        agreement = "not told apart" if low <= 0 <= high else "different"
    difference = sum(a) / len(a) - sum(b) / len(b)
    return AgainstBaseline(baseline=baseline, difference=difference, low=low, high=high, agreement=agreement)


def check_records(records: Sequence[RunRecord]) -> None:
    """Check that records are the seeds of one config, each once and fully scored.

    Raises:
        InputError: they are not.
    """
    if not records:
        raise InputError("there is no run to compare; `bench run` makes one")
    keys = sorted({record.config_key for record in records})
    if len(keys) > 1:
        raise InputError(f"records of several configs ({', '.join(keys)}) were given; compare one config key at a time")
    seeds = [record.seed for record in records]
    if len(set(seeds)) < len(seeds):
        raise InputError(f"two records of one seed were given (seeds {', '.join(map(str, seeds))}); give each once")
    first = records[0]
    for record in records:
        for metric in first.config.metrics:
            if not all(metric in scores for scores in (record.scores, record.scores_before, record.changes)):
                raise InputError(f"seed {record.seed} has no score for {metric}; run it again with --force")
        if record.data.fingerprint != first.data.fingerprint or record.model.base != first.model.base:
            raise InputError(
                f"seeds {first.seed} and {record.seed} saw different data or base weights; run them again with --force"
            )
