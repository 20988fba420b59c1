"""Suites x methods x seeds -> cells: which are done, which are to run, which cannot be. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.config import SuiteConfig
from bench.core.errors import InputError, suggest
from bench.core.progress import Silent
from bench.core.schema import validate
from bench.experiments.sweep.cells import SweepCell
from bench.records.record import Environment
from bench.records.store import is_stored, peek_record, seed_folders, stored_folders
from bench.running.reuse import made_otherwise
from bench.running.runs import check_device
from bench.running.settings import RunSettings
from bench.suites.profile import choose_profile, suite_folder
from bench.suites.resolve import SuiteFile, load_suite, resolve

ALL = "all"
"""Stands for every method of a suite and of the library that applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A cell, and what is known of it before anything runs."""

    cell: SweepCell
    folder: Path
    """Where its run is or will be stored."""
    done: bool
    made_otherwise: str = ""
    """In what the code and libraries at hand are not those that made the stored run, where that is used again."""
    expected_s: float | None
    """Seconds that another seed of the same config took; none where none is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """A method that cannot be had on a suite."""

    suite: str
    method: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All cells of a sweep, each once."""

    cells: tuple[Planned, ...]
    not_applicable: tuple[NotApplicable, ...]
    settings: RunSettings

    @property
    def to_run(self) -> tuple[Planned, ...]:
        """Return the cells that a sweep would run."""
        return tuple(planned for planned in self.cells if self.settings.force or not planned.done)

    @property
    def expected_s(self) -> tuple[float, int]:
        """Return the seconds of the cells to run that are known of, and how many cells those are."""
        known = [planned.expected_s for planned in self.to_run if planned.expected_s is not None]
        return sum(known), len(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suite:
    """A suite under the profile that was chosen."""

    file: SuiteFile
    profile: str
    own: Mapping[str, Any]
    """Its own methods."""


def plan(
    suites: Sequence[str | Path],
    *,
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    profile: str = "auto",
    overrides: Sequence[str] = (),
    settings: RunSettings = RunSettings(),  # noqa: B008 - it is frozen
) -> Plan:
    """Return every cell of a sweep, and what stands in the way of the others.

    Args:
        suites: suite folders or names.
        methods: names, `file.py:Name`, or `all`; default: each suite's own.
        seeds: run seeds, each once.
        profile: as `bench.running.runs.run_seeds`; `auto` is decided suite by suite.
        overrides: `key.path=value` each, for every cell.
        settings: how the cells run; its `progress` is told which profile was chosen, and why, and cells are silent.

    Raises:
        InputError: a suite, method, key or value is wrong; a cell comes twice; or no method applies to any suite.
    """
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise InputError(f"seeds = {list(seeds)}: expected different integers, 0 or above, such as 0-4")
    if not all(methods):
        raise InputError(f"methods {', '.join(map(repr, methods))}: one name is empty; take out a comma too many")
    read = [_read(suite, profile, settings) for suite in suites]
    configs: list[SuiteConfig] = []
    not_applicable: list[NotApplicable] = []
    for suite in read:
        for method, is_named in _methods_of(suite, methods):
            resolved = _resolved(suite, method, read, overrides)
            if isinstance(resolved, SuiteConfig):
                twin = _twin(resolved, configs)
                if twin is None:
                    configs.append(resolved)
                    continue
                if is_named:
                    raise _twice(resolved, twin)
                resolved = NotApplicable(suite=resolved.suite, method=method, why=f"is the same as {twin.method_name}")
            not_applicable.append(resolved)
    if not configs:
        raise InputError(
            f"no cell is left to run: {'; '.join(f'{n.suite}, {n.method}: {n.why}' for n in not_applicable)}"
        )
    cells = [planned for config in configs for planned in _cells(config, seeds, settings)]
    folders = {suite.file.name: suite.file.path.parent.resolve() for suite in read}
    silent = replace(settings, progress=Silent(), suite_folders=folders)  # it goes to other processes
    return Plan(cells=tuple(cells), not_applicable=tuple(not_applicable), settings=silent)


def _read(suite: str | Path, profile: str, settings: RunSettings) -> _Suite:
    file = load_suite(suite_folder(suite))
    if profile == "auto":
        profile, why = choose_profile(file, offline=settings.offline)
        settings.progress.say(f"{file.name}: profile {profile}: {why}")
    if profile not in file.profiles:
        raise InputError(f"{file.shown}: profile {profile!r} is not known{suggest(profile, file.profiles)}")
    return _Suite(file=file, profile=profile, own=file.methods(profile))


def _methods_of(suite: _Suite, methods: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the methods for a suite, each with whether it was asked for by name."""
    for method in methods or (suite.file.default_method(suite.profile),):
        if method != ALL:
            yield method, True
    if ALL in methods:
        named = set(methods)
        yield from ((name, False) for name in dict.fromkeys((*suite.own, *_library())) if name not in named)


