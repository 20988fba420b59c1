"""Classes of users, named `path/to/file.py:Name` or `package.module:Name`: hashed, and imported when they are used."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from bench.core.errors import BenchError, InputError, suggest
from bench.core.files import file_sha256

T = TypeVar("T")


def installed(group: str) -> dict[str, str]:
    """Return what installed packages name under a group of entry points: name -> `package.module:Class`."""
    return {point.name: point.value for point in entry_points(group=group)}


def is_plugin(given: str) -> bool:
    """Return whether something was given as `file.py:Name` or `package.module:Name`, not by name."""
    return ":" in given


def located(use: str, *, option: str) -> tuple[str, str]:
    """Return one spelling of `use`, and the sha256 of the file that it names.

    Nothing of that file is run, nor seen of what it imports; to find a module, the packages above it are imported.

    Args:
        use: `path/to/file.py:Name`, or `package.module:Name`.
        option: the command line's option that takes it, for messages.

    Raises:
        InputError: there is no such file or module, or a package above it does not import.
    """
    place, _, name = use.rpartition(":")
    if not place or not name.isidentifier():
        raise InputError(f"{option} {use!r}: expected path/to/file.py:Name or package.module:Name")
    if _is_file(place):
        use = f"{_one_spelling(place)}:{name}"
    return use, file_sha256(source_file(place, option=option))


def load_class(use: str, sha256: str | None, base: type[T], *, base_name: str, option: str) -> type[T]:
    """Import a user's class.

    Args:
        use: as `located`.
        sha256: of the file when the configuration was made; none where nobody wrote it down.
        base: what the class has to derive from.
        base_name: dotted name of `base`, as users import it.
        option: as `located`.

    Raises:
        InputError: the file is not there, does not import, has changed or has no such name; or the name is no `base`.
    """
    place, _, name = use.rpartition(":")
    file = source_file(place, option=option)
    now = file_sha256(file)
    if sha256 is not None and now != sha256:
        raise InputError(
            f"{file}: is not the file that the configuration was made with (sha256 {now[:12]}, expected "
            f"{sha256[:12]}); bring that one back, or run anew with {option} {use}"
        )
    module = _imported(place, file, now)
    loaded = getattr(module, name, None)
    if loaded is None:
        own = [n for n, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__]
        raise InputError(f"{place}: has no {name}{suggest(name, own)}")
    if not (inspect.isclass(loaded) and issubclass(loaded, base)):
        raise InputError(f"{use}: is no subclass of {base_name}; derive it from that")
    return loaded


def source_file(place: str, *, option: str) -> Path:
    """Return the file of a place: the file itself, or the module's.

    Raises:
        InputError: there is none, or a package above a module does not import.
    """
    if _is_file(place):
        if not Path(place).is_file():
            raise InputError(f"{place}: there is no such file; {option} takes path/to/file.py:Name")
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


def described(error: BaseException, file: Path) -> str:
    """Return type, message and the last line of the user's file that the error passed through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == file.absolute()]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines = [error.lineno]
    message = str(error).strip().splitlines()
    where = f" ({file.name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {message[0] if message else 'no message'}{where}"


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _one_spelling(place: str) -> str:
    """Return one spelling of a file's path, so that one file gives one config key.

    That is relative where the file lies below the working folder, else absolute; slashes on every system. A link is
    left as the user calls it.
    """
    path, here = Path(os.path.normpath(Path(place).absolute())), Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _imported(place: str, file: Path, sha256: str) -> ModuleType:
    try:
        if not _is_file(place):
            return importlib.import_module(place)
        name = f"bench_plugin_{sha256[:16]}"
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise InputError(f"{file}: is no Python file; its name must end in .py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickle look their module up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    except BenchError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{place}: does not import: {described(error, file)}") from error
    return module
