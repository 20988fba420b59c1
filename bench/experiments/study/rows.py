"""Validation rows beside test rows, one by one: what is chosen on rows must not have seen those it is scored on."""

from __future__ import annotations

from typing import Final

from bench.config import DataConfig, SuiteConfig
from bench.core.errors import InputError, SourceError
from bench.core.progress import Announce
from bench.materials.load import load_splits
from bench.materials.splits import Splits, normalised

MAX_SHARED: Final = 0.01
"""Share of the validation rows that may stand among the test rows: real data repeats itself now and then."""


def check_shared_rows(config: SuiteConfig, *, offline: bool, announce: Announce) -> None:
    """Read the rows of a suite, and refuse validation rows that are test rows, in whatever order.

    Continuous texts are cut by position, so their parts share nothing.

    Args:
        config: any config of the study; its methods share the data.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched, and of a few rows that are shared.

    Raises:
        InputError: more than `MAX_SHARED` of them are, or the data does not hold what the suite says.
        SourceError: a source cannot be fetched.
    """
    if not isinstance(config.data, DataConfig):
        return
    splits = load_splits(config.data, target=config.task.target, offline=offline, announce=announce)
    n_shared, n_rows = shared_rows(splits), len(splits.validation)
    said = f"{n_shared:,} of {n_rows:,} validation rows are test rows (case, spacing and order aside)"
    if n_shared > MAX_SHARED * n_rows:
        raise InputError(
            f"{config.suite}, profile {config.profile}: {said}, so what is chosen on the one has seen the other; set "
            "data.validation to rows of its own"
        )
    if n_shared:
        announce(f"{said}; up to {MAX_SHARED:.0%} are let pass")


def check_local_rows(config: SuiteConfig) -> None:
    """Do the same before anything runs, where all rows lie in files of this machine, so that it costs nothing.

    Raises:
        InputError: as `check_shared_rows`.
    """
    sources = [source for _, source in config.data.sources()]
    if not all(source.kind == "local" for source in sources):
        return
    try:
        check_shared_rows(config, offline=True, announce=lambda _: None)
    except SourceError:
        return  # a file that is not there is the run's to tell


def shared_rows(splits: Splits) -> int:
    """Return how many validation rows stand among the test rows; case and spacing aside."""
    test = {normalised(example.input) for example in splits.test}
    return sum(normalised(example.input) in test for example in splits.validation)
