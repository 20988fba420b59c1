"""`bench validate`: are suite files right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bench.core.errors import InputError
from bench.suites.resolve import builtin_suites, load_suite, resolve

if TYPE_CHECKING:
    from bench.materials.load import PickedRows


def validate(
    suites: Annotated[
        list[str] | None, typer.Argument(help="Suite folders or names. Default: all built-in ones.")
    ] = None,
) -> None:
    """Resolve every profile and method of suite files, and stop at the first that is wrong.

    Rows that are files of this machine are read, so that their columns, labels and ranges are checked too.
    """
    from bench.materials.related_rows import hint_of_groups
    from bench.suites.rows import rows_at_hand

    for suite in suites or [f"suites/{name}" for name in builtin_suites()]:
        file = load_suite(suite)
        for profile in file.profiles:
            names = list(file.methods(profile))
            configs = [resolve(file, profile=profile, method=method) for method in names]
            try:
                rows = rows_at_hand(configs[0])
            except InputError as error:
                raise InputError(f"{file.shown} (profile {profile}): {error}") from None
            typer.echo(f"{file.shown}: {profile}: {', '.join(names)}: fine{_told(rows)}")
            if rows is not None and (hint := hint_of_groups(rows.splits["test"])) is not None:
                typer.echo(f"{file.shown}: {profile}: hint: {hint}")


def _told(rows: PickedRows | None) -> str:
    """Return what is said of rows that were read."""
    if rows is None:
        return ""
    counts = ", ".join(f"{len(examples):,} {split}" for split, examples in rows.splits.items())
    labels = "" if rows.labels_are is None else f"; their labels are {rows.labels_are}"
    return f" (rows: {counts}{labels})"
