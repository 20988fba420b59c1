"""Two sides set against each other, metric by metric: how far apart they are, and how sure that is. Pure.

Like with like comes first: sides that differ in data, metric, base model or budget give the fields and no numbers,
unless a field is waived by name. Then each metric's difference with its interval, which tells "better" and "worse" from
"not told apart", and beside it every test that applies, so that a reader sees whether they agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from bench import metrics as metric_layer
from bench.comparing.comparable import Mismatch, comparability, identity, notes
from bench.comparing.decisions import rests_on_decisions
from bench.comparing.pairing import pairs_seeds
from bench.comparing.side import Side
from bench.config import SuiteConfig
from bench.core.errors import InputError, suggest
from bench.records.grouping import groups_name
from bench.statistics.differences import MeanDifference, difference, seed_difference
from bench.statistics.intervals import Aggregate, check_confidence, paired_bootstrap
from bench.statistics.jackknife import Jackknife, jackknife
from bench.statistics.spread import SeedSpread
from bench.statistics.tests import Correction, adjusted, approximate_randomization, mcnemar_exact

Standing = Literal["better", "worse", "not told apart", "no interval"]
TOO_FEW = "one example, or the same difference on each of a few, does not show how far others vary"
"""Why statistics per example give no interval where nothing else is wrong with them."""
RIGHT_OR_WRONG = ("accuracy", "style_judge_accuracy")
"""Metrics whose first statistic is 1 for an example that is right and 0 for one that is wrong."""
_METRIC_FIELDS = ("signature", "n_examples", "prediction")
_SAME_VALUE = 1e-9
"""Greatest relative gap between a stored score and the one its statistics give: the rounding of a sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric of two sides. The difference is a minus b."""

    metric: str
    unit: str
    higher_is_better: bool
    signature: str
    a: float
    """Mean over a's seeds, as scored."""
    b: float
    """Mean over b's seeds, as scored."""
    difference: MeanDifference | None
    """With its interval and p; None where nothing that is stored gives a finite one. Where seeds are paired, its value
    is of the shared ones, and a - b is of all."""
    why: str | None
    """Why there is no interval, or none over examples; none where all the evidence was used."""
    p_values: Mapping[str, float]
    """Other tests -> two-sided p for no difference. `bootstrap`, `approximate randomization` and `McNemar` see examples
    alone, and would take the luck of a seed for an effect: they stand only where each side has one seed, and so does
    the interval. `seeds` sees seeds alone: paired where the interval pairs them, else Welch's; in a
    family, with the family's spread."""
    p_adjusted: float | None
    """The p of the interval, corrected for all the cells that are shown together."""
    noise: float | None
    """How far the score moves by itself: the larger of device noise (repeats of one seed) and the standard deviation
    over seeds. None where no noise floor is stored."""

    counts: Literal["example", "group"] = "example"
    """What `difference.n_examples` counts: groups, where rows belong together."""

    @property
    def outcome(self) -> Standing:
        """Return what a is beside b, by the interval and the metric's direction."""
        if self.difference is None:
            return "no interval"
        if self.difference.low <= 0 <= self.difference.high:
            return "not told apart"
        return "better" if (self.difference.low > 0) == self.higher_is_better else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sides, and every metric that they share."""

    a: Side
    b: Side
    """The side that a is measured by."""
    mismatches: tuple[Mismatch, ...]
    """Fields that stand in the way, a's value as `ours`; one that names a metric blocks that metric alone."""
    waived: tuple[Mismatch, ...]
    """Fields that differ and were allowed to."""
    allowed: tuple[str, ...]
    """Fields that were allowed to differ, whether they do or not."""
    notes: tuple[str, ...]
    """Differences that do not stand in the way: a's, against b's."""
    confidence: float
    """Coverage the intervals aim at, in (0, 1)."""
    correction: Correction
    rows: tuple[MetricComparison, ...]
    """The primary metric first."""

    @property
    def is_comparable(self) -> bool:
        """Return whether any metric could be compared."""
        return bool(self.rows)


