"""The `hub` source: model and dataset repositories at one commit, in the Hub client's own cache.

A commit never changes, so what is cached is used without asking the hub again. Files in the client's cache are named
after their hash, which is checked here: the client itself compares sizes only.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.config import HubSource
from bench.errors import SourceError
from bench.sources.base import Announce, Fetched, file_sha256
from bench.sources.hub_errors import explain

_MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
# Folders of a model repository hold the same weights again, for other runtimes.
_OTHER_RUNTIMES = "*/*"


def is_dataset(source: HubSource) -> bool:
    """Return whether the source names rows of a dataset (it has a split or a configuration), not a model."""
    return source.split is not None or source.config is not None


# --- models ----------------------------------------------------------------------------------------------------------


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
    if not offline and not is_hub_cached(source):
        announce(f"fetching {identity(source)} from {_host()}")
    folder = _snapshot(source, offline=offline)
    damaged = _damaged(folder)
    if damaged and not offline:
        announce(f"fetching {identity(source)} again: {damaged[0].name} is damaged in the cache")
        _remove(damaged)
        folder = _snapshot(source, offline=False)
        damaged = _damaged(folder)
    if damaged:
        raise _removed(damaged, source)
    files = tuple(sorted(file for file in folder.iterdir() if file.is_file()))
    if not files:
        raise SourceError(
            f"{identity(source)}: the repository holds none of {', '.join(_MODEL_FILES)}; "
            "pin a revision with a configuration and safetensors weights"
        )
    return Fetched(path=folder, files=files, identity=identity(source))


def identity(source: HubSource) -> str:
    """Return `hub:<id>@<revision>`, with the full commit hash."""
    return f"hub:{source.id}@{source.revision}"


def _snapshot(source: HubSource, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    try:
        with _quiet_hub():
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
        raise explain(error, what=identity(source), host=_host(), offline=offline) from None


# --- datasets --------------------------------------------------------------------------------------------------------


def load_rows(source: HubSource, *, offline: bool = False, announce: Announce = lambda _: None) -> list[dict[str, Any]]:
    """Return the rows of one split of a dataset repository, in the repository's order.

    Args:
        source: repository, commit, split, and configuration where there are several.
        offline: use what an earlier call prepared, and nothing else.
        announce: told before anything is fetched.

    Raises:
        SourceError: as for `fetch_model`; or the configuration or split does not exist.
        ValueError: the source names no split.
    """
    if source.split is None:
        raise ValueError(f"{identity(source)}: load_rows needs a split")
    from datasets import load_dataset

    cached = is_hub_cached(source)
    if not cached and not offline:
        announce(f"fetching {_rows_of(source)} from {_host()}")
    failure: SourceError | None = None
    try:
        with _quiet_hub(), _quiet_datasets(), _no_requests() if cached or offline else contextlib.nullcontext():
            rows = load_dataset(
                source.id,
                name=source.config,
                split=source.split,
                revision=source.revision,
                cache_dir=str(_prepared(source)),
            )
    except Exception as error:
        failure = explain(error, what=_rows_of(source), host=_host(), offline=offline)
    if not cached and (damaged := _damaged(_dataset_snapshot(source))):
        # Tables that were prepared from damaged files go too, or the next call would take them for good ones.
        shutil.rmtree(_prepared(source), ignore_errors=True)
        raise _removed(damaged, source)
    if failure is not None:
        raise failure
    return list(rows.to_list())


def _rows_of(source: HubSource) -> str:
    parts = [f"config {source.config}" if source.config else "", f"split {source.split}"]
    return f"{identity(source)} ({', '.join(part for part in parts if part)})"


def _dataset_snapshot(source: HubSource) -> Path:
    """Return where the Hub client keeps the dataset's files of this commit."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    name = repo_folder_name(repo_id=source.id, repo_type="dataset")
    return Path(constants.HF_HUB_CACHE) / name / "snapshots" / source.revision


def _prepared(source: HubSource) -> Path:
    """Return where datasets keeps the prepared tables of this one commit.

    Where the hub does not answer, datasets falls back to the newest tables it finds for the repository, whatever their
    commit. A folder of its own for every commit leaves only the pinned one to be found.
    """
    from datasets import config

    return Path(config.HF_DATASETS_CACHE) / f"commit-{source.revision}"


@contextlib.contextmanager
def _no_requests() -> Iterator[None]:
    """Make datasets answer from its cache alone.

    `DownloadConfig(local_files_only=True)` does not reach the look-up of the repository, and HF_HUB_OFFLINE is read at
    import; both libraries look at these two switches on every request.
    """
    from datasets import config
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE = before


# --- both ------------------------------------------------------------------------------------------------------------


def is_hub_cached(source: HubSource) -> bool:
    """Return whether a model snapshot, or a dataset's prepared rows, is in the cache; asks nobody."""
    if is_dataset(source):
        config = source.config or "*"
        pattern = f"*/{config}/*/{source.revision}/dataset_info.json"
        return any(_prepared(source).glob(pattern))
    try:
        return any(_snapshot(source, offline=True).glob("*.json"))
    except SourceError:
        return False


def is_hub_reachable(timeout_s: float = 5.0) -> bool:
    """Return whether the hub answers at all within `timeout_s` seconds; used to choose a profile."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    try:
        status: int = get_session().head(constants.ENDPOINT, timeout=timeout_s).status_code
    except Exception:
        # Whatever HTTP library the client is built on, and whatever it raises: there is no answer.
        return False
    return status < 500


def _host() -> str:
    from huggingface_hub import constants

    return urlsplit(str(constants.ENDPOINT)).netloc


@contextlib.contextmanager
def _quiet_hub() -> Iterator[None]:
    """Turn the Hub client's progress bars off, then restore them."""
    from huggingface_hub import utils

    shown = not utils.are_progress_bars_disabled()
    utils.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            utils.enable_progress_bars()


@contextlib.contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Turn off datasets' progress bars, and its warnings that the cache is used, then restore them."""
    import datasets

    shown, level = not datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        if shown:
            datasets.enable_progress_bars()


def _damaged(folder: Path) -> list[Path]:
    """Return the files of a snapshot whose bytes do not hash to the name of the blob they link to."""
    return [file for file in sorted(folder.rglob("*")) if file.is_symlink() and not _matches_its_name(file.resolve())]


def _matches_its_name(blob: Path) -> bool:
    """Check a cached blob: large files are named by sha256, small ones by git's blob hash (sha1)."""
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return file_sha256(blob) == blob.name
    if re.fullmatch(r"[0-9a-f]{40}", blob.name):
        content = blob.read_bytes()
        header = f"blob {len(content)}\0".encode()
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == blob.name
    return True  # a mirror may use other names; there is nothing to compare with


def _remove(links: list[Path]) -> None:
    for link in links:
        link.resolve().unlink(missing_ok=True)
        link.unlink()


def _removed(damaged: list[Path], source: HubSource) -> SourceError:
    """Take damaged files out of the cache, where every other program would take them for good, and return the error."""
    _remove(damaged)
    names = ", ".join(file.name for file in damaged)
    return SourceError(
        f"{identity(source)}: {names} did not match the hash that {_host()} names for it, and was removed from the "
        "Hub client's cache; run again with the hub in reach"
    )
