"""Perplexity of few rows of which some are extreme: how often the gate passes a rise that stands on the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench import metrics
from bench.statistics.differences import ROUNDING, mean_difference
from calibration.section import Row, Section, share

Array = np.ndarray
N_SIMULATIONS = 2000
LOSS, RISE, NOISE = 3.0, 0.1, 0.1
"""Mean loss of the baseline in nats per token, true relative rise of perplexity, and noise of a run on one row."""
HIT = 0.05
"""Share of the rows that a rise hits, where it hits few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tailed:
    """What is simulated: one seed a side, rows of one length whose losses are log-normal."""

    n_examples: int
    spread: float
    """Standard deviation of the logarithm of a row's loss; 0: losses are normal, with a standard deviation of 0.5."""
    hits: Literal["all rows", "1 in 20"] = "all rows"
    """Which rows the rise is on."""


WORLDS = [
    Tailed(n_examples=n_examples, spread=spread, hits=hits)
    for hits in ("all rows", "1 in 20")
    for spread in (0.0, 0.5, 0.8)
    for n_examples in (50, 100, 400)
]


def draw(world: Tailed, generator: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return (n_examples,) losses of the baseline, of a run that is as good, and what a worse one adds to each."""
    n = world.n_examples
    normal = generator.standard_normal(n)
    spread = world.spread
    baseline = LOSS * np.exp(spread * normal - spread**2 / 2) if spread else LOSS + 0.5 * normal
    hit = generator.random(n) < HIT
    added = np.log1p(RISE) * (np.ones(n) if world.hits == "all rows" else hit / HIT)
    return baseline, baseline + NOISE * generator.standard_normal(n), added


def row(world: Tailed) -> Row:
    """Return a world's row: passes of a run that is worse by the limit, and of one that is as good."""
    generator = np.random.default_rng(19)
    aggregate = metrics.build("perplexity").aggregate
    counts = np.zeros((2, 2))  # worse and equal, by max_drop and by max_relative_drop
    for _ in range(N_SIMULATIONS):
        losses, equal, added = draw(world, generator)
        baseline = {0: _statistics(losses)}
        allowed = np.array([RISE * np.exp(LOSS), RISE * np.exp(losses.mean())])
        for of_run, run in zip(counts, (equal + added, equal), strict=True):
            found = mean_difference(aggregate, {0: _statistics(run)}, baseline, pair_seeds=True, confidence=0.9)
            of_run += found.high <= allowed + ROUNDING
    worse, same = counts / N_SIMULATIONS
    spread = f"log-normal, {world.spread:g}" if world.spread else "normal"
    return (world.hits, spread, str(world.n_examples), *map(share, (*worse, *same)))


def _statistics(losses: Array) -> Array:
    return np.stack([losses, np.ones(len(losses))], axis=1)


SECTION = Section(
    name="tails",
    title="Perplexity with extreme rows",
    before=f"""One seed a side, no luck of seeds, and rows whose losses are log-normal: a few have losses far above
the mean of {LOSS:g} nats. The run's perplexity is higher by {RISE:.0%}, which is just what the gate allows, as
`max_drop` in units of perplexity or as `max_relative_drop`; it should pass in 5 % of all cases at most.
The rise is the same on all rows, or on one row in twenty. {N_SIMULATIONS:,} simulations a line.

- **worse, by max_drop**, **by max_relative_drop**: how often the run passes.
- **equal**: how often a run passes that is as good as the baseline.""",
    headings=(
        "the rise is on",
        "losses",
        "test rows",
        "worse, by max_drop",
        "worse, by max_relative_drop",
        "equal, by max_drop",
        "equal, by max_relative_drop",
    ),
    worlds=WORLDS,
    row=row,
    after="""**Limit perplexity by `max_relative_drop`, not by `max_drop`.** Where a sample holds few extreme rows, both
perplexities come out too low, and with them their difference and its spread: a limit in units of perplexity is then
easy to keep, and the promise of 5 % is broken. A limit that is a share of the baseline's perplexity shrinks with it,
and holds where the rise is on all rows.

Neither holds on 50 or 100 rows where a rise is on one in twenty, and on 400 they hardly do: fifty rows
hold two or three of those, and sometimes none. Nothing that is computed from the rows
at hand knows of rows that are not there: it takes more test rows.""",
    quick=(0,),
)
