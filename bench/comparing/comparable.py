"""What two sides must share to be compared, what may differ, and which records make a side. Pure.

Only like is set against like. A difference in data, split, metric, base model, task, precision or budget makes two
sides incomparable, and the fields are named. Device and package versions may change low-order bits and timings, and
learning rate or method are what people compare, so those are notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.config import SuiteConfig
from bench.core.dotted import flatten
from bench.core.errors import InputError
from bench.records.baselines import Baseline
from bench.records.grouping import groups_name
from bench.records.record import RunRecord, Score

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


def comparability(ours: RunRecord | Baseline, theirs: RunRecord | Baseline) -> tuple[Mismatch, ...]:
    """Return every field that makes two sides unlike; empty where they may be compared.

    Args:
        ours: a baseline, or any record of a config: its seeds share all that is looked at.
        theirs: the other side.
    """
    our_fields, their_fields = identity(ours), identity(theirs)
    mismatches = [
        Mismatch(field=field, ours=_shown(our_fields.get(field)), theirs=_shown(their_fields.get(field)))
        for field in dict.fromkeys((*our_fields, *their_fields))
        if our_fields.get(field) != their_fields.get(field)
    ]
    for metric in dict.fromkeys((*ours.config.metrics, *theirs.config.metrics)):
        mismatches += _metric_mismatches(metric, ours, theirs)
    return tuple(mismatches)


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
        "data.groups": groups_name(side),
        "scored_split": side.config.scored_split or "test",
        **{f"task.{name}": value for name, value in side.config.task.model_dump().items()},
        **{f"training.{name}": training[name] for name in BUDGET},
    }


def _metric_mismatches(metric: str, ours: RunRecord | Baseline, theirs: RunRecord | Baseline) -> list[Mismatch]:
    our_score, their_score = _score_of(ours, metric), _score_of(theirs, metric)
    if our_score is None and their_score is None:
        return []
    if our_score is None or their_score is None:
        a, b = ("not scored" if score is None else "scored" for score in (our_score, their_score))
        return [Mismatch(field=f"metrics.{metric}", ours=a, theirs=b, metric=metric)]
    pairs = {
        "signature": (our_score.signature, their_score.signature),
        "n_examples": (our_score.n_examples, their_score.n_examples),
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
    clauses = []
    for field in ("device", "n_threads", "n_processes", "python", "platform", "bench_version"):
        a, b = (_distinct(side, field) for side in (ours, theirs))
        if a != b:
            clauses.append(f"{field}: {a}, {name} {b}")
    our_packages, their_packages = ours[0].environment.packages, theirs[0].environment.packages
    clauses += [
        f"{package} {our_packages.get(package, 'absent')}, {name} {their_packages.get(package, 'absent')}"
        for package in sorted({*our_packages, *their_packages})
        if our_packages.get(package) != their_packages.get(package)
    ]
    clauses += _setting_notes(ours[0].config, theirs[0].config, name)
    return tuple(clauses)


def _distinct(side: Sequence[RunRecord], field: str) -> str:
    return ", ".join(dict.fromkeys(str(getattr(record.environment, field)) for record in side))


def _setting_notes(ours: SuiteConfig, theirs: SuiteConfig, name: str) -> list[str]:
    """Return the settings that may differ because they are what is being compared."""
    a = {"method": ours.method_name, **flatten(ours.method.model_dump(mode="json"), "method")}
    b = {"method": theirs.method_name, **flatten(theirs.method.model_dump(mode="json"), "method")}
    a |= flatten(ours.training.model_dump(mode="json", exclude=set(BUDGET)), "training")
    b |= flatten(theirs.training.model_dump(mode="json", exclude=set(BUDGET)), "training")
    return [
        f"{field}: {_shown(a.get(field))}, {name} {_shown(b.get(field))}"
        for field in dict.fromkeys((*a, *b))
        if a.get(field) != b.get(field)
    ]


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
        if groups_name(record) != groups_name(first):
            raise InputError(
                f"the rows of seeds {first.seed} and {record.seed} are grouped differently; run them again with --force"
            )
