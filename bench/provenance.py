"""What produced a run: versions, commit, device."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

from bench.record import Environment

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


def environment(*, device: str, n_threads: int, precision: str, determinism: dict[str, str]) -> Environment:
    """Return the software and hardware of this process.

    Args:
        device: device class, from `bench.device.device_class`.
        n_threads: CPU threads that torch uses inside an operation; results on the CPU depend on it.
        precision: arithmetic of forward and backward passes.
        determinism: the switches that are on.
    """
    commit, dirty = _commit(Path(__file__).parent)
    return Environment(
        bench_version=version(),
        commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        platform=f"{platform.system()}-{platform.machine()}",
        packages=package_versions(),
        device=device,
        n_threads=n_threads,
        precision=precision,
        determinism=determinism,
    )


def version() -> str:
    """Return the version of this package, or `0+unknown` in a tree that was never installed."""
    try:
        return importlib.metadata.version("bench")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def package_versions() -> dict[str, str]:
    """Return the installed versions of the packages that can move a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit this code runs from, and whether code or suites changed since; None outside a working tree."""

    def git(*arguments: str) -> str | None:
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

    if git("ls-files", "--error-unmatch", __file__) is None:
        return None, None  # an installed copy, perhaps inside somebody else's repository
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--", ".", "../suites")
    return commit, None if changes is None else bool(changes)
