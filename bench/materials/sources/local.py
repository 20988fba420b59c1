"""The `local` source: a file or folder that is already on this machine."""

from __future__ import annotations

from pathlib import Path

from bench.config import LocalSource
from bench.core.errors import InputError
from bench.core.files import file_sha256
from bench.materials.sources.base import SHORT_HASH, Fetched, tree_sha256


def fetch_local(source: LocalSource) -> Fetched:
    """Return the file, or all visible files of the folder; nothing is copied.

    The identity is a hash of the content, so that a record made from another copy of the same file compares equal.

    Raises:
        InputError: the path does not exist, cannot be read, or is a folder without files.
    """
    path = Path(source.path).expanduser().absolute()
    if not path.exists():
        raise InputError(
            f"source of kind 'local': path = {source.path!r} does not exist (looked at {path}); "
            "paths are relative to the folder the command runs in"
        )
    files = (path,) if path.is_file() else tuple(sorted(_visible_files(path)))
    if not files:
        raise InputError(
            f"source of kind 'local': path = {source.path!r} is a folder without files; "
            "give a file, or a folder with at least one file whose name does not start with a dot"
        )
    try:
        content = file_sha256(path) if path.is_file() else tree_sha256(path, files)
    except OSError as error:
        raise InputError(
            f"source of kind 'local': path = {source.path!r} cannot be read ({error.strerror}: {error.filename}); "
            "check its permissions"
        ) from None
    return Fetched(
        path=path.parent if path.is_file() else path,
        files=files,
        identity=f"local:{path.name}#sha256:{content[:SHORT_HASH]}",
    )


def is_local_present(source: LocalSource) -> bool:
    """Return whether the path exists."""
    return Path(source.path).expanduser().exists()


def _visible_files(folder: Path) -> list[Path]:
    # Hidden files are the desktop's and the editor's (.DS_Store, .swp): they must not move the content hash.
    return [
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
