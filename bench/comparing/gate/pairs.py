"""Which runs are set against which baselines: what the policy names, or what the command line gives.

What cannot be read is not thrown: it becomes the reason of a line in the verdict, so that one broken file hides no
regression elsewhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.comparing.gate.policy import Policy
from bench.comparing.side import Side, load_side
from bench.core.errors import InputError, suggest
from bench.records import baselines
from bench.records.record import RECORD_FILE
from bench.records.store import find_runs
from bench.suites.resolve import load_suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A run beside its baseline, as far as they are there."""

    suite: str
    method: str
    """The run's."""
    run: Side | None
    baseline: Side | None
    missing: str = ""
    """What is not stored; empty where both sides are."""
    broken: str = ""
    """What is stored and cannot be used; empty where both sides can."""


def find_pairs(
    runs: Sequence[str | Path], policy: Policy, *, runs_root: Path, roots: Sequence[Path] | None = None
) -> list[Pair]:
    """Return the pairs that a gate looks at, in the order of the policy or of the command line.

    Args:
        runs: run folders and config-key folders; folders of one config are taken together. None: the newest stored
            runs of every suite that the policy names.
        policy: names suites, methods and the profile.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Raises:
        InputError: a given run does not exist, is of a suite that the policy does not name, or a seed comes twice.
    """
    if runs:
        return _given(runs, policy, runs_root, roots)
    return [_newest(suite, policy, runs_root, roots) for suite in policy.suites]


def _newest(suite: str, policy: Policy, runs_root: Path, roots: Sequence[Path] | None) -> Pair:
    method = policy.suites[suite].method or load_suite(f"suites/{suite}").default_method(policy.profile)
    cell = runs_root / suite / policy.profile / method
    if not any(cell.glob(f"*/seed-*/{RECORD_FILE}")):
        why = (
            f"no run is stored at {cell}; make one with `bench run suites/{suite} --profile {policy.profile} "
            f"--method {method} --seeds 0-{policy.min_seeds - 1}`"
        )
        return Pair(suite=suite, method=method, run=None, baseline=None, missing=why)
    try:
        run = load_side(find_runs(runs_root, suite, policy.profile, method)[0].parent)
    except InputError as error:
        return Pair(suite=suite, method=method, run=None, baseline=None, broken=str(error))
    return _beside_baseline(run, policy, roots)


def _given(runs: Sequence[str | Path], policy: Policy, runs_root: Path, roots: Sequence[Path] | None) -> list[Pair]:
    pairs: list[Pair] = []
    sides: dict[str, Side] = {}
    for given in runs:
        if not Path(given).exists() and not (runs_root / given).exists():
            raise InputError(f"{given}: there is no such run; give run folders, or the config-key folder above several")
        try:
            side = load_side(given, runs_root=runs_root, roots=roots)
        except InputError as error:
            pairs.append(Pair(suite=str(given), method="", run=None, baseline=None, broken=str(error)))
            continue
        if side.config.suite not in policy.suites:
            raise InputError(
                f"{given}: the policy names no suite {side.config.suite!r}" + suggest(side.config.suite, policy.suites)
            )
        key = side.records[0].config_key
        sides[key] = _together(sides[key], side) if key in sides else side
    return pairs + [_beside_baseline(side, policy, roots) for side in sides.values()]


def _together(one: Side, other: Side) -> Side:
    """Return two sides of one config as one."""
    twice = sorted(set(one.seeds) & set(other.seeds))
    if twice:
        raise InputError(f"seed {twice[0]} was given twice, by {one.name} and {other.name}; give each once")
    return dataclasses.replace(
        one,
        records=tuple(sorted((*one.records, *other.records), key=lambda record: record.seed)),
        statistics={**one.statistics, **other.statistics},
        folders={**one.folders, **other.folders},
    )


def _beside_baseline(run: Side, policy: Policy, roots: Sequence[Path] | None) -> Pair:
    suite = run.config.suite
    pair = Pair(suite=suite, method=run.config.method_name, run=run, baseline=None)
    if run.config.profile != policy.profile:
        why = f"the run is of profile {run.config.profile}, and the policy's limits are for {policy.profile}"
        return dataclasses.replace(pair, broken=why)
    method = policy.suites[suite].method or run.config.method_name
    name = f"{suite}/{policy.profile}/{method}"
    path = baselines.find(suite, policy.profile, method, roots=roots)
    if path is None:
        why = f"no baseline {name} is stored; make one with `bench baseline promote`"
        return dataclasses.replace(pair, missing=why)
    try:
        stored = load_side(path)
    except InputError as error:
        return dataclasses.replace(pair, broken=str(error))
    return dataclasses.replace(pair, baseline=dataclasses.replace(stored, name=name))
