"""Looking after every seed: levels that hold alpha whenever one stops.

Whoever adds seeds until a test decides gives it many chances to be wrong. Here the number of looks is bounded
beforehand and the error is spent over them: after k of at most K seeds a share ((k - 1) / (K - 1))**2 of alpha may have
been used up, so that little goes to the first looks, of which few seeds know least.

A look is a one-sided t test on the seeds so far, by as many degrees of freedom as these leave, whatever the rows have:
few seeds may agree by luck, and then the rows' many degrees would make a certainty of it. The levels are those at which
t tests on a growing sample of normal differences spend alpha as said. What rows add to the noise is common to all looks
and ties them together more, so the error can only be less.

Source: Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials", Biometrika 70, for the spending
function; Kim and DeMets 1987 for its powers; Jennison and Turnbull 2000, "Group sequential methods", section 11.3, for
repeated t tests, whose joint distribution is simulated.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.core.errors import InputError
from bench.statistics.differences import MeanDifference

N_PATHS: Final = 200_000
"""Simulated sequences of seeds behind the levels: an alpha of 0.05 is met to 0.001."""
MOST: Final = 100
"""Seeds that may be planned for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Looks after every seed, from `first` seeds to `last`."""

    first: int
    last: int
    alpha: float
    """Chance of a wrong decision to one side, at any look, in (0, 0.5)."""
    levels: tuple[float, ...]
    """One-sided level of the test at each look."""

    def level(self, n_seeds: int) -> float:
        """Return the one-sided level of the test after so many seeds, which the plan looks at."""
        return self.levels[n_seeds - self.first]

    def spent(self, n_seeds: int) -> float:
        """Return how much of alpha may have been used up after so many seeds."""
        return self.alpha * _share(n_seeds, self.last)


def _share(n_seeds: int, last: int) -> float:
    return ((n_seeds - 1) / (last - 1)) ** 2


def plan(first: int, last: int, alpha: float, n_tests: int = 1) -> Plan:
    """Return the levels of tests after every seed.

    Args:
        first: seeds of the first look, 2 or above.
        last: most seeds there will be; stated before the first look.
        alpha: chance of a wrong decision to one side, at any look.
        n_tests: tests at each look that are corrected together, by Holm. Far out in the tails looks have less in
            common, so a share of the level of one test would not do: the level is such that each test at its n-th part
            spends the n-th part of alpha.

    Raises:
        InputError: a number is out of range.
    """
    if not 2 <= first <= last <= MOST:
        raise InputError(f"looks after {first} to {last} seeds were asked for; give 2 or more, and {MOST} at most")
    if not 0 < alpha < 0.5:
        raise InputError(f"alpha is {alpha}; give a number above 0 and below 0.5")
    levels = _levels(first, last, alpha)
    if n_tests > 1:
        levels = tuple(
            min(one, n_tests * part) for one, part in zip(levels, _levels(first, last, alpha / n_tests), strict=True)
        )
    return Plan(first=first, last=last, alpha=alpha, levels=levels)


@functools.lru_cache(maxsize=64)
def _levels(first: int, last: int, alpha: float) -> tuple[float, ...]:
    """Return the levels at which t tests spend alpha, by simulation."""
    from scipy.special import stdtr

    draws = np.random.default_rng(0).standard_normal((N_PATHS, last))
    sums, squares = draws[:, : first - 1].sum(axis=1), (draws[:, : first - 1] ** 2).sum(axis=1)
    running = np.ones(N_PATHS, dtype=bool)
    n_spent, levels = 0, []
    for n in range(first, last + 1):
        sums += draws[:, n - 1]
        squares += draws[:, n - 1] ** 2
        variance = (squares - sums**2 / n) / (n - 1)
        t = sums / np.sqrt(n * variance)
        n_more = round(alpha * _share(n, last) * N_PATHS) - n_spent
        bound = -np.partition(-t[running], n_more)[n_more]  # so many of those still running lie above it
        running &= t <= bound
        n_spent += n_more
        levels.append(float(stdtr(n - 1, -bound)))
    return tuple(levels)


def by_seeds(difference: MeanDifference) -> MeanDifference:
    """Return a difference with interval and p by the degrees of freedom that its seeds leave, and no more.

    Args:
        difference: as found. One that is not over seeds, or in which nothing varies, is returned as it is.
    """
    n = min(difference.n_seeds_a, difference.n_seeds_b)
    is_point = difference.low == difference.high or math.isinf(difference.low)
    if difference.over == "examples" or n < 2 or is_point:
        return difference
    from scipy.special import stdtr, stdtrit

    freedom = min(difference.degrees_of_freedom, n - 1.0)
    reach = float(stdtrit(freedom, (1 + difference.confidence) / 2)) * difference.standard_error
    return dataclasses.replace(
        difference,
        low=difference.value - reach,
        high=difference.value + reach,
        degrees_of_freedom=freedom,
        p_value=2 * float(stdtr(freedom, -abs(difference.value) / difference.standard_error)),
    )
