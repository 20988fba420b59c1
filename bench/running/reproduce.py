"""Reproduction: run a stored result again from its record alone: config, pinned revisions, seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.core.errors import SourceError
from bench.records.record import Environment, RunRecord
from bench.records.store import RECORD_FILE, StoredRun, run_folder
from bench.running.cache import RunCache
from bench.running.original import Original, losses_of
from bench.running.repeats import kept_or_scratch
from bench.running.reproduction import Reproduction, assess
from bench.running.settings import RunSettings


def reproduce(original: Original, settings: RunSettings, *, keep: Path | None = None) -> Reproduction:
    """Run a stored result again from its record alone: config, pinned revisions, seed.

    On the CPU it takes as many threads as the first run did, for sums depend on it.

    Args:
        original: what `find_original` returned.
        settings: where and how; `original.device` asks for a device of the first run's kind. Nothing is stored under
            its `runs_root`.
        keep: folder of runs for the second one; default: it is thrown away.

    Raises:
        SourceError: the sources no longer give the rows or base weights of the record, or cannot be fetched.
        RunError: the device is not there, or the run failed.
    """
    from bench.core.network_guard import forbid_network
    from bench.running.run import run_seed

    record, cache = original.record, RunCache()
    with kept_or_scratch(keep) as root, forbid_network() if settings.offline else contextlib.nullcontext():
        settings = replace(settings, runs_root=root)
        check_sources(record, settings, cache)
        with _threads(record.environment):
            again = run_seed(record.config, record.seed, settings, cache)
        losses = losses_of(StoredRun(file=run_folder(root, record.config, record.seed) / RECORD_FILE))
    return assess(original, again, losses)


def check_sources(record: RunRecord, settings: RunSettings, cache: RunCache) -> None:
    """Fetch what a record was made of, and refuse where it is no longer the same.

    Args:
        record: the stored result.
        settings: of the second run.
        cache: keeps what is fetched for the second run.

    Raises:
        SourceError: rows or base weights are others than the record's, or cannot be fetched.
    """
    from bench.running.run import materials_of

    materials = materials_of(record.config, settings, cache)
    pairs = {
        "data.fingerprint": (record.data.fingerprint, materials.splits.summary.fingerprint),
        "model.base": (record.model.base, materials.base.identity),
    }
    for field, (then, now) in pairs.items():
        if then != now:
            raise SourceError(
                f"{record.suite}: {field} is {now}, and the record has {then}: the sources no longer give the same "
                "bytes, so nothing can be reproduced; bring back the files that the record names"
            )


@contextlib.contextmanager
def _threads(environment: Environment) -> Iterator[None]:
    """Give torch as many threads as a recorded run had."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(environment.n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
