"""Suite folder + profile + method + overrides -> a resolved `SuiteConfig`.

Precedence, weakest first: the suite's own tables, the profile's, the method's `training` table, `--set`. Tables merge
key by key, except that a table which names its `kind` replaces the table it overrides (the keys of a hub source mean
nothing to a local one), and an empty table clears it.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bench.config import ProfileName, SuiteConfig
from bench.core.builtin import builtin_root
from bench.core.dotted import ABSENT, value_at
from bench.core.errors import InputError, suggest
from bench.core.files import parse_toml, read_toml
from bench.core.plugins import is_plugin
from bench.suites import library, plugins
from bench.suites.checking import validated, within

SUITE_FILE = "suite.toml"
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
_SHARED = ("suite", "version", "title", "primary_metric", "task", "data", "model", "training", "metrics", "chosen")
_KEYS = (*_SHARED, "method", "methods", "profiles")
_INSTEAD_OF = {"steps": "epochs", "epochs": "steps"}

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    """A `suite.toml` as it was read, before a profile is applied."""

    path: Path
    """The file."""
    shown: str
    """The file as messages name it."""
    tables: Table
    """Its content."""

    @property
    def name(self) -> str:
        """Return the suite's name."""
        return str(self.tables["suite"])

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the profiles that the suite has."""
        return tuple(self.tables["profiles"])

    def methods(self, profile: str) -> Table:
        """Return the method tables under one profile, by name; one that is `like` another starts from that one's.

        Raises:
            InputError: it is like a method that is not there, or that is itself like another.
        """
        tables = merge(self.tables["methods"], self.tables["profiles"][profile].get("methods", {}))
        return {name: self._from_another(name, tables) for name in tables}

    def _from_another(self, name: str, tables: Table) -> Table:
        table = dict(tables[name])
        other = table.pop("like", None)
        if other is None:
            return table
        if "like" in tables.get(str(other), {"like": None}):
            allowed = [method for method, table in tables.items() if "like" not in table]
            raise InputError(
                f"{self.shown}: methods.{name}.like = {other!r} must name a method that is written out"
                f"{suggest(str(other), allowed)}"
            )
        return merge(tables[other], table)

    def default_method(self, profile: str) -> str:
        """Return the method that runs where none is named."""
        return str(self.tables["profiles"][profile].get("method", self.tables["method"]))


def builtin_suites() -> list[str]:
    """Return the names of the suites that came with this installation."""
    return sorted(file.parent.name for file in builtin_root("suites").glob(f"*/{SUITE_FILE}"))


def load_suite(suite: str | Path) -> SuiteFile:
    """Read a suite by folder or name.

    Args:
        suite: a folder that holds `suite.toml`; or `suites/<name>` or `<name>` of a built-in suite. A folder wins.

    Raises:
        InputError: there is no such suite, or its file is not TOML or lacks a key.
    """
    folder, label = _find(Path(suite))
    path = folder / SUITE_FILE
    tables = read_toml(path, shown=label)
    _check_keys(tables, label)
    if tables["suite"] != folder.resolve().name:
        raise InputError(
            f"{label}: suite = {tables['suite']!r} must equal the folder's name, {folder.resolve().name!r}"
        )
    return SuiteFile(path=path, shown=label, tables=tables)


def _find(given: Path) -> tuple[Path, str]:
    """Return the suite's folder, and its file as messages name it."""
    if (given / SUITE_FILE).is_file():
        return given, str(given / SUITE_FILE)
    name = given.name if given.parent.name in ("", "suites") else str(given)
    folder = builtin_root("suites") / name
    if not (folder / SUITE_FILE).is_file():
        raise InputError(
            f"{given}: there is no folder with a {SUITE_FILE} of that path and no built-in suite of that name"
            + suggest(name, builtin_suites())
        )
    return folder, f"suites/{name}/{SUITE_FILE}"


def _check_keys(tables: Table, label: str) -> None:
    for key in tables:
        if key not in _KEYS:
            raise InputError(f"{label}: {key} is not a known key{suggest(key, _KEYS)}")
    for key in ("suite", "method", "methods", "profiles"):
        if key not in tables:
            raise InputError(f"{label}: {key} is missing")
    for key in ("methods", "profiles"):
        if not isinstance(tables[key], dict):
            raise InputError(f"{label}: {key} must be tables by name, got {tables[key]!r}")
    for profile in tables["profiles"]:
        if profile not in PROFILES:
            raise InputError(f"{label}: profiles.{profile} is not a known profile{suggest(profile, PROFILES)}")


