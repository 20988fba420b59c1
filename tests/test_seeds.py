"""Named seeds. The values are pinned: a change of the derivation would silently make every stored run another one."""

from __future__ import annotations

from typing import get_args

import pytest

from bench.seeds import Purpose, derive, generator


@pytest.mark.parametrize(
    ("seed", "purpose", "value"),
    [
        (0, "initial weights", 262494945),
        (0, "batch order", 442304047),
        (0, "dropout", 1848325893),
        (0, "bootstrap", 452646070),
        (0, "generated data", 73399588),
        (1, "initial weights", 944038893),
        (2, "batch order", 1273498624),
    ],
)
def test_derivation_is_pinned(seed: int, purpose: Purpose, value: int) -> None:
    assert derive(seed, purpose) == value


def test_generator_is_pinned() -> None:
    assert generator(3, "bootstrap").integers(0, 1000, 4).tolist() == [860, 632, 777, 839]


def test_every_seed_and_purpose_has_a_stream_of_its_own() -> None:
    values = [derive(seed, purpose) for seed in range(200) for purpose in get_args(Purpose)]
    assert len(set(values)) == len(values)
    assert all(0 <= value < 2**31 for value in values)
