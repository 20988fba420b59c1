"""Which files of users a run reads, and what version control says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.config import PluginMethod, SuiteConfig
from bench.core.errors import InputError
from bench.core.plugins import source_file
from bench.records.provenance import tree_of
from bench.records.record import WorkingTree
from bench.running.settings import RunSettings
from bench.suites.profile import suite_folder
from bench.suites.resolve import SUITE_FILE, load_suite


def user_files(config: SuiteConfig, settings: RunSettings) -> dict[str, WorkingTree]:
    """Return `suite`, `method` or `metric NAME` -> what version control says of the folder or file it was read from.

    A suite that is not found here, as of a stored configuration from elsewhere, is left out.
    """
    return {name: tree_of(path) for name, path in _places(config, settings)}


def suite_folders(suite: str | Path, config: SuiteConfig) -> dict[str, Path]:
    """Return what `RunSettings.suite_folders` wants for a suite as it was given; nothing for a stored configuration."""
    folder = suite_folder(suite)
    return {config.suite: folder.resolve()} if (folder / SUITE_FILE).is_file() else {}


def _places(config: SuiteConfig, settings: RunSettings) -> Iterator[tuple[str, Path]]:
    folder = settings.suite_folders.get(config.suite) or _found(config.suite)
    if folder is not None:
        yield "suite", folder
    if isinstance(config.method, PluginMethod):
        yield "method", source_file(config.method.use.rpartition(":")[0], option="--method")
    for name, metric in config.metrics.items():
        if metric.use is not None:
            yield f"metric {name}", source_file(metric.use.rpartition(":")[0], option="--metric")


def _found(suite: str) -> Path | None:
    try:
        return load_suite(f"suites/{suite}").path.parent
    except InputError:
        return None
