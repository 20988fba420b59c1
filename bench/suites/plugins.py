"""Methods of users, by name: a class in a file of theirs or in an installed package, found and hashed, never run."""

from __future__ import annotations

from bench.core import plugins

ENTRY_POINTS = "bench.methods"
"""Group under which a package names its methods: `name = "package.module:Class"`."""


def installed() -> dict[str, str]:
    """Return the methods of installed packages: name -> `package.module:Class`."""
    return plugins.installed(ENTRY_POINTS)


def plugin_table(use: str) -> dict[str, str]:
    """Return the table of a user's method, with the hash of the file that is named.

    Args:
        use: `path/to/file.py:Name`, or `package.module:Name`.

    Raises:
        InputError: as `bench.core.plugins.located`.
    """
    use, sha256 = plugins.located(use, option="--method")
    return {"kind": "plugin", "use": use, "sha256": sha256}
