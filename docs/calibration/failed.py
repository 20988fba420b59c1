"""Seeds that fail to train: what a gate passes, and what the rule of failed seeds finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.comparing.failed_seeds import rate_interval
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import mean_difference
from bench.statistics.intervals import bootstrap_interval
from calibration.section import Row, Section, share

N_SIMULATIONS = 2000
N_ROWS, MAX_DROP, ACCURACY_CUT = 400, 0.05, -2.0
RATE = 0.2
N_COLLAPSED = 300
"""Collapsed seeds that the rule is tried on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapsing:
    """What is simulated: each seed of the run guesses with a chance of `RATE`; no seed of the baseline does."""

    n_run: int
    n_baseline: int = 5


WORLDS = [Collapsing(n_run=n) for n in (3, 5)] + [Collapsing(n_run=10, n_baseline=10)]


def row(world: Collapsing) -> Row:
    """Return a world's row: how often the gate's interval is within the margin, and whether failures were seen."""
    generator = np.random.default_rng(11)
    n_looked_at = 0
    counts = dict.fromkeys(("pass", "regression", "seen and passed", "seen", "found", "collapsed", "mistaken"), 0)
    for _ in range(N_SIMULATIONS):
        rows = generator.normal(size=N_ROWS)

        def right(collapsed: bool, rows: np.ndarray = rows) -> np.ndarray:
            if collapsed:
                return generator.random(N_ROWS) < 0.5
            return rows + 0.5 * generator.normal(size=N_ROWS) + 0.1 * generator.normal() > ACCURACY_CUT

        fails = generator.random(world.n_run) < RATE
        run = {seed: mean_statistics(right(bool(failed))) for seed, failed in enumerate(fails)}
        baseline = {seed: mean_statistics(right(False)) for seed in range(world.n_baseline)}
        found = mean_difference(mean_of, run, baseline, pair_seeds=True, confidence=0.9)
        passes, seen = found.low >= -MAX_DROP, bool(fails.any())
        counts["pass"] += passes
        counts["regression"] += found.high < -MAX_DROP
        counts["seen"] += seen
        counts["seen and passed"] += passes and seen
        if world.n_run == 3 and counts["collapsed"] < N_COLLAPSED:  # the rule looks at one seed: one world tells
            n_looked_at += world.n_run
            for seed, failed in enumerate(fails):
                low = bootstrap_interval(mean_of, run[seed], n_resamples=200, seed=seed).low
                counts["collapsed"] += bool(failed)
                counts["found"] += bool(failed) and low <= 0.5
                counts["mistaken"] += not failed and low <= 0.5
    n = N_SIMULATIONS
    trained = n_looked_at - counts["collapsed"]
    return (
        f"{world.n_run} and {world.n_baseline}",
        share(counts["pass"] / n),
        share(1 - counts["seen"] / n),
        share(counts["seen and passed"] / max(counts["seen"], 1)),
        share(counts["regression"] / n),
        f"{100 * rate_interval(0, world.n_run)[1]:.0f} %",
        share(counts["found"] / counts["collapsed"]) if counts["collapsed"] else "–",
        share(counts["mistaken"] / trained) if world.n_run == 3 else "–",
    )


SECTION = Section(
    name="failed-seeds",
    title="Seeds that fail to train",
    before="""Every fifth seed of the run collapses to guessing between two labels, 400 rows, an accuracy of about 0.96
otherwise; the baseline has no such seed. The mean over seeds is some 9 points lower than the baseline's, and
5 are allowed. A pass is an interval within them; 2,000 simulations a line.

- **unseen**: how often no seed of the run collapsed.
- **passes where one is seen**: of the runs with a collapsed seed.
- **not ruled out**: the upper end of the interval of the rate of failure where none is seen, which the gate
  says (`bench/comparing/failed_seeds.py`).
- **found**, **mistaken**: how often the rule calls a collapsed seed failed, and one that trained.""",
    headings=(
        "seeds",
        "passes",
        "unseen",
        "passes where one is seen",
        "regressions",
        "not ruled out",
        "found",
        "mistaken",
    ),
    worlds=WORLDS,
    row=row,
    after="""A collapsed seed that is seen does not pass: it widens the interval. One that luck hides passes, and no
test of the scores can tell. So the gate says which rate of failure is not ruled out, and `max_failure_rate` in
the policy asks for as many seeds as a limit takes.""",
    quick=(1,),
)