def resolve(
    file: SuiteFile,
    *,
    profile: str,
    method: str | None = None,
    overrides: Sequence[str] = (),
    metrics: Mapping[str, Table] | None = None,
) -> SuiteConfig:
    """Apply profile, method and overrides, and check every key and value.

    Args:
        file: what `load_suite` returned.
        profile: one of the suite's profiles (`auto` is decided by `bench.suites.profile.choose_profile`).
        method: a name under `[methods]`, of the library or of an installed package, or a user's own as
            `path/file.py:Name` or `package.module:Name`; default: the profile's, else the suite's.
        overrides: `key.path=value` each, the value in TOML (text needs no quotes where it is not anything else).
        metrics: name -> table of metrics to score besides the suite's; one that the suite scores stays as it is.

    Raises:
        InputError: an unknown profile, method, metric or key, or a value of the wrong type or out of range.
    """
    if profile not in file.profiles:
        raise InputError(f"{file.shown}: profile {profile!r} is not known{suggest(profile, file.profiles)}")
    profile_table = file.tables["profiles"][profile]
    for key in profile_table:
        if key not in (*_SHARED, "method", "methods"):
            raise InputError(f"{file.shown}: profiles.{profile}.{key} is not a known key{suggest(key, _SHARED)}")
    name, method_table, chosen = _find_method(file, profile, method or file.default_method(profile))
    tables = merge(
        {key: file.tables[key] for key in _SHARED if key in file.tables},
        {key: value for key, value in profile_table.items() if key in _SHARED},
    )
    training = method_table.pop("training", {})
    tables["training"] = merge(tables.get("training", {}), training)
    tables |= {"profile": profile, "method_name": name, "method": method_table}
    if chosen:  # the suite's reasons are about its own methods
        ours = {"method", "method_name", *(f"training.{key}" for key in training)}
        others = {path: why for path, why in tables.get("chosen", {}).items() if not within(path, ours)}
        tables["chosen"] = others | chosen
    paths = []
    scored = tables.get("metrics", {})
    tables["metrics"] = scored | {name: table for name, table in (metrics or {}).items() if name not in scored}
    for override in overrides:
        path, value = parse_override(override)
        tables = merge(tables, _nest(path, value))
        paths.append(".".join(path))
    config = validated(tables, place=f"{file.shown} (profile {profile})", overridden=paths)
    as_written = name == file.default_method(profile) and not overrides and not metrics
    return _with_chosen(config, file.shown, as_written=as_written)


def _find_method(file: SuiteFile, profile: str, given: str) -> tuple[str, Table, dict[str, str]]:
    """Return a method's name, its table, and what there is to say of its values.

    The suite's own methods win over the library's, these over installed ones; anything with a colon is a user's own.
    """
    own, points = file.methods(profile), plugins.installed()
    name, chosen = given, dict[str, str]()
    if given in own:
        table = dict(own[given])
    elif given in library.names():
        table, chosen = dict(library.entry(given).table), {"method": library.entry(given).defaults}
    elif given in points:
        table = plugins.plugin_table(points[given])
    elif is_plugin(given):
        name, table = given.rpartition(":")[2], plugins.plugin_table(given)
    else:
        known = {*own, *library.names(), *points}
        raise InputError(
            f"{file.shown}: method {given!r} is not known{suggest(given, known)}; one of your own is path/file.py:Name"
        )
    if table.get("kind") == "plugin" and "use" in table and "sha256" not in table:
        table |= plugins.plugin_table(str(table["use"]))
    return name, table, chosen


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """Return `base` overridden by `over`, table by table; one that names its `kind`, or is empty, replaces.

    `epochs` and `steps` are two ways to give one budget, so setting either drops the other from below.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged.pop(_INSTEAD_OF.get(key, ""), None)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and value and "kind" not in value:
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def parse_override(text: str) -> tuple[list[str], Any]:
    """Split `training.learning_rate=1e-4` into its key path and its TOML value.

    Raises:
        InputError: there is no `=`, no key, or the value is broken TOML.
    """
    key, equals, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path):
        raise InputError(f"--set {text!r}: expected key.path=value, such as training.learning_rate=1e-4")
    try:
        return path, parse_toml(f"value = {value}")["value"]
    except ValueError as error:
        if value.strip()[:1] in {"{", "[", '"', "'", ""}:
            raise InputError(f"--set {text!r}: the value is not valid TOML: {error}") from None
        return path, value.strip()  # bare words are text, so that shells need no double quoting


def read_tables(path: Path, kind: str) -> Table:
    """Read a TOML file that a person wrote.

    Args:
        path: the file.
        kind: what it is a file of, for messages.

    Raises:
        InputError: there is none, or it is not TOML.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such {kind} file")
    return read_toml(path)


def load_lock(path: Path) -> SuiteConfig:
    """Load a resolved configuration that a run stored as `config.lock.toml`.

    Raises:
        InputError: the file is not TOML, or not a resolved suite.
    """
    return validated(read_toml(path), place=str(path))


def _nest(path: list[str], value: Any) -> Table:
    for part in reversed(path):
        value = {part: value}
    return typing.cast(Table, value)


def _with_chosen(config: SuiteConfig, label: str, *, as_written: bool) -> SuiteConfig:
    """Return the config without reasons for keys that another method or `--set` took away; else those are errors."""
    values = config.model_dump(mode="json")
    kept = {path: why for path, why in config.chosen.items() if value_at(values, path) is not ABSENT}
    if as_written and len(kept) < len(config.chosen):
        path = next(path for path in config.chosen if path not in kept)
        raise InputError(f"{label}: chosen: {path!r} names no key of the resolved suite")
    return config.model_copy(update={"chosen": kept})
