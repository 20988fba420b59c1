"""The `hub` source: repositories at one commit, in the Hub client's own cache. Models here, rows in hub_rows.py.

A commit never changes, so what is cached is used without asking the hub again.
"""

from __future__ import annotations

from pathlib import Path

from bench.config import HubSource
from bench.core.errors import SourceError
from bench.core.progress import Announce
from bench.materials.sources.base import Fetched
from bench.materials.sources.hub_cache import (
    damaged_files,
    host,
    identity,
    quiet_hub,
    remove_and_explain,
    remove_files,
    require_hub,
)
from bench.materials.sources.hub_errors import explain
from bench.materials.sources.hub_rows import are_rows_cached, load_rows

__all__ = ["are_rows_cached", "fetch_model", "is_model_cached", "load_rows"]

_MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
# Folders of a model repository hold the same weights again, for other runtimes.
_OTHER_RUNTIMES = "*/*"


def fetch_model(source: HubSource, *, offline: bool, announce: Announce) -> Fetched:
    """Return the snapshot of a model repository: configuration, safetensors weights and tokenizer files.

    Args:
        source: repository and commit.
        offline: use the Hub client's cache alone.
        announce: told before files are asked for.

    Raises:
        SourceError: the hub cannot be reached, does not know the repository or the commit, wants a login, sent bytes
            that do not match their hash, or (offline) the snapshot is not wholly in the cache.
    """
    if not offline and not is_model_cached(source):
        announce(f"fetching {identity(source)} from {host()}")
        require_hub(identity(source))
    folder = _snapshot(source, offline=offline)
    damaged = damaged_files(folder)
    if damaged and not offline:
        announce(f"fetching {identity(source)} again: {damaged[0].name} is damaged in the cache")
        remove_files(damaged)
        folder = _snapshot(source, offline=False)
        damaged = damaged_files(folder)
    if damaged:
        raise remove_and_explain(damaged, source)
    files = tuple(sorted(file for file in folder.iterdir() if file.is_file()))
    if not files:
        raise SourceError(
            f"{identity(source)}: the repository holds none of {', '.join(_MODEL_FILES)}; "
            "pin a revision with a configuration and safetensors weights"
        )
    return Fetched(path=folder, files=files, identity=identity(source))


def _snapshot(source: HubSource, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        with quiet_hub():
            return Path(
                snapshot_download(
                    source.id,
                    revision=source.revision,
                    allow_patterns=_MODEL_FILES,
                    ignore_patterns=_OTHER_RUNTIMES,
                    local_files_only=offline,
                )
            )
    except Exception as error:
        raise explain(error, what=identity(source), host=host(), offline=offline) from None


def is_model_cached(source: HubSource) -> bool:
    """Return whether the whole snapshot is in the Hub client's cache; asks nobody."""
    try:
        return any(_snapshot(source, offline=True).glob("*.json"))
    except SourceError:
        return False