def compare(
    a: Side,
    b: Side,
    *,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    correction: Correction = "holm",
    allow: Sequence[str] = (),
    n_resamples: int = 2000,
    pair_seeds: bool | None = None,
    spreads: Mapping[str, SeedSpread] | None = None,
) -> Comparison:
    """Set two sides against each other: a minus b.

    Args:
        a: the side that is looked at.
        b: the side that it is measured by.
        metrics: which to compare; default: all that either side scored.
        confidence: coverage the intervals aim at, in (0, 1).
        correction: of the p-values, over all rows.
        allow: fields of `bench.comparing.comparable` that may differ.
        n_resamples: bootstrap resamples; 0 leaves out the tests beside the interval that read examples: a table of many
            pairs would wait for them.
        pair_seeds: whether runs of one seed number are set against each other; default: where both sides are one method
            (`bench.comparing.pairing.pairs_seeds`).
        spreads: metric -> what a family shows of the luck of seeds (`bench.comparing.family.seed_spreads`), where the
            two sides are one pair of many; default: the two stand for themselves.

    Returns:
        The rows; or the fields in which the sides are unlike, and no rows.

    Raises:
        InputError: a metric was scored by neither side, a field is unknown, or a setting is out of range.
    """
    scored = list(dict.fromkeys((*_metric_order(a.config), *_metric_order(b.config))))
    names = scored if metrics is None else list(dict.fromkeys(metrics))
    check_confidence(confidence)
    _check_names(a, b, scored, names, allow, correction)
    mismatches = [m for m in comparability(a.records[0], b.records[0]) if m.metric is None or m.metric in names]
    mismatches += _mixed_signatures(
        a, b, [m for m in names if f"metrics.{m}.signature" not in {x.field for x in mismatches}]
    )
    standing = tuple(m for m in mismatches if m.field not in allow)
    blocked = {m.metric for m in standing}
    paired = pairs_seeds(a.config, b.config) if pair_seeds is None else pair_seeds
    rows = []
    if None not in blocked:
        rows = [
            _row(
                name,
                a,
                b,
                pair_seeds=paired,
                spread=(spreads or {}).get(name),
                confidence=confidence,
                n_resamples=n_resamples,
            )
            for name in names
            if name not in blocked
        ]
    comparison = Comparison(
        a=a,
        b=b,
        mismatches=standing,
        waived=tuple(m for m in mismatches if m.field in allow),
        allowed=tuple(allow),
        notes=notes(a.records, b.records, name="against"),
        confidence=confidence,
        correction=correction,
        rows=tuple(rows),
    )
    return adjusted_together([comparison], correction)[0]


def adjusted_together(tables: Sequence[Comparison], correction: Correction) -> tuple[Comparison, ...]:
    """Return the tables with p-values corrected over the cells of all of them: what is shown together is one family.

    Args:
        tables: in the order in which they are shown.
        correction: `holm`, `benjamini-hochberg` or `none`.
    """
    p_values = [row.difference.p_value for table in tables for row in table.rows if row.difference is not None]
    corrected = iter(adjusted(p_values, correction))
    return tuple(
        replace(
            table,
            correction=correction,
            rows=tuple(
                replace(row, p_adjusted=None if row.difference is None else next(corrected)) for row in table.rows
            ),
        )
        for table in tables
    )


def _metric_order(config: SuiteConfig) -> list[str]:
    return sorted(config.metrics, key=lambda metric: metric != config.primary_metric)


def _check_names(
    a: Side, b: Side, scored: Sequence[str], asked: Sequence[str], allow: Sequence[str], correction: str
) -> None:
    if correction not in get_args(Correction):
        raise InputError(f"correction is {correction!r}{suggest(correction, get_args(Correction))}")
    for name in asked:
        if name not in scored:
            raise InputError(f"metric {name!r} was scored by neither {a.name} nor {b.name}{suggest(name, scored)}")
    fields = [*dict.fromkeys((*identity(a.records[0]), *identity(b.records[0])))]
    fields += [f"metrics.{name}.{part}" for name in scored for part in _METRIC_FIELDS]
    for field in allow:
        if field.removeprefix("metrics.") in scored:
            raise InputError(
                f"{field} cannot be waived: a metric that one side did not score leaves nothing to compare"
            )
        if field not in fields:
            raise InputError(f"{field!r} is no field that sides are compared by{suggest(field, fields)}")


def _mixed_signatures(a: Side, b: Side, metrics: Sequence[str]) -> list[Mismatch]:
    """Return the metrics that some seed of a side was scored by in another way than its first."""
    mismatches = []
    for metric in metrics:
        signatures_a, signatures_b = (
            dict.fromkeys(r.scores[metric].signature for r in side.records if metric in r.scores) for side in (a, b)
        )
        if signatures_a and signatures_b and len({**signatures_a, **signatures_b}) > 1:
            listed = [" and ".join(signatures) for signatures in (signatures_a, signatures_b)]
            mismatches.append(
                Mismatch(field=f"metrics.{metric}.signature", ours=listed[0], theirs=listed[1], metric=metric)
            )
    return mismatches


# --- one metric ------------------------------------------------------------------------------------------------------


def _row(
    metric: str,
    a: Side,
    b: Side,
    *,
    pair_seeds: bool,
    spread: SeedSpread | None,
    confidence: float,
    n_resamples: int,
) -> MetricComparison:
    ours, theirs = a.values(metric), b.values(metric)
    score = a.records[0].scores[metric]
    found, p_values, why = _by_example(
        metric, a, b, pair_seeds=pair_seeds, spread=spread, confidence=confidence, n_resamples=n_resamples
    )
    over_seeds = _known(seed_difference(ours, theirs, pair_seeds=pair_seeds, spread=spread, confidence=confidence))
    if over_seeds is not None:
        p_values["seeds"] = over_seeds.p_value
        found = found or over_seeds
    if found is None:
        why = f"{why}; and there are too few seeds, or too equal ones, for an interval over seeds"
    return MetricComparison(
        metric=metric,
        unit=score.unit,
        higher_is_better=score.higher_is_better,
        signature=score.signature,
        a=float(np.mean(list(ours.values()))),
        b=float(np.mean(list(theirs.values()))),
        difference=found,
        why=why,
        p_values=p_values,
        p_adjusted=None,
        noise=noise_of(metric, a if b.noise is None else b),
        counts="group" if a.has_groups and b.has_groups else "example",
    )


