"""Which runs are set against which baselines: what the policy names, or what the command line gives.

The runs of a suite are those of the config that the suite has now, made by the code at hand. What is not that, or
cannot be read, is not thrown: it becomes a line in the verdict, so that one broken file hides no regression elsewhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench.comparing.gate.current import changed_settings, listed, run_command, suite_config
from bench.comparing.gate.policy import Policy
from bench.comparing.gate.soundness import copies
from bench.comparing.pairing import pairs_seeds
from bench.comparing.side import Side, load_side, side_of_baseline, side_of_runs
from bench.config import SuiteConfig
from bench.core.builtin import builtin_root
from bench.core.errors import InputError, suggest
from bench.core.wording import plural
from bench.records.other_code import code_objections
from bench.records.provenance import Code
from bench.records.store import ResultName, Store, StoredBaseline, StoredRun
from bench.suites.resolve import load_suite

MOST_EXPERIMENTS: Final = 3
"""Configs stored beside the suite's that a note names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why nothing of a suite is judged."""

    outcome: Literal["missing", "stale", "not comparable", "shown"]
    """`shown`: nobody asked for it."""
    reason: str
    name: str = "evidence"
    """What of it is wrong: the evidence as a whole, the config, the code, or the seeds."""
    given: bool = False
    """Whether the runs were named on the command line, so that they are required whatever the policy says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A run beside its baseline, as far as they are there."""

    suite: str
    method: str
    """The run's."""
    run: Side | None
    baseline: Side | None = None
    obstacle: Obstacle | None = None
    """None where both sides can be compared."""
    notes: tuple[str, ...] = ()
    """What was allowed by name, and what was not looked at."""

    @property
    def pairs_seeds(self) -> bool:
        """Return whether seeds are set against each other by number: of one method, and no seed of the run left out.

        A seed of the run that the baseline lacks would have no partner, and a seed that failed would go unseen.
        """
        if self.run is None or self.baseline is None:
            return False
        return pairs_seeds(self.run.config, self.baseline.config) and set(self.run.seeds) <= set(self.baseline.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What decides which runs are judged."""

    policy: Policy
    store: Store
    at_hand: Code

    def command(self, config: SuiteConfig, seeds: Sequence[int] = (), *, force: bool = False) -> str:
        """Return the command that makes the runs which are wanted."""
        root = str(self.store.runs_root or "runs")
        return run_command(config, seeds or range(self.policy.min_seeds), runs_root=root, force=force)


def find_pairs(runs: Sequence[str | Path], policy: Policy, store: Store, at_hand: Code) -> list[Pair]:
    """Return the pairs that a gate looks at, in the order of the policy or of the command line.

    Args:
        runs: run folders and config-key folders; folders of one config are taken together. None: the stored runs of
            every suite that the policy names, as its file has it now.
        policy: names suites, methods and the profile, and what is allowed that would be stale.
        store: where runs and baselines are.
        at_hand: the code that is gated.

    Raises:
        InputError: a given run does not exist, is of a suite that the policy does not name, or a seed comes twice.
    """
    search = _Search(policy=policy, store=store, at_hand=at_hand)
    if runs:
        return _given(runs, search)
    return [*(_stored(suite, search) for suite in policy.suites), *_not_named(policy, store)]


def _not_named(policy: Policy, store: Store) -> list[Pair]:
    """Return suites of which runs are stored and that the policy does not name, so that nobody takes them for gated."""
    profiles: dict[str, set[str]] = {}
    for name in store.names():
        if name.suite not in policy.suites:
            profiles.setdefault(name.suite, set()).add(name.profile)
    return [
        Pair(
            suite=suite,
            method="",
            run=None,
            obstacle=Obstacle(
                outcome="shown",
                name="not named",
                reason=f"runs of it are stored (profile {', '.join(sorted(found))}), and the policy does not name it: "
                f"nothing of it was judged; add [suites.{suite}] to the policy",
            ),
        )
        for suite, found in profiles.items()
    ]


# --- the runs of the suite as it is now ------------------------------------------------------------------------------


def _stored(suite: str, search: _Search) -> Pair:
    policy, store = search.policy, search.store
    method = policy.suites[suite].method or load_suite(f"suites/{suite}").default_method(policy.profile)
    name = ResultName(suite, policy.profile, method)
    pair = Pair(suite=suite, method=method, run=None)
    try:
        current = suite_config(suite, policy.profile, method)
        configs = store.configs(name)
        runs = configs.pop(current.key, ())
        if not runs and configs and "config" in policy.allow:
            runs = store.newest_runs(name)
        if runs:
            run = side_of_runs(str(runs[0].folder.parent), runs)
            beside = [others for key, others in configs.items() if key != run.records[0].config_key]
            pair = dataclasses.replace(pair, run=run, notes=_beside(pair, beside, current))
            return _beside_baseline(_checked(pair, run, current, search, given=False), search)
        reason = _not_stored(name, store.newest_runs(name), current, search)
    except InputError as error:
        return dataclasses.replace(pair, obstacle=Obstacle(outcome="not comparable", reason=str(error)))
    outcome: Literal["stale", "missing"] = "stale" if configs else "missing"
    obstacle = Obstacle(outcome=outcome, name="config" if configs else "evidence", reason=reason)
    return dataclasses.replace(pair, obstacle=obstacle)


def _not_stored(name: ResultName, newest: Sequence[StoredRun], current: SuiteConfig, search: _Search) -> str:
    """Return that no run of the suite as it is now is stored, and what is stored instead."""
    if not newest:
        return f"no run is stored at {search.store.runs_root}/{name}; make one with `{search.command(current)}`"
    stored = newest[0].record.config
    return (
        f"no run of the suite as it is now (config {current.key}) is stored; the newest run is of config {stored.key}, "
        f"from which the suite differs: {listed(changed_settings(stored, current))}; "
        f"run it: `{search.command(current)}`"
    )


def _beside(pair: Pair, others: Sequence[Sequence[StoredRun]], current: SuiteConfig) -> tuple[str, ...]:
    """Return a note on stored runs of other configs, which are not judged."""
    if not others:
        return ()
    named = []
    for runs in others[:MOST_EXPERIMENTS]:
        try:
            config = runs[0].record.config
            named.append(f"{config.key} ({listed(changed_settings(current, config))})")
        except InputError:
            named.append(f"{runs[0].folder.parent.name} (cannot be read)")
    more = f", and {len(others) - MOST_EXPERIMENTS} more" if len(others) > MOST_EXPERIMENTS else ""
    is_are = "is" if len(others) == 1 else "are"
    count = plural(len(others), "other config")
    return (
        f"{pair.suite}, {pair.method}: {count} {is_are} stored beside the suite's and not judged: "
        f"{', '.join(named)}{more}",
    )


# --- the runs that were named ----------------------------------------------------------------------------------------


def _given(runs: Sequence[str | Path], search: _Search) -> list[Pair]:
    pairs: list[Pair] = []
    sides: dict[str, Side] = {}
    store, policy = search.store, search.policy
    for given in runs:
        if not Path(given).exists() and (store.runs_root is None or not (store.runs_root / given).exists()):
            raise InputError(f"{given}: there is no such run; give run folders, or the config-key folder above several")
        try:
            side = load_side(given, store)
        except InputError as error:
            obstacle = Obstacle(outcome="not comparable", reason=str(error), given=True)
            pairs.append(Pair(suite=str(given), method="", run=None, obstacle=obstacle))
            continue
        if side.config.suite not in policy.suites:
            raise InputError(
                f"{given}: the policy names no suite {side.config.suite!r}" + suggest(side.config.suite, policy.suites)
            )
        key = side.records[0].config_key
        sides[key] = _together(sides[key], side) if key in sides else side
    return pairs + [_beside_baseline(_named(side, search), search) for side in sides.values()]


def _named(run: Side, search: _Search) -> Pair:
    """Return a run that was named on the command line, once it is known what it stands for."""
    config, policy = run.config, search.policy
    pair = Pair(suite=config.suite, method=config.method_name, run=run)
    if config.profile != policy.profile:
        why = f"the run is of profile {config.profile}, and the policy's limits are for {policy.profile}"
        return dataclasses.replace(pair, obstacle=Obstacle(outcome="not comparable", reason=why, given=True))
    method = policy.suites[config.suite].method or config.method_name
    try:
        current = suite_config(config.suite, policy.profile, method, like=config)
    except InputError as error:
        if "config" not in policy.allow:
            return dataclasses.replace(
                pair, obstacle=Obstacle(outcome="stale", name="config", reason=str(error), given=True)
            )
        current = config
    return _checked(pair, run, current, search, given=True)


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


# --- what runs must be -----------------------------------------------------------------------------------------------


def _checked(pair: Pair, run: Side, current: SuiteConfig, search: _Search, *, given: bool) -> Pair:
    """Return a pair with an obstacle where its run is of another config or other code, and that is not allowed."""
    policy, name = search.policy, f"{pair.suite}, {pair.method}"
    notes = list(pair.notes)
    if run.config.key != current.key:
        changed = listed(changed_settings(current, run.config))
        if "config" not in policy.allow:
            reason = (
                f"the runs are of config {run.config.key}, an experiment, and are not judged in the place of the suite "
                f"as it is now (config {current.key}): {changed}; "
                f"run the suite: `{search.command(current)}`, or judge the experiment by its name: --allow config"
            )
            return dataclasses.replace(
                pair, obstacle=Obstacle(outcome="stale", name="config", reason=reason, given=given)
            )
        notes.append(
            f"{name}: allowed by name, config: the runs are an experiment, not the suite as it is now "
            f"(config {current.key}): {changed}"
        )
    objections = dict(code_objections(run.records, search.at_hand))
    notes += [f"{name}: allowed by name, {word}: {text}" for word, text in objections.items() if word in policy.allow]
    refused = {word: text for word, text in objections.items() if word not in policy.allow}
    if refused:
        own = run.config.key == current.key
        again = f"run them again: `{search.command(current, run.seeds, force=True)}`" if own else "run them again"
        allow = " ".join(f"--allow {word}" for word in refused)
        reason = f"{'; '.join(refused.values())}; {again}, or judge them all the same: {allow}"
        return dataclasses.replace(
            pair,
            obstacle=Obstacle(outcome="stale", name="code", reason=reason, given=given),
            notes=tuple(notes),
        )
    return dataclasses.replace(pair, notes=tuple(notes))


def _beside_baseline(pair: Pair, search: _Search) -> Pair:
    """Return a pair with its baseline, also where nothing is judged: outputs name both sides."""
    run, policy = pair.run, search.policy
    if run is None:
        return pair
    name = ResultName(pair.suite, policy.profile, policy.suites[pair.suite].method or pair.method)
    stored = search.store.baseline_of(name)
    if stored is None:
        why = f"no baseline {name} is stored; make one with `bench baseline promote`"
        return _blocked(pair, Obstacle(outcome="missing", reason=why))
    try:
        baseline = dataclasses.replace(side_of_baseline(str(stored.path), stored), name=str(name))
    except InputError as error:
        return _blocked(pair, Obstacle(outcome="not comparable", reason=str(error)))
    notes = (*pair.notes, *_built_in(pair, stored, search.store))
    pair = dataclasses.replace(pair, baseline=baseline, notes=notes)
    reason = copies(run, baseline)
    return _blocked(pair, Obstacle(outcome="not comparable", name="seeds", reason=reason)) if reason else pair


def _blocked(pair: Pair, obstacle: Obstacle) -> Pair:
    """Return a pair with an obstacle; the first that was found stays."""
    return dataclasses.replace(pair, obstacle=pair.obstacle or obstacle)


def came_with_bench(path: Path, own: Path) -> bool:
    """Return whether a file is one of the built-in baselines' folder, and not of the folder that comes first."""
    built_in = builtin_root("baselines").resolve()
    return own.resolve() != built_in and path.resolve().is_relative_to(built_in)


def _built_in(pair: Pair, stored: StoredBaseline, store: Store) -> tuple[str, ...]:
    """Return a note where the baseline is not one of the working folder's, but came with bench."""
    if not came_with_bench(stored.path, store.roots[0]):
        return ()
    return (
        f"{pair.suite}, {pair.method}: the baseline is the one that came with bench ({stored.path}), "
        f"for {store.roots[0]} has none of its name",
    )
