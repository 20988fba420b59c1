"""Methods of users: a class in a file of theirs, or in an installed package."""

from __future__ import annotations

from bench.config import PluginMethod
from bench.core.errors import InputError
from bench.core.plugins import described, load_class, source_file
from bench.methods.base import Method
from bench.methods.user_method import UserMethod


def load_plugin(table: PluginMethod) -> UserMethod:
    """Import a user's method and make an instance of it.

    Raises:
        InputError: as `bench.core.plugins.load_class`, or the class refuses its settings.
    """
    method = load_class(table.use, table.sha256, Method, base_name="bench.methods.Method", option="--method")
    try:
        return UserMethod(method(**table.settings))
    except TypeError as error:
        raise InputError(
            f"{table.use}: method.settings = {dict(table.settings)} do not fit its constructor: {error}"
        ) from None
    except (Exception, SystemExit) as error:
        file = source_file(table.use.rpartition(":")[0], option="--method")
        raise InputError(f"{table.use}: its constructor raised {described(error, file)}") from error