def noise_of(metric: str, side: Side) -> float | None:
    """Return how far a score moves by itself; see `MetricComparison.noise`."""
    noise = None if side.noise is None else side.noise.metrics.get(metric)
    return None if noise is None else max(noise.device, noise.seeds or 0.0)


def _by_example(
    metric: str,
    a: Side,
    b: Side,
    *,
    pair_seeds: bool,
    spread: SeedSpread | None,
    confidence: float,
    n_resamples: int,
) -> tuple[MeanDifference | None, dict[str, float], str | None]:
    """Return the interval that uses examples and seeds, the p of each test that reads examples, and why not."""
    why = _why_not_paired(metric, a, b)
    if why is not None:
        return None, {}, why
    try:
        side_a, side_b = (_jackknifed(metric, side) for side in (a, b))
        found = _known(
            difference(
                side_a,
                side_b,
                pair_seeds=pair_seeds,
                spread=spread,
                decisions=rests_on_decisions(metric, a, b),
                confidence=confidence,
            )
        )
    except InputError as error:
        return None, {}, str(error)
    if found is None:
        return None, {}, TOO_FEW
    if found.over == "both" or not n_resamples:
        return found, {}, None
    try:
        return found, _tests(metric, a, b, n_resamples), None
    except InputError as error:
        return None, {}, str(error)


@lru_cache(maxsize=64)  # a side is one object for all the pairs that it stands in
def _jackknifed(metric: str, side: Side) -> Jackknife:
    aggregate = metric_layer.for_stored(metric, side.config, side.records[0]).aggregate
    _check_scores(metric, aggregate, side)
    return jackknife(aggregate, {seed: side.statistics[seed][metric] for seed in side.seeds})


def _tests(metric: str, a: Side, b: Side, n_resamples: int) -> dict[str, float]:
    """Return the p of each test that reads examples, of sides with one seed each."""
    aggregate = metric_layer.for_stored(metric, a.config, a.records[0]).aggregate
    array_a, array_b = (side.statistics[side.seeds[0]][metric] for side in (a, b))
    p_values = {
        "bootstrap": paired_bootstrap(aggregate, array_a, array_b, n_resamples=n_resamples, seed=0).p_value,
        "approximate randomization": approximate_randomization(aggregate, array_a, array_b, seed=0),
    }
    if metric in RIGHT_OR_WRONG and not a.has_groups:  # a group is right more or less often
        p_values["McNemar"] = mcnemar_exact(array_a[:, 0] > 0, array_b[:, 0] > 0)
    return p_values


def _known(found: MeanDifference) -> MeanDifference | None:
    """Return a difference whose interval is finite, and None for another."""
    return found if math.isfinite(found.low) and math.isfinite(found.high) else None


def _why_not_paired(metric: str, a: Side, b: Side) -> str | None:
    """Return why examples of the two sides cannot be paired, or None where they can."""
    for side in (a, b):
        missing = [seed for seed in side.seeds if metric not in side.statistics.get(seed, {})]
        if missing:
            return f"{side.name} stores no statistics per example of seed {missing[0]}"
    splits_a, splits_b = (side.records[0].data.splits for side in (a, b))
    if splits_a["test"].fingerprint != splits_b["test"].fingerprint:
        return "the test rows differ, so examples cannot be paired"
    if groups_name(a.records[0]) != groups_name(b.records[0]):
        return "the test rows are grouped differently, so groups cannot be paired"
    if len({record.scores[metric].signature for side in (a, b) for record in side.records}) > 1:
        return "the signatures differ, so statistics per example are not of one kind"
    shapes = {side.statistics[seed][metric].shape for side in (a, b) for seed in side.seeds}
    if len(shapes) > 1:
        listed = " and ".join(f"{n_examples} x {n}" for n_examples, n in sorted(shapes))
        return f"the statistics per example differ in shape ({listed}), so examples cannot be paired"
    return None


def _check_scores(metric: str, aggregate: Aggregate, side: Side) -> None:
    """Check that the statistics are those of the scores, so that neither file is of another run."""
    for record in side.records:
        given = float(aggregate(side.statistics[record.seed][metric].sum(axis=0)))
        score = record.scores[metric].value
        if not math.isclose(given, score, rel_tol=_SAME_VALUE, abs_tol=_SAME_VALUE):
            raise InputError(
                f"{side.name}, seed {record.seed}: the statistics per example give {given:.6g} and the record says "
                f"{score:.6g}, so one of the two files is not of this run"
            )
