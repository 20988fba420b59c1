"""`bench validate`: are suite files right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from bench.config import LocalSource, SplitName, SuiteConfig, TextsConfig
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
            if (hint := _hint(resolve(file, profile=profile, method=names[0]))) is not None:
                typer.echo(f"{file.shown}: {profile}: hint: {hint}")


def _hint(config: SuiteConfig) -> str | None:
    """Return what the rows betray that the suite does not say; none where they are not files of this machine."""
    data = config.data
    if isinstance(data, TextsConfig):
        return None
    sources = [data.source_of(split) for split in get_args(SplitName)]
    if not all(isinstance(source, LocalSource) and Path(source.path).exists() for source in sources):
        return None
    from bench.materials.load import load_splits
    from bench.materials.related_rows import hint_of_groups

    splits = load_splits(data.model_copy(update={"controls": None}), target=config.task.target)
    return hint_of_groups(splits.test)
