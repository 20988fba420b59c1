"""Which stored results stand on a leaderboard: one a method, all of them alike in what methods must share.

A method's result is that of the config the suite resolves to now; a method that the suite does not know, such as a
user's own, has that of its newest config with the suite's task and budget. Every other stored config is left out, and
said to be, unless it is named. Of one config's runs and its baseline, that with more seeds is taken, and the runs where
they have equally many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.comparing.comparable import BUDGET, Mismatch
from bench.comparing.compare import compare
from bench.comparing.side import Side, side_of_baseline, side_of_runs
from bench.config import SuiteConfig
from bench.core.errors import InputError, suggest
from bench.records.record import RunRecord
from bench.records.store import Store, StoredBaseline, StoredRun
from bench.suites.resolve import SuiteFile, resolve

_SHOWN_KEYS = 3
"""Config keys that a sentence names; of more it gives the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A stored result that cannot stand beside the others."""

    side: Side
    mismatches: tuple[Mismatch, ...]
    """Its own values as `ours`, the leaderboard's as `theirs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is stored of one suite and profile, sorted by whether it can be compared."""

    suite: str
    profile: str
    title: str
    """The suite's, a line for people."""
    metric: str
    """What the methods are ranked by."""
    default_method: str
    """What the suite runs where no method is named."""
    reference: str | None
    """Name of the default method's side; None where nothing is stored of it that can be compared."""
    sides: tuple[Side, ...]
    """Alike in all that `bench.comparing.comparable` looks at; each named by its method, or by method and config
    key."""
    apart: tuple[Apart, ...]
    remarks: tuple[str, ...]
    """What else is stored and was left out, and what is not as the suite is now: a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored result of a method: the runs of one config, or a measured baseline."""

    config_key: str
    stored: tuple[StoredRun, ...] | StoredBaseline

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Return one record a seed.

        Raises:
            InputError: they cannot be read.
        """
        if isinstance(self.stored, StoredBaseline):
            return self.stored.records
        return tuple(run.record for run in self.stored)

    def side(self) -> Side:
        """Return it as a side of a comparison.

        Raises:
            InputError: as `bench.comparing.side.load_side`.
        """
        if isinstance(self.stored, StoredBaseline):
            return side_of_baseline(str(self.stored.path), self.stored)
        return side_of_runs(str(self.stored[0].folder.parent), self.stored)


def find_methods(suite: str, profile: str, store: Store) -> dict[str, tuple[Candidate, ...]]:
    """Return the methods with stored results, in the order of names: runs by config key, and the baseline.

    Args:
        suite: name of the suite.
        profile: name of the profile.
        store: where runs and baselines are.

    Raises:
        InputError: a baseline cannot be read.
    """
    by_method: dict[str, list[Candidate]] = {}
    for name in store.names(suite=suite, profile=profile):
        configs = store.configs(name).items()
        by_method[name.method] = [Candidate(config_key=key, stored=runs) for key, runs in configs]
    for baseline in store.baselines():
        if baseline.name[:2] == (suite, profile):
            candidate = Candidate(config_key=baseline.baseline.config_key, stored=baseline)
            by_method.setdefault(baseline.name.method, []).append(candidate)
    return {method: tuple(by_method[method]) for method in sorted(by_method)}


def select(
    file: SuiteFile,
    profile: str,
    store: Store,
    *,
    metric: str | None = None,
    named: Sequence[Side] = (),
) -> Selection:
    """Choose the results of a leaderboard.

    Args:
        file: the suite.
        profile: one of its profiles.
        store: where runs and baselines are.
        metric: what the methods are ranked by; default: the suite's primary metric.
        named: results to take beside those that are chosen, of the same suite.

    Raises:
        InputError: nothing is stored, a result cannot be read, or the profile is not the suite's.
    """
    default = resolve(file, profile=profile)
    metric = metric or default.primary_metric
    chosen: list[Side] = []
    remarks: list[str] = []
    keys = {side.records[0].config_key for side in named}
    for method, candidates in find_methods(file.name, profile, store).items():
        key_now = _key_now(file, profile, method)
        side, others = _choose(method, candidates, key_now, default)
        if side.records[0].config_key not in keys:
            chosen.append(side)
            if key_now not in (None, side.records[0].config_key):
                remarks.append(f"{method} is not as the suite has it now: it is shown as config {side.config.key}")
        if unnamed := sorted(others - keys):
            remarks.append(_left_out(method, unnamed))
    chosen = _with_names([*chosen, *named])
    if not chosen:
        raise InputError(
            f"{file.name}: neither runs nor baselines of profile {profile} are stored; "
            f"make runs with `bench run suites/{file.name} --profile {profile}`"
        )
    scored = [side for side in chosen if metric in side.records[0].scores]
    if not scored:
        names = {name for side in chosen for name in side.records[0].scores}
        raise InputError(f"{file.name}: no stored result scored {metric!r}{suggest(metric, names)}")
    anchor = next((side for side in scored if side.config.key == default.key), None) or _most_alike(scored, metric)
    differing = {side.name: _mismatches(side, anchor, metric) for side in chosen}
    sides = tuple(side for side in chosen if not differing[side.name])
    return Selection(
        suite=file.name,
        profile=profile,
        title=default.title,
        metric=metric,
        default_method=default.method_name,
        reference=_reference(sides, default.method_name, default.key),
        sides=sides,
        apart=tuple(Apart(side=side, mismatches=differing[side.name]) for side in chosen if differing[side.name]),
        remarks=tuple(remarks),
    )


def _key_now(file: SuiteFile, profile: str, method: str) -> str | None:
    """Return the config key that the suite gives a method today; None where it does not know it."""
    try:
        return resolve(file, profile=profile, method=method).key
    except InputError:
        return None


def _choose(
    method: str, candidates: Sequence[Candidate], key_now: str | None, default: SuiteConfig
) -> tuple[Side, set[str]]:
    """Return the result that stands for a method, and the keys of its other configs."""
    keys = {candidate.config_key for candidate in candidates}
    chosen_key = key_now if key_now in keys else _most_fitting(candidates, default)
    sides = [candidate.side() for candidate in candidates if candidate.config_key == chosen_key]
    best = max(sides, key=lambda side: (len(side.records), side.kind == "runs"))
    return replace(best, name=method), keys - {chosen_key}


def _most_fitting(candidates: Sequence[Candidate], default: SuiteConfig) -> str:
    """Return the key of the newest config of those that share task, budget and scored rows with the default method's.

    Where none does, of all. Newest is the config whose latest run started last.
    """

    def fit(candidate: Candidate) -> tuple[bool, str]:
        records = candidate.records
        return _shared(records[0].config) == _shared(default), max(record.cost.started_at for record in records)

    return max(candidates, key=fit).config_key


def _shared(config: SuiteConfig) -> tuple[object, ...]:
    """Return what a config alone tells of the things that all methods must share."""
    budget = (getattr(config.training, name) for name in BUDGET)
    return config.version, config.task, config.scored_split, *budget


def _left_out(method: str, keys: Sequence[str]) -> str:
    if len(keys) > _SHOWN_KEYS:
        return f"{len(keys)} other configs of {method} are stored; name one with --side to see it here"
    return f"another config of {method} is stored: {', '.join(keys)}; name it with --side to see it here"


def _with_names(sides: Sequence[Side]) -> list[Side]:
    """Return the sides, named by method alone where one side has it, else by method and config key."""
    methods = [side.config.method_name for side in sides]
    return [
        replace(side, name=method if methods.count(method) == 1 else f"{method} {side.records[0].config_key}")
        for side, method in zip(sides, methods, strict=True)
    ]


def _mismatches(side: Side, other: Side, metric: str) -> tuple[Mismatch, ...]:
    return compare(side, other, metrics=[metric], n_resamples=0).mismatches


def _most_alike(sides: Sequence[Side], metric: str) -> Side:
    """Return a side that can be compared with as many of the others as any."""
    return max(sides, key=lambda side: sum(not _mismatches(other, side, metric) for other in sides))


def _reference(sides: Sequence[Side], method: str, key: str) -> str | None:
    """Return the name of the default method's side: of its config today where that is among them."""
    own = [side for side in sides if side.config.method_name == method]
    best = min(own, key=lambda side: side.config.key != key, default=None)
    return None if best is None else best.name
