"""Where bytes come from: every source is pinned, and every file is checked before it is used.

hub.py     model and dataset repositories, at a commit
wheel.py   files inside a wheel from a Python package index, by sha256
url.py     one file over HTTP, by sha256 or by what the first fetch saw
local.py   a file or folder that is already here
"""

from __future__ import annotations

from bench.config import GeneratedSource, HubSource, LocalSource, Source, UrlSource, WheelSource
from bench.core.progress import Announce
from bench.materials.sources.base import Fetched
from bench.materials.sources.hub import are_rows_cached, fetch_model, is_model_cached, load_rows
from bench.materials.sources.hub_cache import is_hub_reachable
from bench.materials.sources.local import fetch_local, is_local_present
from bench.materials.sources.url import fetch_url, is_url_cached
from bench.materials.sources.wheel import fetch_wheel, is_wheel_cached

__all__ = ["Fetched", "fetch", "is_cached", "is_dataset", "is_hub_reachable", "load_rows"]


def fetch(source: Source, *, offline: bool = False, announce: Announce = lambda _: None) -> Fetched:
    """Bring a source's files onto this machine and check them.

    Args:
        source: what to fetch; of kind `hub` only models, since a dataset's rows come from `load_rows`.
        offline: use caches alone.
        announce: told one line before anything is downloaded.

    Raises:
        InputError: a local path or a glob names nothing.
        SourceError: the bytes cannot be brought in, or are not the pinned ones.
        TypeError: the source holds no files to fetch (a generated one, or rows of a hub's dataset).
    """
    match source:
        case WheelSource():
            return fetch_wheel(source, offline=offline, announce=announce)
        case UrlSource():
            return fetch_url(source, offline=offline, announce=announce)
        case LocalSource():
            return fetch_local(source)
        case HubSource():
            if is_dataset(source):
                raise TypeError(f"hub:{source.id} names rows of a dataset; call load_rows, not fetch")
            return fetch_model(source, offline=offline, announce=announce)
        case GeneratedSource():
            raise TypeError(f"generated:{source.name} is made by code, not fetched; call its generator")


def is_cached(source: Source) -> bool:
    """Return whether a source can be used as it is here and now, without the network."""
    match source:
        case WheelSource():
            return is_wheel_cached(source)
        case UrlSource():
            return is_url_cached(source)
        case LocalSource():
            return is_local_present(source)
        case HubSource():
            return are_rows_cached(source) if is_dataset(source) else is_model_cached(source)
        case GeneratedSource():
            return True


def is_dataset(source: HubSource) -> bool:
    """Return whether a hub source names rows of a dataset (it has a split or a configuration), not a model."""
    return source.split is not None or source.config is not None
