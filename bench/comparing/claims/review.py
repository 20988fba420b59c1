"""What is stored of a suite, and what it says of the recipe's claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.comparing.claims import ClaimVerdict, Documented, OrderingClaim, judge_claims, unmeasured
from bench.core.errors import InputError, suggest
from bench.core.files import read_json
from bench.core.schema import validate
from bench.records import baselines as baseline
from bench.records.baselines import default_roots
from bench.records.record import RunRecord
from bench.records.store import newest_runs
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


def find_evidence(
    suite: str, profile: str, method: str, *, runs_root: Path | None, roots: Sequence[Path] | None = None
) -> StoredResults | None:
    """Return the newest stored runs, or else the measured baseline, or else None.

    Args:
        suite: name of the suite.
        profile: name of the profile.
        method: name of the method.
        runs_root: where runs are stored; none where that is not known.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Raises:
        InputError: a record or the baseline cannot be read.
    """
    runs = [] if runs_root is None else newest_runs(runs_root, suite, profile, method)
    if runs:
        return StoredResults(kind="run", records=tuple(record for _, record in runs))
    path = baseline.find(suite, profile, method, roots=roots)
    return None if path is None else StoredResults(kind="baseline", records=baseline.load(path).records())


def find_siblings(
    documented: Documented | None, record: RunRecord, *, runs_root: Path | None, roots: Sequence[Path] | None = None
) -> dict[str, tuple[RunRecord, ...]]:
    """Return the records of the other methods that the claims order, of the suite and profile of a record.

    Args:
        documented: the claims; none where there are none.
        record: a run of the method that is looked at.
        runs_root: as `find_evidence`.
        roots: as `find_evidence`.

    Raises:
        InputError: as `find_evidence`.
    """
    claims = () if documented is None else documented.claims
    ordered = [method for claim in claims if isinstance(claim, OrderingClaim) for method in claim.methods]
    found: dict[str, tuple[RunRecord, ...]] = {}
    for method in dict.fromkeys(ordered):
        if method != record.method:
            one = find_evidence(record.suite, record.profile, method, runs_root=runs_root, roots=roots)
            if one is not None:
                found[method] = one.records
    return found


def review(suite: str, *, profile: str | None = None, runs_root: Path, roots: Sequence[Path] | None = None) -> Review:
    """Judge the claims about a suite by the best that is stored of its default method.

    Best is the profile that is nearest to the recipe: documented, then offline, then tiny. Within a profile it is the
    newest stored runs, or else the measured baseline.

    Args:
        suite: its folder or name.
        profile: look at this profile alone.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Raises:
        InputError: the suite or profile is not known, or a file cannot be read.
    """
    file = load_suite(suite)
    if profile is not None and profile not in file.profiles:
        raise InputError(f"{file.shown}: profile {profile!r} is not known{suggest(profile, file.profiles)}")
    documented = load_documented(file.name, roots=roots)
    if documented is None:
        return Review(suite=file.name, recipe=None, evidence=None, verdicts=())
    wanted = [name for name in PROFILES if name in file.profiles and profile in (None, name)]
    for name in wanted:
        evidence = find_evidence(file.name, name, file.default_method(name), runs_root=runs_root, roots=roots)
        if evidence is not None:
            siblings = find_siblings(documented, evidence.records[0], runs_root=runs_root, roots=roots)
            verdicts = judge_claims(documented, evidence.records, siblings)
            return Review(suite=file.name, recipe=documented.recipe, evidence=evidence, verdicts=verdicts)
    reason = f"neither run nor baseline is stored; `bench run suites/{file.name} --profile {wanted[0]}` makes a run"
    return Review(suite=file.name, recipe=documented.recipe, evidence=None, verdicts=unmeasured(documented, reason))


def review_all(
    suites: Sequence[str] = (),
    *,
    profile: str | None = None,
    runs_root: Path,
    roots: Sequence[Path] | None = None,
) -> list[Review]:
    """Return the review of each suite; of every built-in suite where none is named. Arguments: `review`."""
    names = suites or [f"suites/{name}" for name in builtin_suites()]
    return [review(name, profile=profile, runs_root=runs_root, roots=roots) for name in names]


DOCUMENTED_FILE = "documented.json"


def load_documented(suite: str, *, roots: Sequence[Path] | None = None) -> Documented | None:
    """Return what the recipe of a suite claims, or None where nothing is written down.

    Args:
        suite: name of the suite.
        roots: folders to look in, first match wins; default: `default_roots()`.

    Raises:
        InputError: the file is broken.
    """
    for root in roots or default_roots():
        path = root / suite / DOCUMENTED_FILE
        if path.is_file():
            return validate(Documented, read_json(path, mend="mend the file"), place=path)
    return None
