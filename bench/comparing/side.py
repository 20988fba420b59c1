"""A side of a comparison: stored runs of one config, or a measured baseline, with the evidence for each seed.

What `bench compare` and `bench gate` are given is read here, and checked once: nothing that is broken, doubled or not
finite gets as far as a test. Neither torch nor a GPU is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.comparing.comparable import check_records
from bench.config import SuiteConfig
from bench.core.errors import InputError, suggest
from bench.records.noise import NoiseFloor
from bench.records.record import RunRecord
from bench.records.store import ResultName, Store, StoredBaseline, StoredRun
from bench.statistics.intervals import Array

_WHAT_A_SIDE_IS = (
    "a run folder, its record.json, a config-key folder (all its seeds) or a baseline, suite/profile/method"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """What one side measured: one config, one record a seed."""

    name: str
    """As the user gave it; tables show it."""
    records: tuple[RunRecord, ...]
    """In the order of their seeds, all of one config key."""
    statistics: Mapping[int, Mapping[str, Array]]
    """Seed -> metric -> (n_examples, n_statistics) after fine-tuning; without the seeds that stored none. Where rows
    belong together they are summed within groups, and an example is a group."""
    runs: Mapping[int, StoredRun]
    """Seed -> its run folder's files; empty for a baseline, which keeps no predictions."""
    reason: str | None = None
    """Why the baseline was made; none for runs."""
    created: str | None = None
    """When the baseline was made; none for runs."""
    noise: NoiseFloor | None = None
    """What scores do by themselves; none where it was not measured."""

    @property
    def kind(self) -> Literal["runs", "baseline"]:
        """Return what it was read from."""
        return "runs" if self.created is None else "baseline"

    @property
    def config(self) -> SuiteConfig:
        """Return the resolved suite that ran."""
        return self.records[0].config

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the run seeds, in order."""
        return tuple(record.seed for record in self.records)

    @property
    def has_groups(self) -> bool:
        """Return whether rows belong together, so that what is independent is a group of them."""
        return self.records[0].data.splits["test"].n_groups is not None

    def values(self, metric: str) -> dict[int, float]:
        """Return seed -> score after fine-tuning; empty where the metric was not scored."""
        return {record.seed: record.scores[metric].value for record in self.records if metric in record.scores}


def load_side(given: str | Path, store: Store | None = None) -> Side:
    """Read and check one side of a comparison.

    Args:
        given: a run folder, its `record.json`, a config-key folder, a baseline's name `suite/profile/method` or its
            JSON file. A folder is also looked for under the store's folder of runs. A folder that holds runs comes
            before a baseline of the same name.
        store: where runs and baselines are; default: where `bench` keeps them.

    Raises:
        InputError: nothing is there; a file cannot be read, is of a schema this bench does not know, or is not what
            its hash says; a seed comes twice; seeds differ in config, data or base weights; or statistics are not
            finite.
    """
    store = store or Store()
    name, path = str(given), Path(given)
    if path.is_file():
        stored = store.open(path, mend=f"give {_WHAT_A_SIDE_IS}")
        return side_of_baseline(name, stored) if isinstance(stored, StoredBaseline) else side_of_runs(name, [stored])
    if runs := store.runs_in(path):
        return side_of_runs(name, runs)
    baseline = store.baseline_of(ResultName(*path.parts)) if len(path.parts) == 3 else None
    if baseline is not None:
        return side_of_baseline(name, baseline)
    if store.runs_root is not None and (runs := store.runs_in(store.runs_root / path)):
        return side_of_runs(name, runs)
    raise InputError(f"{name}: {_why_not(path, store)}")


def _why_not(path: Path, store: Store) -> str:
    for folder in (path, *([] if store.runs_root is None else [store.runs_root / path])):
        if configs := store.configs_in(folder):
            listed = ", ".join(str(folder / key) for key in configs)
            return f"holds runs of {len(configs)} config(s), give one of them: {listed}"
    names = [str(stored.name) for stored in store.baselines()]
    return f"there is neither a run nor a baseline of this name; give {_WHAT_A_SIDE_IS}{suggest(str(path), names)}"


# --- reading ---------------------------------------------------------------------------------------------------------


def side_of_runs(name: str, runs: Sequence[StoredRun]) -> Side:
    """Return stored runs of one config as a side; see `load_side`."""
    ordered = sorted(runs, key=lambda run: run.record.seed)
    return _checked(
        Side(
            name=name,
            records=tuple(run.record for run in ordered),
            statistics={run.record.seed: run.statistics_by_group["after"] for run in ordered if run.has_statistics},
            runs={run.record.seed: run for run in ordered if not run.is_copy},
        )
    )


def side_of_baseline(name: str, stored: StoredBaseline) -> Side:
    """Return a measured baseline as a side; see `load_side`."""
    baseline = stored.baseline
    return _checked(
        Side(
            name=name,
            records=stored.records,
            statistics=stored.statistics_by_group,
            runs={},
            reason=baseline.reason,
            created=baseline.created,
            noise=baseline.noise,
        )
    )


def _checked(side: Side) -> Side:
    """Return the side, once its records belong together and its statistics can be resampled."""
    try:
        check_records(side.records)
    except InputError as error:
        raise InputError(f"{side.name}: {error}") from None
    for seed, by_metric in side.statistics.items():
        if seed not in side.seeds:
            raise InputError(f"{side.name}: statistics are stored for seed {seed}, of which there is no record")
        for metric, array in by_metric.items():
            if array.ndim != 2 or 0 in array.shape:
                fault = f"have shape {array.shape}, expected (n_examples, n_statistics)"
            elif not np.isfinite(array).all():
                fault = f"of example {_first_odd(array)} are not finite"
            else:
                continue
            raise InputError(
                f"{side.name}: seed {seed}, {metric}: the stored statistics {fault}; run that seed again with --force"
            )
    return side


def _first_odd(array: Array) -> int:
    return int(np.isfinite(array).all(axis=1).argmin())


def common_seeds(sides: Iterable[Side]) -> tuple[int, ...]:
    """Return the run seeds that every side has, in order."""
    return tuple(sorted(set.intersection(*(set(side.seeds) for side in sides))))
