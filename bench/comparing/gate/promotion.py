"""Promotion: which stored runs may become the measured baseline, and what is noted of it.

A baseline is what every later run is held to, so four things are refused unless they are allowed by name, and what was
allowed is stored in the baseline: runs of code, a suite, a method or a metric that no commit holds, seeds by different
code, fewer seeds than the policy asks for, and runs that cannot be compared with the baseline they would replace.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from bench.comparing.comparable import comparability
from bench.comparing.gate.current import suite_config
from bench.comparing.gate.policy import POLICY_FILE, Policy, load_policy
from bench.core.errors import BenchError, InputError, NotComparableError, suggest
from bench.records.baselines import Baseline
from bench.records.making import from_runs
from bench.records.other_code import mixed_code
from bench.records.provenance import person, tree_of, working_tree
from bench.records.store import ResultName, StoredBaseline, baseline_path, baseline_sha256, write_baseline
from bench.suites.resolve import load_suite

Waiver = Literal["dirty", "mixed", "few-seeds", "incomparable"]

DEFAULT_MIN_SEEDS: Final = 3
"""Seeds that a baseline needs where no policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A baseline that was stored."""

    path: Path
    """Its JSON file."""
    baseline: Baseline
    replaced: Baseline | None
    """The baseline of the same name that stood there before; none where there was none, or it could not be read."""


def promote(
    folders: Sequence[Path],
    *,
    reason: str,
    root: Path = Path("baselines"),
    policy: Path | None = None,
    allow: Collection[str] = (),
    created: datetime.date | None = None,
) -> Promotion:
    """Make the stored runs of one config the measured baseline of their suite, profile and method.

    Args:
        folders: run folders, or config-key folders that hold `seed-*` folders.
        reason: why these runs become the baseline.
        root: the folder of baselines to store it in.
        policy: the policy whose `min_seeds` counts; default: `policy.toml` in `root`, else `DEFAULT_MIN_SEEDS`.
        allow: which of `dirty`, `mixed`, `few-seeds` and `incomparable` not to refuse.
        created: the date to note; default: today, UTC.

    Raises:
        InputError: as `bench.records.making.from_runs`; or `allow` holds an unknown word, a run's tree was dirty, or
            there are too few seeds.
        NotComparableError: the baseline that stands there differs in something that a comparison needs, or cannot be
            read.
    """
    for word in allow:
        if word not in get_args(Waiver):
            raise InputError(f"--allow {word!r} is not known{suggest(word, get_args(Waiver))}")
    made, statistics = from_runs(folders, reason=reason, created=created)
    path = baseline_path(root, ResultName(made.suite, made.profile, made.method))
    old = _read_old(path)
    waived = []
    for word, objection in (
        ("dirty", _dirty(made)),
        ("mixed", _mixed(made)),
        ("few-seeds", _few_seeds(made, _policy_of(policy, root))),
        ("incomparable", old if isinstance(old, NotComparableError) else _incomparable(made, old, path)),
    ):
        if objection is not None and word not in allow:
            raise type(objection)(f"{objection}; --allow {word} stores the baseline all the same, and says so in it")
        if objection is not None:
            waived.append(f"{word}: {objection}")
    made = made.model_copy(
        update={
            "promoted_by": person(),
            "promoted_from_commit": working_tree()[0],
            "waived": tuple(waived),
            "replaces_sha256": baseline_sha256(path),
        }
    )
    write_baseline(made, statistics, root=root)
    return Promotion(path=path, baseline=made, replaced=old if isinstance(old, Baseline) else None)


def _read_old(path: Path) -> Baseline | NotComparableError | None:
    """Return the baseline that would be replaced, or why it cannot be compared with."""
    if not path.is_file():
        return None
    try:
        return StoredBaseline(path=path).baseline
    except InputError as error:
        return NotComparableError(f"the baseline to replace cannot be read ({error})")


def _policy_of(path: Path | None, root: Path) -> Policy | None:
    beside = root / POLICY_FILE
    if path is None and not beside.is_file():
        return None
    return load_policy(path or beside)


def _dirty(made: Baseline) -> BenchError | None:
    seeds = [str(seed.seed) for seed in made.seeds if seed.environment.dirty]
    if not seeds and (files := _uncommitted_files(made)):
        return InputError(
            f"no commit holds the files of {' and '.join(files)} as they were run, so no commit can repeat it; commit "
            "them, and run the seeds again with --force"
        )
    if not seeds:
        return None
    return InputError(
        f"seed(s) {', '.join(seeds)} ran from a working tree with uncommitted changes, so no commit can repeat them; "
        "commit, and run them again with --force"
    )


def _uncommitted_files(made: Baseline) -> list[str]:
    """Return which files of users no commit holds as they ran, and the suite where none holds it as it is now."""
    names = [name for seed in made.seeds for name, tree in seed.environment.user_files.items() if tree.dirty]
    if "suite" not in names and _is_uncommitted_now(made):
        names.append("suite")
    return [f"the {name}" for name in dict.fromkeys(names)]


def _is_uncommitted_now(made: Baseline) -> bool:
    """Return whether the suite that these runs are of stands here, and no commit holds it: older records do not say."""
    if all("suite" in seed.environment.user_files for seed in made.seeds):
        return False
    try:
        file = load_suite(f"suites/{made.suite}")
        config = suite_config(made.suite, made.profile, made.method, like=made.config)
    except InputError:
        return False
    return config.key == made.config.key and bool(tree_of(file.path.parent).dirty)


def _mixed(made: Baseline) -> BenchError | None:
    mixed = mixed_code(made.records())
    if not mixed:
        return None
    return InputError(
        f"the seeds were made by different code: {'; '.join(mixed)}; run them again by one code with --force"
    )


def _few_seeds(made: Baseline, policy: Policy | None) -> BenchError | None:
    needed = DEFAULT_MIN_SEEDS if policy is None else policy.min_seeds
    if policy is not None and policy.profile == made.profile and made.suite in policy.suites:
        limits = policy.suites[made.suite].metrics.values()
        needed = max([needed, *(limit.min_seeds for limit in limits if limit.min_seeds is not None)])
    if len(made.seeds) >= needed:
        return None
    return InputError(
        f"{len(made.seeds)} seed(s) were given, and a baseline needs {needed} "
        f"({'the default' if policy is None else 'min_seeds of the policy'}); run more with `bench run --seeds`"
    )


def _incomparable(made: Baseline, old: Baseline | None, path: Path) -> BenchError | None:
    mismatches = () if old is None else comparability(made, old)
    if not mismatches:
        return None
    differences = "; ".join(f"{m.field} is {m.ours}, was {m.theirs}" for m in mismatches)
    return NotComparableError(f"{path}: the new runs cannot be compared with the baseline they replace ({differences})")
