"""`bench validate`: are suite files right?"""

from __future__ import annotations

from typing import Annotated

import typer

from bench.suites.resolve import builtin_suites, load_suite, resolve


def validate(
    suites: Annotated[
        list[str] | None, typer.Argument(help="Suite folders or names. Default: all built-in ones.")
    ] = None,
) -> None:
    """Resolve every profile and method of suite files, and stop at the first that is wrong."""
    for suite in suites or [f"suites/{name}" for name in builtin_suites()]:
        file = load_suite(suite)
        for profile in file.profiles:
            names = list(file.methods(profile))
            for method in names:
                resolve(file, profile=profile, method=method)
            typer.echo(f"{file.shown}: {profile}: {', '.join(names)}: fine")
