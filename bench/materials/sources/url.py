"""The `url` source: one file over HTTP, checked against its pin or against what the first fetch saw.

A URL without a pin is trusted once: the first fetch writes the hash to `url.lock.json` in the cache, and every later
fetch must match it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from bench.config import UrlSource
from bench.core.errors import SourceError
from bench.core.files import cache_root, canonical_json, file_sha256, write_text
from bench.core.progress import Announce
from bench.materials.sources.base import SHORT_HASH, Fetched

_TIMEOUT_S = 30


def fetch_url(source: UrlSource, *, offline: bool, announce: Announce) -> Fetched:
    """Return the file, from the cache or from its URL.

    Args:
        source: the URL and, where known, its sha256.
        offline: use the cache alone.
        announce: told before a download starts.

    Raises:
        SourceError: the host cannot be reached, the bytes are not the pinned or locked ones, or the file is not in
            the cache and `offline` is set.
    """
    file = _file(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.parent.with_suffix(".lock")):
        expected = _expected(source)
        problem = _damage(file, expected)
        if expected is None or problem is not None:
            if offline:
                raise SourceError(
                    f"url:{_public(source.url)}: {problem}, and --offline forbids fetching it; "
                    "run `bench fetch` once with the network"
                )
            announce(f"fetching {_public(source.url)} ({problem})")
            expected = _bring_in(source, file, expected)
    return Fetched(
        path=file.parent, files=(file,), identity=f"url:{_public(source.url)}#sha256:{expected[:SHORT_HASH]}"
    )


def is_url_cached(source: UrlSource) -> bool:
    """Return whether the file is in the cache and is the pinned or locked one."""
    return _damage(_file(source), _expected(source)) is None


def _file(source: UrlSource) -> Path:
    name = PurePosixPath(unquote(urlsplit(source.url).path)).name or "file"
    return cache_root() / "urls" / hashlib.sha256(source.url.encode()).hexdigest()[:16] / name


def _public(url: str) -> str:
    """Return the URL without a user name or password, for messages and records."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _damage(file: Path, expected: str | None) -> str | None:
    if not file.exists():
        return "not in the cache"
    if expected is None:
        return "the cached file has no hash to check it against"
    return None if file_sha256(file) == expected else "the cached file is damaged"


def _bring_in(source: UrlSource, file: Path, expected: str | None) -> str:
    """Download to a scratch folder, check, move into place, lock; return the hash."""
    import pooch

    where = _public(source.url)
    # pooch logs every download to stderr; `announce` has already said it.
    pooch.get_logger().setLevel("WARNING")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".download-") as scratch:
        try:
            downloader = pooch.HTTPDownloader(progressbar=False, timeout=_TIMEOUT_S)
            path = Path(pooch.retrieve(source.url, None, fname="download", path=scratch, downloader=downloader))
        except (OSError, ValueError) as error:  # every exception of requests is an OSError
            raise SourceError(
                f"url:{where}: the download failed ({type(error).__name__}: {error}); allowed: a URL that answers "
                "with the file. Check the network, or download it yourself and use kind = 'local'"
            ) from None
        got = file_sha256(path)
        if expected is not None and got != expected:
            pin = "pinned" if source.sha256 else f"locked in {_lock_file().name}"
            mend = "update sha256" if source.sha256 else "delete its line there"
            raise SourceError(
                f"url:{where}: sha256 is {got}, {pin} is {expected} ({path.stat().st_size} bytes arrived): the "
                f"download was cut short or the file has changed; run again, and if you trust the new file, {mend}"
            )
        path.replace(file)
    if source.sha256 is None and expected is None:
        _lock(source.url, got)
    return got


# --- the lock file ---------------------------------------------------------------------------------------------------


def _lock_file() -> Path:
    return cache_root() / "url.lock.json"


def _locked() -> dict[str, str]:
    try:
        values = json.loads(_lock_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise SourceError(
            f"{_lock_file()}: is not a JSON object of URL -> sha256; restore it, or delete it to trust the next fetch"
        )
    return values


def _expected(source: UrlSource) -> str | None:
    return source.sha256 or _locked().get(source.url)


def _lock(url: str, sha256: str) -> None:
    with FileLock(cache_root() / "url.lock.json.lock"):
        write_text(_lock_file(), canonical_json({**_locked(), url: sha256}))
