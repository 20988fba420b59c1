"""What hub.py and hub_rows.py share: names, the state of the Hub client's cache, and its progress bars.

Files in the client's cache are named after their hash, which is checked here: the client itself compares sizes only.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.config import HubSource
from bench.core.errors import SourceError
from bench.core.files import file_sha256
from bench.materials.sources.hub_errors import explain


def identity(source: HubSource) -> str:
    """Return `hub:<id>@<revision>`, with the full commit hash."""
    return f"hub:{source.id}@{source.revision}"


def host() -> str:
    """Return the hub's host and port, from HF_ENDPOINT as it stood when the client was imported."""
    from huggingface_hub import constants

    return urlsplit(str(constants.ENDPOINT)).netloc


def is_hub_reachable(timeout_s: float = 5.0) -> bool:
    """Return whether the hub answers within `timeout_s` seconds; used to choose a profile."""
    try:
        return _ask(timeout_s) < 500
    except Exception:
        # Whatever HTTP library the client is built on, and whatever it raises: there is no answer.
        return False


def require_hub(what: str, timeout_s: float = 10.0) -> None:
    """Find out in one request that the hub is out of reach; the clients retry for half a minute before they say so.

    Args:
        what: the source that is about to be fetched, for the message.
        timeout_s: seconds to wait for an answer.

    Raises:
        SourceError: there was no answer.
    """
    try:
        _ask(timeout_s)
    except Exception as error:
        raise explain(error, what=what, host=host(), offline=False) from None


def _ask(timeout_s: float) -> int:
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    status: int = get_session().head(constants.ENDPOINT, timeout=timeout_s).status_code
    return status


@contextlib.contextmanager
def quiet_hub() -> Iterator[None]:
    """Turn the Hub client's progress bars off, then restore them."""
    from huggingface_hub import utils

    had_bars = not utils.are_progress_bars_disabled()
    utils.disable_progress_bars()
    try:
        yield
    finally:
        if had_bars:
            utils.enable_progress_bars()


def damaged_files(folder: Path) -> list[Path]:
    """Return the files of a snapshot whose bytes do not hash to the name of the blob they link to."""
    return [file for file in sorted(folder.rglob("*")) if file.is_symlink() and not _matches_its_name(file.resolve())]


def _matches_its_name(blob: Path) -> bool:
    """Check a cached blob: large files are named by sha256, small ones by git's blob hash (sha1)."""
    if not blob.exists():
        return False
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return file_sha256(blob) == blob.name
    if re.fullmatch(r"[0-9a-f]{40}", blob.name):
        content = blob.read_bytes()
        header = f"blob {len(content)}\0".encode()
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == blob.name
    return True  # a mirror may use other names; there is nothing to compare with


def remove_files(links: list[Path]) -> None:
    """Delete files of a snapshot together with the blobs they link to."""
    for link in links:
        link.resolve().unlink(missing_ok=True)
        link.unlink()


def remove_and_explain(damaged: list[Path], source: HubSource) -> SourceError:
    """Take damaged files out of the cache, where every other program would take them for good, and return the error."""
    remove_files(damaged)
    names = ", ".join(file.name for file in damaged)
    return SourceError(
        f"{identity(source)}: {names} did not match the hash that {host()} names for it, and was removed from the "
        "Hub client's cache; run again with the hub in reach"
    )
