"""Rounding for readers."""

from __future__ import annotations

import pytest

from bench.reports.format import count, interval, number, plain, seconds, share, size
from bench.reports.run.pictures import MAX_POINTS, thin


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.83256, "fraction", "0.833"),
        (31.456, "points", "31.46"),
        (31.456, "points (0-100)", "31.46"),
        (1.23456, "nats per token", "1.235"),
        (1234.567, "perplexity", "1,234.57"),
        (2.5e7, "perplexity", "2.500e+07"),
        (0.00004, "fraction", "0.00004"),  # not zero, so not shown as zero
        (-0.0004, "fraction", "-0.0004"),
        (0.0, "fraction", "0.000"),
        (5.6e-17, "fraction", "0.000"),  # what rounding leaves of a sum
        (9.25, "tokens", "9.2"),
        (-0.0, "fraction", "0.000"),
        (0.5, "", "0.500"),
    ],
)
def test_decimals_follow_the_unit(value: float, unit: str, shown: str) -> None:
    assert number(value, unit) == shown


def test_signs_and_intervals() -> None:
    assert number(0.25, "fraction", signed=True) == "+0.250"
    assert number(0.0, "fraction", signed=True) == "0.000"
    assert interval(-0.1, 0.25, "fraction", signed=True) == "[-0.100, +0.250]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.4242, "0.42 s"), (42.04, "42.0 s"), (99.96, "1 min 40 s"), (245.4, "4 min 05 s"), (3725, "1 h 02 min"),
     (0, "0.00 s"), (3599.9, "1 h 00 min")],
)  # fmt: skip
def test_durations(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (812, "812 B"), (999.96, "1.0 kB"), (2_400_000, "2.4 MB"), (1.5e9, "1.5 GB"), (3e16, "30000.0 TB")],
)
def test_sizes(value: float, shown: str) -> None:
    assert size(value) == shown


def test_counts_shares_and_documented_numbers() -> None:
    assert count(66955010) == "66,955,010"
    assert share(592130 / 66955010) == "0.88 %"
    assert [plain(v) for v in (0.833, 2.5, 16e6, 2.0)] == ["0.833", "2.5", "16,000,000", "2"]


def test_long_curves_are_averaged_and_short_ones_kept() -> None:
    assert thin([(1, 2.0), (2, 1.0)]) == ([1.0, 2.0], [2.0, 1.0])
    steps, losses = thin([(i, float(i)) for i in range(1000)])
    assert len(steps) == len(losses) <= MAX_POINTS
    assert (steps[0], losses[0]) == (1.5, 1.5)  # mean of steps 0, 1, 2, 3
    assert thin([]) == ([], [])
