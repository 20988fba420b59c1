"""Forecasts against simulation: with as many seeds or examples as were asked for, the wanted share decides."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from calibration.worlds import chance_of_decision
from scipy.stats import norm

from bench.core.errors import InputError
from bench.metrics.base import mean_of, mean_statistics
from bench.statistics.differences import MeanDifference, mean_difference, seed_difference
from bench.statistics.power import needed

N_SIMULATIONS = 400
# Three standard errors of a share of 0.8 over so many.
ERROR = 0.06


def found(
    value: float,
    *,
    row: float,
    luck: float,
    noise: float,
    n_examples: int = 100,
    n_seeds: tuple[int, int] = (4, 4),
    paired: bool = True,
) -> MeanDifference:
    """Return a difference whose variances are exactly those of a world (`row` is of the rows' differences)."""
    share = 1 / n_seeds[0] if paired else 1 / n_seeds[0] + 1 / n_seeds[1]
    scale = 2 if paired else 1  # a pair has the noise of two seeds
    interaction = scale * share * noise**2 / n_examples
    examples, seeds = row**2 / n_examples + interaction, scale * share * luck**2 + interaction
    error = math.sqrt(examples + seeds - interaction)
    return MeanDifference(
        value=value,
        low=value - 2 * error,
        high=value + 2 * error,
        confidence=0.95,
        p_value=1.0,
        over="both",
        standard_error=error,
        degrees_of_freedom=float(min(n_seeds) - 1),
        variance_examples=examples,
        variance_seeds=seeds,
        variance_interaction=interaction,
        n_examples=n_examples,
        n_seeds_a=n_seeds[0],
        n_seeds_b=n_seeds[1],
        paired_seeds=paired,
    )


def share_that_decides(
    start: MeanDifference,
    row: float,
    luck: float,
    noise: float,
    *,
    margin: float,
    alpha: float,
    seeds: int,
    examples: int,
) -> float:
    """Return how often the interval lies wholly on the value's side of the margin, in a world of this size."""
    generator, decided = np.random.default_rng(5), 0
    n_examples = start.n_examples + examples
    first = 0 if start.paired_seeds else start.n_seeds_a + seeds

    def side(rows: np.ndarray, n_seeds: int, start_at: int) -> dict[int, np.ndarray]:
        lucks = luck * generator.normal(size=n_seeds)
        runs = rows + lucks[:, None] + noise * generator.normal(size=(n_seeds, n_examples))
        return {start_at + number: mean_statistics(run) for number, run in enumerate(runs)}

    for _ in range(N_SIMULATIONS):
        a = side(start.value + row * generator.normal(size=n_examples), start.n_seeds_a + seeds, 0)
        b = side(np.zeros(n_examples), start.n_seeds_b + seeds, first)
        interval = mean_difference(mean_of, a, b, confidence=1 - 2 * alpha, pair_seeds=True)
        decided += interval.low > margin if start.value > margin else interval.high < margin
    return decided / N_SIMULATIONS


@pytest.mark.parametrize("margin", [0.0, -0.2, 0.9])
@pytest.mark.parametrize(("alpha", "power"), [(0.025, 0.8), (0.05, 0.8), (0.05, 0.5)])
def test_as_many_seeds_decide(margin: float, alpha: float, power: float) -> None:
    world = {"row": 0.8, "luck": 0.5, "noise": 1.0}
    start = found(0.4, **world)
    answer = needed(start, margin=margin, alpha=alpha, power=power)
    assert answer.n_seeds
    decided = share_that_decides(start, **world, margin=margin, alpha=alpha, seeds=answer.n_seeds, examples=0)
    # At the least number that is enough the chance is a little above what was asked for.
    assert decided == pytest.approx(
        chance_of_decision(start, margin=margin, alpha=alpha, more_seeds=answer.n_seeds), abs=ERROR
    )
    assert power - ERROR <= decided
    assert chance_of_decision(start, margin=margin, alpha=alpha, more_seeds=answer.n_seeds - 1) < power


def test_as_many_seeds_decide_where_sides_are_independent() -> None:
    world = {"row": 0.5, "luck": 0.4, "noise": 1.0}
    start = found(0.4, **world, n_seeds=(2, 4), paired=False)
    answer = needed(start, margin=0.0, alpha=0.05)
    assert answer.n_seeds
    decided = share_that_decides(start, **world, margin=0.0, alpha=0.05, seeds=answer.n_seeds, examples=0)
    assert 0.8 - ERROR <= decided <= 0.9 + ERROR


@pytest.mark.parametrize("alpha", [0.025, 0.05])
def test_as_many_examples_decide(alpha: float) -> None:
    world = {"row": 2.0, "luck": 0.05, "noise": 1.0}
    start = found(0.3, **world)
    answer = needed(start, margin=0.0, alpha=alpha)
    assert answer.n_examples
    assert answer.why.startswith(f"{answer.n_examples} more examples would decide")
    decided = share_that_decides(start, **world, margin=0.0, alpha=alpha, seeds=0, examples=answer.n_examples)
    assert decided == pytest.approx(0.8, abs=ERROR)


def test_one_seed_needs_what_the_normal_formula_says() -> None:
    start = replace(
        found(0.1, row=1.0, luck=0.0, noise=0.0, n_examples=200, n_seeds=(1, 1)),
        over="examples",
        degrees_of_freedom=199.0,
    )
    answer = needed(start, margin=0.0, alpha=0.05)
    # ((z_alpha + z_power) * deviation / gap)^2 examples in all: one side of the interval decides, not both
    total = ((norm.ppf(0.95) + norm.ppf(0.8)) * 1.0 / 0.1) ** 2
    assert answer.n_examples == pytest.approx(total - 200, abs=4)
    assert answer.n_seeds is None
    assert "two seeds a side" in answer.why


def test_scale_does_not_matter() -> None:
    start = found(0.3, row=1.0, luck=0.2, noise=1.0)
    percent = replace(
        start,
        value=30.0,
        standard_error=100 * start.standard_error,
        variance_examples=1e4 * start.variance_examples,
        variance_seeds=1e4 * start.variance_seeds,
        variance_interaction=1e4 * start.variance_interaction,
    )
    assert needed(percent, margin=10.0, alpha=0.05) == needed(start, margin=0.1, alpha=0.05)
    mirrored = replace(start, value=-0.3)
    assert needed(mirrored, margin=-0.1, alpha=0.05) == needed(start, margin=0.1, alpha=0.05)


def test_what_dominates_is_offered() -> None:
    seeds_matter = needed(found(0.3, row=0.1, luck=0.5, noise=0.5), margin=0.0, alpha=0.05)
    assert seeds_matter.n_seeds
    assert seeds_matter.n_examples is None
    assert (
        seeds_matter.why == f"{seeds_matter.n_seeds} more seeds a side would decide, no number of examples would decide"
    )
    rows_matter = needed(found(0.1, row=2.0, luck=0.01, noise=0.1), margin=0.0, alpha=0.05)
    assert rows_matter.n_seeds is None
    assert rows_matter.n_examples
    assert "no number of seeds would decide" in rows_matter.why


def test_decided_undecidable_and_unknown() -> None:
    start = found(0.3, row=1.0, luck=0.1, noise=0.1)
    decided = needed(start, margin=-5.0, alpha=0.05)
    assert (decided.n_seeds, decided.n_examples) == (0, 0)
    on_it = needed(start, margin=0.3, alpha=0.05)
    assert (on_it.n_seeds, on_it.n_examples) == (None, None)
    assert "stands on the margin" in on_it.why
    one = {0: mean_statistics([1.0])}
    unknown = needed(mean_difference(mean_of, one, one, pair_seeds=True), margin=0.5, alpha=0.05)
    assert (unknown.n_seeds, unknown.n_examples) == (None, None)
    two = {0: mean_statistics([1.0, 1.0])}, {0: mean_statistics([0.0, 0.0])}  # the same difference, on too few
    assert needed(mean_difference(mean_of, *two, pair_seeds=True), margin=0.5, alpha=0.05).n_examples is None
    same = {0: mean_statistics([1.0, 0.0])}
    assert needed(mean_difference(mean_of, same, same, pair_seeds=True), margin=-0.1, alpha=0.05).n_seeds == 0
    assert needed(mean_difference(mean_of, same, same, pair_seeds=True), margin=0.0, alpha=0.05).n_examples is None


def test_seeds_alone_know_nothing_of_examples() -> None:
    difference = seed_difference({0: 0.9, 1: 0.8, 2: 0.85}, {0: 0.8, 1: 0.82, 2: 0.81}, pair_seeds=True)
    answer = needed(difference, margin=0.0, alpha=0.05)
    assert answer.n_seeds
    assert answer.n_examples is None
    assert answer.why == f"{answer.n_seeds} more seeds a side would decide"


@pytest.mark.parametrize("wrong", [{"alpha": 0.5}, {"alpha": 0.0}, {"power": 1.0}, {"margin": math.nan}])
def test_refuses(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        needed(found(0.3, row=1.0, luck=0.1, noise=0.1), **{"margin": 0.0, "alpha": 0.05, **wrong})