def _resolved(
    suite: _Suite, method: str, suites: Sequence[_Suite], overrides: Sequence[str]
) -> SuiteConfig | NotApplicable:
    """Return the config of a suite under a method, or why there is none.

    Raises:
        InputError: the method is not known at all, or a key or value is wrong.
    """
    name = suite.file.name
    if method not in suite.own and method not in _library() and any(method in other.own for other in suites):
        return NotApplicable(suite=name, method=method, why="the suite has no method of this name")
    config = resolve(suite.file, profile=suite.profile, method=method, overrides=overrides)
    if method not in suite.own and method in _library():
        from bench.suites.library import why_not

        why = why_not(method, config)
        if why is not None:
            return NotApplicable(suite=name, method=method, why=why)
    return config


def _library() -> Sequence[str]:
    """Return the names of the methods that belong to no suite."""
    from bench.suites.library import names

    return names()


# --- cells -----------------------------------------------------------------------------------------------------------


def _twin(config: SuiteConfig, others: Sequence[SuiteConfig]) -> SuiteConfig | None:
    """Return another config that runs the same under whatever name."""
    for other in others:
        if other.suite == config.suite and _unnamed(other) == _unnamed(config):
            return other
    return None


def _unnamed(config: SuiteConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in type(config).model_fields if name not in _NAMES}


_NAMES = ("title", "chosen", "method_name")


def _twice(config: SuiteConfig, twin: SuiteConfig) -> InputError:
    if config.method_name == twin.method_name:
        return InputError(
            f"{config.suite}, method {config.method_name!r}: its cells come twice; give each suite and method once"
        )
    return InputError(
        f"{config.suite}: methods {twin.method_name!r} and {config.method_name!r} are one configuration, so their "
        "cells come twice; leave one out"
    )


def _cells(config: SuiteConfig, seeds: Sequence[int], settings: RunSettings) -> Iterator[Planned]:
    folders = seed_folders(settings.runs_root, config, seeds)
    expected_s = _stored_s(next(iter(folders.values())).parent) if folders else None
    for seed, folder in folders.items():
        done = is_stored(folder)
        otherwise = _checked(folder, settings.device) if done and not settings.force else ""
        yield Planned(
            cell=SweepCell(config=config, seed=seed),
            folder=folder,
            done=done,
            made_otherwise=otherwise,
            expected_s=expected_s,
        )


def _stored_s(config_folder: Path) -> float | None:
    """Return the seconds that some stored seed of a config took."""
    for folder in stored_folders(config_folder):
        values = peek_record(folder)
        if values is not None:
            return float(values["cost"]["wall_time_s"])
    return None


def _checked(folder: Path, device: str) -> str:
    """Check a stored run as `bench run` would, and return in what other code or libraries made it."""
    values = peek_record(folder)
    if values is None:
        return ""
    check_device(device, str(values["environment"]["device"]), folder)
    try:
        return made_otherwise(validate(Environment, values["environment"]))
    except InputError:
        return ""  # what cannot be read is told where it is used
