"""Methods of users, by name: a class in a file of theirs or in an installed package, found and hashed, never run."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.core.errors import InputError

ENTRY_POINTS = "bench.methods"
"""Group under which a package names its methods: `name = "package.module:Class"`."""


def installed() -> dict[str, str]:
    """Return the methods of installed packages: name -> `package.module:Class`."""
    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def is_plugin(given: str) -> bool:
    """Return whether a method was given as `file.py:Name` or `package.module:Name`, not by name."""
    return ":" in given


def plugin_table(use: str) -> dict[str, str]:
    """Return the table of a user's method, with the hash of the file that is named.

    Nothing of that file is run, nor seen of what it imports; to find a module, the packages above it are imported.

    Args:
        use: `path/to/file.py:Name`, or `package.module:Name`.

    Raises:
        InputError: there is no such file or module, or a package above it does not import.
    """
    place, _, name = use.rpartition(":")
    if not place or not name.isidentifier():
        raise InputError(f"--method {use!r}: expected path/to/file.py:Name or package.module:Name")
    if is_file(place):
        use = f"{_normal(place)}:{name}"
    return {"kind": "plugin", "use": use, "sha256": sha256_of(source_file(place))}


def _normal(place: str) -> str:
    """Return one spelling of a file's path, so that one file gives one config key.

    That is relative where the file lies below the working folder, else absolute; slashes on every system.
    """
    path, here = (
        Path(os.path.normpath(Path(place).absolute())),
        Path.cwd(),
    )  # not resolved: a link is what the user calls it
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def is_file(place: str) -> bool:
    """Return whether a place is a file, not a module."""
    return place.endswith(".py") or "/" in place or "\\" in place


def source_file(place: str) -> Path:
    """Return the file of a place: the file itself, or the module's.

    Raises:
        InputError: there is none, or a package above a module does not import.
    """
    if is_file(place):
        if not Path(place).is_file():
            raise InputError(f"{place}: there is no such file; --method takes path/to/file.py:Name")
        return Path(place)
    try:
        spec = importlib.util.find_spec(place)
    except Exception as error:  # of a package above it, or there is none
        if not (isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}.")):
            raise InputError(f"{place}: does not import: {described(error, Path(place))}") from error
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(f"{place}: there is no such module here; install its package, or give path/to/file.py:Name")
    return Path(spec.origin)


def sha256_of(file: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def described(error: BaseException, file: Path) -> str:
    """Return type, message and the last line of the user's file that the error passed through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == file.absolute()]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines = [error.lineno]
    message: Any = str(error).strip().splitlines()
    where = f" ({file.name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {message[0] if message else 'no message'}{where}"
