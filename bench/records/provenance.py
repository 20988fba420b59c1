"""What produced a run: versions, commit, source files, device."""

from __future__ import annotations

import functools
import getpass
import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.core.builtin import builtin_root
from bench.core.processes import n_processes
from bench.records.record import Environment, WorkingTree

PACKAGES = (
    "accelerate",
    "bert-score",
    "datasets",
    "nltk",
    "numpy",
    "peft",
    "rouge-score",
    "sacrebleu",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)
_PACKAGE: Final = Path(__file__).parents[1]
_SOURCES: Final = (".py", ".toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Which code of this package it is, or a run was made by."""

    version: str
    commit: str | None
    """None outside a working tree."""
    dirty: bool | None
    """Whether code or suites of that tree have changes that no commit holds."""
    sha256: str | None
    """Of its source files; none where a record does not say."""

    @classmethod
    def of(cls, environment: Environment) -> Code:
        """Return the code that a record names."""
        return cls(
            version=environment.bench_version,
            commit=environment.commit,
            dirty=environment.dirty,
            sha256=environment.code_sha256,
        )

    def __str__(self) -> str:
        """Return it as outputs show it."""
        commit = "no commit" if self.commit is None else f"commit {self.commit[:7]}"
        return f"bench {self.version}, {commit}{' with uncommitted changes' if self.dirty else ''}"


@functools.cache
def code_at_hand() -> Code:
    """Return the code of this process. A process asks before it runs anything, so later edits are not taken for it."""
    commit, dirty = working_tree()
    return Code(version=version(), commit=commit, dirty=dirty, sha256=_sources_sha256(_PACKAGE))


def _sources_sha256(package: Path) -> str:
    """Return one sha256 over the paths and bytes of a package's source files; suites are part of a config's key."""
    sha256 = hashlib.sha256()
    for file in sorted(file for file in package.rglob("*") if file.suffix in _SOURCES):
        place = file.relative_to(package)
        if place.parts[0] != "builtin":
            content = file.read_bytes().replace(b"\r\n", b"\n")  # a checkout may have translated them
            sha256.update(f"{place.as_posix()} {hashlib.sha256(content).hexdigest()}\n".encode())
    return sha256.hexdigest()


def environment(
    *,
    device: str,
    n_threads: int,
    precision: str,
    determinism: dict[str, str],
    user_files: Mapping[str, WorkingTree] | None = None,
) -> Environment:
    """Return the software and hardware of this process.

    Args:
        device: device class, from `bench.running.device.device_class`.
        n_threads: CPU threads that torch uses inside an operation; results on the CPU depend on it.
        precision: arithmetic of forward and backward passes.
        determinism: the switches that are on.
        user_files: what version control says of suite, method and metrics.
    """
    code = code_at_hand()
    return Environment(
        bench_version=code.version,
        commit=code.commit,
        dirty=code.dirty,
        code_sha256=code.sha256,
        user_files=dict(user_files or {}),
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}",
        packages=package_versions(),
        device=device,
        n_threads=n_threads,
        n_processes=n_processes(),
        precision=precision,
        determinism=determinism,
    )


def version() -> str:
    """Return the version of this package, or `0+unknown` in a tree that was never installed."""
    try:
        return importlib.metadata.version("bench")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


@functools.cache
def package_versions() -> dict[str, str]:
    """Return the installed versions of the packages that can move a result."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def person() -> str | None:
    """Return who is at work: the name that git knows, else the login, else None."""
    try:
        return _git(Path.cwd(), "config", "user.name") or getpass.getuser()
    except (OSError, KeyError):  # no login either, as in some containers
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what a git command prints in a folder, or None where it fails or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def working_tree() -> tuple[str | None, bool | None]:
    """Return the commit this code runs from, and whether code or suites changed since; None outside a working tree."""
    return package_tree(_PACKAGE)


def package_tree(package: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the repository of a package, and whether the package or the suites beside it changed since.

    Args:
        package: its outermost folder. One that is not tracked is an installed copy, perhaps inside somebody else's
            repository: nothing is known of it.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    commit, changes = (
        _git(package, "rev-parse", "HEAD"),
        _git(package, "status", "--porcelain", "--", ".", "../suites"),
    )
    return commit, None if changes is None else bool(changes)


def tree_of(path: Path) -> WorkingTree:
    """Return what version control says of a file, or of a folder and all that is in it.

    What came with an installed copy of this package is outside every repository, though it may lie inside somebody's.
    """
    folder = path if path.is_dir() else path.parent
    if _git(folder, "rev-parse", "--is-inside-work-tree") != "true":
        return WorkingTree(commit=None, dirty=None)
    absolute = str(path.resolve())
    is_tracked = _git(folder, "ls-files", "--error-unmatch", absolute) is not None
    if not is_tracked and path.resolve().is_relative_to(builtin_root("suites").resolve()):
        return WorkingTree(commit=None, dirty=None)
    changes = _git(folder, "status", "--porcelain", "--", absolute)
    return WorkingTree(commit=_git(folder, "rev-parse", "HEAD"), dirty=not is_tracked or bool(changes))
