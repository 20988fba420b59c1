"""Named seeds. The values are pinned: a change of the derivation would silently make every stored run another one."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.seeds import Purpose, derive, generator


@pytest.mark.parametrize(
    ("seed", "purpose", "value"),
    [
        (0, "initial weights", 262494945),
        (0, "batch order", 442304047),
        (0, "dropout", 1848325893),
        (0, "bootstrap", 452646070),
        (0, "samples", 860159418),
        (1, "initial weights", 944038893),
        (2, "batch order", 1273498624),
    ],
)
def test_derivation_is_pinned(seed: int, purpose: Purpose, value: int) -> None:
    assert derive(seed, purpose) == value


@pytest.mark.parametrize(
    ("seed", "purpose", "index", "value"),
    [
        (0, "samples", 0, 1326078824),
        (0, "samples", 1, 1875508060),
        (1, "samples", 0, 1927755889),
        (0, "shuffled words", 0, 587560745),
    ],
)
def test_derivation_by_number_is_pinned(seed: int, purpose: Purpose, index: int, value: int) -> None:
    assert derive(seed, purpose, index) == value


@given(
    st.integers(0, 10**6), st.sampled_from(get_args(Purpose)), st.one_of(st.none(), st.integers(0, 10**6)), st.data()
)
def test_no_two_of_many_streams_are_one(seed: int, purpose: Purpose, index: int | None, data: st.DataObject) -> None:
    others = st.tuples(st.integers(0, 20), st.sampled_from(get_args(Purpose)), st.one_of(st.none(), st.integers(0, 20)))
    other = data.draw(others.filter(lambda one: one != (seed, purpose, index)))
    assert 0 <= derive(seed, purpose, index) < 2**31
    assert derive(seed, purpose, index) != derive(*other)


def test_generator_is_pinned() -> None:
    assert generator(3, "bootstrap").integers(0, 1000, 4).tolist() == [860, 632, 777, 839]


def test_every_seed_and_purpose_has_a_stream_of_its_own() -> None:
    values = [derive(seed, purpose) for seed in range(200) for purpose in get_args(Purpose)]
    assert len(set(values)) == len(values)
    assert all(0 <= value < 2**31 for value in values)
