"""Methods of users: a class in a file of theirs, or in an installed package."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from bench.config import PluginMethod
from bench.core.errors import BenchError, InputError, suggest
from bench.methods.base import Method
from bench.methods.user_method import UserMethod
from bench.suites.plugins import described, is_file, sha256_of, source_file


def load_plugin(table: PluginMethod) -> UserMethod:
    """Import a user's method and make an instance of it.

    Raises:
        InputError: the file is not there, does not import, has changed since the config was resolved or has no such
            name; the name is no `bench.methods.Method`, or refuses its settings.
    """
    place, _, name = table.use.rpartition(":")
    file = source_file(place)
    sha256 = sha256_of(file)
    if table.sha256 is not None and sha256 != table.sha256:
        raise InputError(
            f"{file}: is not the file that the configuration was made with (sha256 {sha256[:12]}, expected "
            f"{table.sha256[:12]}); bring that one back, or run anew with --method {table.use}"
        )
    module = _imported(place, file, sha256)
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
        raise InputError(f"{table.use}: its constructor raised {described(error, file)}") from error
    return UserMethod(built)


def _imported(place: str, file: Path, sha256: str) -> ModuleType:
    try:
        if not is_file(place):
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
