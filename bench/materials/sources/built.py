"""Files that are made once from fetched bytes and shared by every later run on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from bench.core.files import atomic_folder, cache_root


def build_once(name: str, build: Callable[[Path], None]) -> Path:
    """Return the cached folder `name`, building it if it is not there.

    Two processes may ask at once: the second waits for the first. A build that fails leaves nothing behind.

    Args:
        name: folder name; holds a hash of everything that decides the content.
        build: fills the empty folder it is given.
    """
    folder = cache_root() / "built" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{name}.lock")):
        if not folder.is_dir():
            with atomic_folder(folder) as scratch:
                build(scratch)
    return folder
