"""What is stored of a suite, and what it says of the recipe's claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.comparing.claims import ClaimVerdict, Documented, OrderingClaim, judge_claims, unmeasured
from bench.core.errors import InputError, suggest
from bench.core.files import read_json
from bench.core.schema import validate
from bench.records.record import RunRecord
from bench.records.store import ResultName, Store
from bench.suites.resolve import PROFILES, builtin_suites, load_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResults:
    """The records that stand for a suite, profile and method."""

    kind: Literal["run", "baseline"]
    """Stored runs, or the measured baseline."""
    records: tuple[RunRecord, ...]
    """One a seed, in their order, all of one config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Every claim about one suite, judged by what is stored."""

    suite: str
    recipe: str | None
    """The recipe, in a few words; none where no claims are written down."""
    evidence: StoredResults | None
    """What the claims were judged by; none where nothing is stored."""
    verdicts: tuple[ClaimVerdict, ...]


def find_evidence(name: ResultName, store: Store) -> StoredResults | None:
    """Return the newest stored runs, or else the measured baseline, or else None.

    Args:
        name: suite, profile and method.
        store: where runs and baselines are.

    Raises:
        InputError: a record or the baseline cannot be read.
    """
    if runs := store.newest_runs(name):
        return StoredResults(kind="run", records=tuple(run.record for run in runs))
    baseline = store.baseline_of(name)
    return None if baseline is None else StoredResults(kind="baseline", records=baseline.records)


def find_siblings(documented: Documented | None, record: RunRecord, store: Store) -> dict[str, tuple[RunRecord, ...]]:
    """Return the records of the other methods that the claims order, of the suite and profile of a record.

    Args:
        documented: the claims; none where there are none.
        record: a run of the method that is looked at.
        store: where runs and baselines are.

    Raises:
        InputError: as `find_evidence`.
    """
    claims = () if documented is None else documented.claims
    ordered = [method for claim in claims if isinstance(claim, OrderingClaim) for method in claim.methods]
    siblings: dict[str, tuple[RunRecord, ...]] = {}
    for method in dict.fromkeys(ordered):
        if method != record.method:
            evidence = find_evidence(ResultName(record.suite, record.profile, method), store)
            if evidence is not None:
                siblings[method] = evidence.records
    return siblings


def review(suite: str, store: Store, *, profile: str | None = None) -> Review:
    """Judge every claim about a suite by the newest stored runs of its default method, or else by its baseline.

    Args:
        suite: its folder or name.
        store: where runs and baselines are.
        profile: only this one; default: the nearest to the recipe that has any evidence.

    Raises:
        InputError: the suite or the profile is not known, or a file cannot be read.
    """
    file = load_suite(suite)
    if profile is not None and profile not in file.profiles:
        raise InputError(f"{file.shown}: profile {profile!r} is not known{suggest(profile, file.profiles)}")
    documented = load_documented(file.name, store)
    if documented is None:
        return Review(suite=file.name, recipe=None, evidence=None, verdicts=())
    profiles = [name for name in PROFILES if name in file.profiles and profile in (None, name)]
    for name in profiles:
        evidence = find_evidence(ResultName(file.name, name, file.default_method(name)), store)
        if evidence is not None:
            siblings = find_siblings(documented, evidence.records[0], store)
            verdicts = judge_claims(documented, evidence.records, siblings)
            return Review(suite=file.name, recipe=documented.recipe, evidence=evidence, verdicts=verdicts)
    reason = f"neither run nor baseline is stored; `bench run suites/{file.name} --profile {profiles[0]}` makes a run"
    return Review(suite=file.name, recipe=documented.recipe, evidence=None, verdicts=unmeasured(documented, reason))


def review_all(store: Store, suites: Sequence[str] = (), *, profile: str | None = None) -> list[Review]:
    """Return the review of each suite; of every built-in suite where none is named. Arguments: `review`."""
    names = suites or [f"suites/{name}" for name in builtin_suites()]
    return [review(name, store, profile=profile) for name in names]


def load_documented(suite: str, store: Store) -> Documented | None:
    """Return what the recipe of a suite claims, or None where nothing is written down.

    Args:
        suite: name of the suite.
        store: where baselines are, which the claims lie beside.

    Raises:
        InputError: the file is broken.
    """
    path = store.documented_file(suite)
    return None if path is None else validate(Documented, read_json(path, mend="mend the file"), place=path)
