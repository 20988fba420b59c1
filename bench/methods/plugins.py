"""Methods of users: a class in a file of theirs, or in an installed package."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from bench.config import PluginMethod
from bench.errors import BenchError, InputError, suggest
from bench.methods.base import Method

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
    if _is_file(place):
        use = f"{PurePath(place).as_posix()}:{name}"
    return {"kind": "plugin", "use": use, "sha256": _sha256(_source(place))}


def source_of(table: PluginMethod) -> Path:
    """Return the file that defines a user's method.

    Raises:
        InputError: there is no such file or module.
    """
    return _source(table.use.rpartition(":")[0])


def load_plugin(table: PluginMethod) -> Method:
    """Import a user's method and make an instance of it.

    Raises:
        InputError: the file is not there, does not import, has changed since the config was resolved or has no such
            name; the name is no `bench.methods.Method`, or refuses its settings.
    """
    place, _, name = table.use.rpartition(":")
    file = _source(place)
    found = _sha256(file)
    if table.sha256 is not None and found != table.sha256:
        raise InputError(
            f"{file}: is not the file that the configuration was made with (sha256 {found[:12]}, expected "
            f"{table.sha256[:12]}); bring that one back, or run anew with --method {table.use}"
        )
    module = _imported(place, file, found)
    method = getattr(module, name, None)
    if method is None:
        own = [n for n, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__]
        raise InputError(f"{place}: has no {name}{suggest(name, own)}")
    if not (inspect.isclass(method) and issubclass(method, Method)):
        raise InputError(f"{table.use}: is no subclass of bench.methods.Method; derive it from that")
    try:
        built = method(**table.settings)
    except TypeError as error:
        raise InputError(
            f"{table.use}: method.settings = {dict(table.settings)} do not fit its constructor: {error}"
        ) from None
    except Exception as error:
        raise InputError(f"{table.use}: its constructor raised {_described(error, file)}") from error
    return built


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
        raise InputError(f"{place}: does not import: {_described(error, file)}") from error
    return module


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _source(place: str) -> Path:
    if _is_file(place):
        if not Path(place).is_file():
            raise InputError(f"{place}: there is no such file; --method takes path/to/file.py:Name")
        return Path(place)
    try:
        spec = importlib.util.find_spec(place)
    except Exception as error:  # of a package above it, or there is none
        if not (isinstance(error, ModuleNotFoundError) and f"{place}.".startswith(f"{error.name}.")):
            raise InputError(f"{place}: does not import: {_described(error, Path(place))}") from error
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(f"{place}: there is no such module here; install its package, or give path/to/file.py:Name")
    return Path(spec.origin)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def blaming(
    method: Method, doing: str, *, error_type: type[BenchError] = InputError, step: Callable[[], int] | None = None
) -> Iterator[None]:
    """Turn what a user's method raises into one message with its place; errors of ours pass, and so do our own bugs.

    Args:
        method: whose code runs inside the block.
        doing: what it does, for the message.
        error_type: what is raised instead.
        step: the training step at which it was, where it was at any.
    """
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        import torch

        if type(method).__module__.startswith("bench.") or isinstance(error, torch.OutOfMemoryError):
            raise
        file = Path(inspect.getfile(type(method)))
        when = "" if step is None else f" at step {step()}"
        raise error_type(
            f"{file.name}:{type(method).__name__}: {doing}{when} raised {_described(error, file)}"
        ) from error


def _described(error: BaseException, file: Path) -> str:
    """Return type, message and the last line of the user's file that the error passed through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == file.absolute()]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines = [error.lineno]
    message: Any = str(error).strip().splitlines()
    where = f" ({file.name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {message[0] if message else 'no message'}{where}"
