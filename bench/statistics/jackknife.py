"""What each example adds to the score of each seed, by leaving it out: all that an interval needs of a side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.core.errors import InputError
from bench.statistics.intervals import Aggregate, Array, check_statistics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jackknife:
    """One side: its scores, and what examples add to them."""

    seeds: tuple[int, ...]
    """In rising order."""
    values: Array
    """(n_seeds,) the scores."""
    influences: Array
    """(n_seeds, n_examples) pseudovalue less the score: (n - 1) * (score - score without the example). Of a mean it is
    the example's own distance from the mean."""

    @property
    def n_examples(self) -> int:
        """Return how many examples every seed scored."""
        return int(self.influences.shape[1])

    def only(self, seeds: Sequence[int]) -> Jackknife:
        """Return the same of some of the seeds, in the order given."""
        places = [self.seeds.index(seed) for seed in seeds]
        return Jackknife(seeds=tuple(seeds), values=self.values[places], influences=self.influences[places])


def jackknife(aggregate: Aggregate, by_seed: Mapping[int, Array]) -> Jackknife:
    """Leave each example out once.

    Args:
        aggregate: from totals (..., n_statistics) to values (...), as `Metric.aggregate`; smooth in the totals.
        by_seed: seed number -> (n_examples, n_statistics), as `Metric.statistics`.

    Raises:
        InputError: there is no seed, statistics are unlike or not finite, or the metric is undefined without some
            example.

    Source:
        Quenouille 1956; Tukey 1958; pseudovalues as in Dorfman, Berbaum and Metz 1992.
    """
    if not by_seed:
        raise InputError("a score needs at least one seed on every side")
    check_statistics([*by_seed.values()])
    seeds = tuple(sorted(by_seed))
    values, influences = [], []
    for seed in seeds:
        statistics = by_seed[seed]
        totals = statistics.sum(axis=0)
        value = float(aggregate(totals))
        influence = np.zeros(1)
        if len(statistics) > 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                influence = (len(statistics) - 1) * (value - aggregate(totals - statistics))
        if not (math.isfinite(value) and np.isfinite(influence).all()):
            raise InputError(
                f"seed {seed}: the score is not finite, or not without example {int(np.isfinite(influence).argmin())}; "
                "score more examples, or a metric that is bounded (loss for perplexity)"
            )
        values.append(value)
        influences.append(influence)
    return Jackknife(seeds=seeds, values=np.array(values), influences=np.stack(influences))
