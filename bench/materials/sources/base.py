"""What every source shares: the result type, the cache folder, and content hashes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.files import file_sha256

SHORT_HASH = 8
"""Hex digits of a sha256 that an identity carries; the whole hash is what gets checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Verified files on this machine.

    Attributes:
        path: the deepest folder that holds all the files.
        files: every file, sorted by path.
        identity: which bytes these are, the same on every machine; it goes into records, so it holds no local path.
    """

    path: Path
    files: tuple[Path, ...]
    identity: str


def common_folder(files: Sequence[Path]) -> Path:
    """Return the deepest folder that holds all of `files` (at least one)."""
    return Path(os.path.commonpath([file.parent for file in files]))


def tree_sha256(root: Path, files: Sequence[Path]) -> str:
    """Return one sha256 over several files: their paths relative to `root`, and their bytes, in sorted order."""
    names = {file.relative_to(root).as_posix(): file for file in files}
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\0{file_sha256(names[name])}\n".encode())
    return digest.hexdigest()
