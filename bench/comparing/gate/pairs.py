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
from bench.comparing.side import Side, load_side, side_of_baseline, side_of_runs
from bench.core.errors import InputError, suggest
from bench.records.store import ResultName, Store
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


def find_pairs(runs: Sequence[str | Path], policy: Policy, store: Store) -> list[Pair]:
    """Return the pairs that a gate looks at, in the order of the policy or of the command line.

    Args:
        runs: run folders and config-key folders; folders of one config are taken together. None: the newest stored
            runs of every suite that the policy names.
        policy: names suites, methods and the profile.
        store: where runs and baselines are.

    Raises:
        InputError: a given run does not exist, is of a suite that the policy does not name, or a seed comes twice.
    """
    if runs:
        return _given(runs, policy, store)
    return [_newest(suite, policy, store) for suite in policy.suites]


def _newest(suite: str, policy: Policy, store: Store) -> Pair:
    method = policy.suites[suite].method or load_suite(f"suites/{suite}").default_method(policy.profile)
    name = ResultName(suite, policy.profile, method)
    try:
        runs = store.newest_runs(name)
        if not runs:
            why = (
                f"no run is stored at {store.runs_root}/{name}; make one with `bench run suites/{suite} "
                f"--profile {policy.profile} --method {method} --seeds 0-{policy.min_seeds - 1}`"
            )
            return Pair(suite=suite, method=method, run=None, baseline=None, missing=why)
        run = side_of_runs(str(runs[0].folder.parent), runs)
    except InputError as error:
        return Pair(suite=suite, method=method, run=None, baseline=None, broken=str(error))
    return _beside_baseline(run, policy, store)


def _given(runs: Sequence[str | Path], policy: Policy, store: Store) -> list[Pair]:
    pairs: list[Pair] = []
    sides: dict[str, Side] = {}
    for given in runs:
        if not Path(given).exists() and (store.runs_root is None or not (store.runs_root / given).exists()):
            raise InputError(f"{given}: there is no such run; give run folders, or the config-key folder above several")
        try:
            side = load_side(given, store)
        except InputError as error:
            pairs.append(Pair(suite=str(given), method="", run=None, baseline=None, broken=str(error)))
            continue
        if side.config.suite not in policy.suites:
            raise InputError(
                f"{given}: the policy names no suite {side.config.suite!r}" + suggest(side.config.suite, policy.suites)
            )
        key = side.records[0].config_key
        sides[key] = _together(sides[key], side) if key in sides else side
    return pairs + [_beside_baseline(side, policy, store) for side in sides.values()]


def _together(first: Side, second: Side) -> Side:
    """Return two sides of one config as one."""
    repeated = sorted(set(first.seeds) & set(second.seeds))
    if repeated:
        raise InputError(f"seed {repeated[0]} was given twice, by {first.name} and {second.name}; give each once")
    return dataclasses.replace(
        first,
        records=tuple(sorted((*first.records, *second.records), key=lambda record: record.seed)),
        statistics={**first.statistics, **second.statistics},
        runs={**first.runs, **second.runs},
    )


def _beside_baseline(run: Side, policy: Policy, store: Store) -> Pair:
    suite = run.config.suite
    pair = Pair(suite=suite, method=run.config.method_name, run=run, baseline=None)
    if run.config.profile != policy.profile:
        why = f"the run is of profile {run.config.profile}, and the policy's limits are for {policy.profile}"
        return dataclasses.replace(pair, broken=why)
    name = ResultName(suite, policy.profile, policy.suites[suite].method or run.config.method_name)
    stored = store.baseline_of(name)
    if stored is None:
        why = f"no baseline {name} is stored; make one with `bench baseline promote`"
        return dataclasses.replace(pair, missing=why)
    try:
        baseline = dataclasses.replace(side_of_baseline(str(stored.path), stored), name=str(name))
    except InputError as error:
        return dataclasses.replace(pair, broken=str(error))
    return dataclasses.replace(pair, baseline=baseline)
