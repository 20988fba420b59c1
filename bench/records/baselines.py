"""Baselines: what a measured one holds, and how the statistics beside it are packed.

A measured baseline is committed, so it has to stay small. The JSON takes about 12 kB a seed for eight metrics. The
statistics take 8 bytes a number: 1,000 examples, five metrics of four numbers and three seeds make 0.5 MB. Beyond
`MAX_STATISTICS_BYTES` they are left out, and the JSON says so. Both files together may take `MAX_BYTES`.

`bench.records.store` says where baselines lie, `bench.records.making` makes one of runs,
`bench.comparing.gate.promotion` decides which runs may become one, and `bench.comparing.verification` looks whether
one still holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import numpy as safetensors

from bench.records.grouping import GROUPS
from bench.records.noise import NoiseFloor
from bench.records.record import MeasuredConfig, MeasuredSeed, RunRecord, Score
from bench.statistics.groups import Groups

MAX_STATISTICS_BYTES = 2 * 1024 * 1024
MAX_BYTES: Final = 3 * 1024 * 1024
_LOSSES: Final = "losses"
"""First part of the keys of step losses; no metric may be named so."""

SeedStatistics = dict[int, dict[str, NDArray[np.float64]]]
"""Seed -> metric -> float64 array (n_examples, n_statistics), after fine-tuning."""


class Baseline(MeasuredConfig):
    """Several seeds of one config, kept to compare with."""

    seeds: tuple[MeasuredSeed, ...] = Field(min_length=1)
    """In the order of their seeds."""
    reason: str = Field(min_length=1)
    """Why these runs became the baseline, by whoever promoted them."""
    created: str
    """UTC date, ISO 8601."""
    statistics_sha256: str | None
    """Hash of the statistics file; none where it was left out."""
    statistics_left_out: str | None
    """Why it was left out."""
    promoted_by: str | None = None
    """Who promoted the runs, by the name git knows, else the login; none where nobody noted it."""
    promoted_from_commit: str | None = None
    """Commit of the working tree that promoted them; none outside one. Each seed names the commit that it ran from."""
    waived: tuple[str, ...] = ()
    """What was allowed that is refused otherwise, a sentence each."""
    replaces_sha256: str | None = None
    """Hash of the JSON of the baseline that this one replaced; none where there was none."""
    noise: NoiseFloor | None = None
    """What the scores of this config do by themselves (`bench noise --store`); none where it was not measured."""

    def scores(self, metric: str) -> tuple[Score, ...]:
        """Return one score a seed, or none at all where the metric was not measured by every seed."""
        scores = tuple(seed.scores[metric] for seed in self.seeds if metric in seed.scores)
        return scores if len(scores) == len(self.seeds) else ()

    def records(self) -> tuple[RunRecord, ...]:
        """Return the records it was made of, one a seed."""
        shared = {name: getattr(self, name) for name in MeasuredConfig.model_fields}
        return tuple(
            RunRecord(**shared, **{name: getattr(seed, name) for name in MeasuredSeed.model_fields})
            for seed in self.seeds
        )


def pack_statistics(
    statistics: Mapping[int, Mapping[str, NDArray[np.float64]]],
    losses: Mapping[int, NDArray[np.float64]],
    groups: Groups | None = None,
) -> tuple[bytes | None, str | None]:
    """Return the content of a statistics file, or why it is left out.

    Args:
        statistics: seed -> metric -> (n_examples, n_statistics), after fine-tuning.
        losses: seed -> (n_steps,) training losses.
        groups: (n_rows,) the number of each test row's group; none where every row stands for itself.
    """
    flat: dict[str, NDArray[Any]] = {}
    flat |= {f"seed-{seed}/{metric}": array for seed, arrays in statistics.items() for metric, array in arrays.items()}
    flat |= {f"{_LOSSES}/seed-{seed}": array for seed, array in losses.items()}
    if groups is not None:
        flat[GROUPS] = groups.astype(np.int32)
    n_bytes = sum(array.nbytes for array in flat.values())
    if n_bytes > MAX_STATISTICS_BYTES:
        return None, f"{n_bytes} bytes exceed the {MAX_STATISTICS_BYTES} that a repository should carry"
    return bytes(safetensors.save({key: np.ascontiguousarray(flat[key]) for key in sorted(flat)})), None


def unpack_statistics(payload: bytes) -> tuple[SeedStatistics, dict[int, NDArray[np.float64]]]:
    """Return statistics and losses as `pack_statistics` takes them; no losses from a file of version 1."""
    statistics: SeedStatistics = {}
    losses: dict[int, NDArray[np.float64]] = {}
    for key, array in sorted(safetensors.load(payload).items()):
        first, _, last = key.partition("/")
        if key == GROUPS:
            continue
        if first == _LOSSES:
            losses[int(last.removeprefix("seed-"))] = array
        else:
            statistics.setdefault(int(first.removeprefix("seed-")), {})[last] = array
    return statistics, losses


def unpack_groups(payload: bytes) -> Groups | None:
    """Return the groups as `pack_statistics` takes them; none from a file that has none."""
    groups = safetensors.load(payload).get(GROUPS)
    return None if groups is None else groups.astype(np.int64)
