"""Rows of a dataset repository at one commit, through the datasets library."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.config import HubSource
from bench.core.errors import SourceError
from bench.core.progress import Announce
from bench.materials.sources.hub_cache import damaged_files, host, identity, quiet_hub, remove_and_explain, require_hub
from bench.materials.sources.hub_errors import explain


def load_rows(
    source: HubSource, *, offline: bool = False, announce: Announce = lambda _: None
) -> Sequence[dict[str, Any]]:
    """Return the rows of one split of a dataset repository, in the repository's order, read as they are asked for.

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

    cached = are_rows_cached(source)
    if not cached and not offline:
        announce(f"fetching {_rows_of(source)} from {host()}")
        require_hub(_rows_of(source))
    failure: SourceError | None = None
    try:
        with quiet_hub(), _quiet_datasets(), _no_requests() if cached or offline else contextlib.nullcontext():
            rows: Sequence[dict[str, Any]] = load_dataset(
                source.id,
                name=source.config,
                split=source.split,
                revision=source.revision,
                cache_dir=str(_prepared(source)),
            )
    except Exception as error:
        failure = explain(error, what=_rows_of(source), host=host(), offline=offline and not cached)
    if not cached and (damaged := damaged_files(_dataset_snapshot(source))):
        # Tables that were prepared from damaged files go too, or the next call would take them for good ones.
        shutil.rmtree(_prepared(source), ignore_errors=True)
        raise remove_and_explain(damaged, source)
    if failure is not None:
        raise failure
    return rows


def _rows_of(source: HubSource) -> str:
    parts = [f"config {source.config}" if source.config else "", f"split {source.split}"]
    return f"{identity(source)} ({', '.join(part for part in parts if part)})"


def _dataset_snapshot(source: HubSource) -> Path:
    """Return where the Hub client keeps the dataset's files of this commit."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    name: str = repo_folder_name(repo_id=source.id, repo_type="dataset")
    return Path(str(constants.HF_HUB_CACHE)) / name / "snapshots" / source.revision


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


def are_rows_cached(source: HubSource) -> bool:
    """Return whether this commit's tables are prepared; asks nobody."""
    pattern = f"*/{source.config or '*'}/*/{source.revision}/dataset_info.json"
    return any(_prepared(source).glob(pattern))


@contextlib.contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Turn off datasets' progress bars, and its warnings that the cache is used, then restore them."""
    import datasets

    had_bars, level = not datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)
        if had_bars:
            datasets.enable_progress_bars()
