"""Where rows that agree are evidence for one model, and where they are right and wrong answers and no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from stored import write_side

from bench.comparing.decisions import rests_on_decisions
from bench.comparing.side import Side, load_side
from bench.records.store import Store


def side(root: Path, seeds: Sequence[int], accuracy: float = 0.9) -> Side:
    folders = write_side(root, {"accuracy": [accuracy] * len(seeds), "seeds": seeds})
    return load_side(folders[0].parent, Store(runs_root=root))


@pytest.mark.parametrize(
    ("seeds", "accuracy", "is_on_decisions"),
    [
        ((0, 1, 2), 0.9, False),
        ((0, 1), 0.9, False),
        ((0, 1, 7), 0.9, True),  # nothing of the other side shows that seed 7 is a model of it
        ((5, 6, 7), 0.9, True),
        ((0, 1, 2), 1.0, True),
    ],
)
def test_one_model_is_one_that_agrees_to_the_last_digit_in_every_seed(
    tmp_path: Path, seeds: tuple[int, ...], accuracy: float, is_on_decisions: bool
) -> None:
    run, baseline = side(tmp_path / "a", seeds, accuracy), side(tmp_path / "b", (0, 1, 2), accuracy)
    assert rests_on_decisions("accuracy", run, baseline) == is_on_decisions
    assert rests_on_decisions("accuracy", baseline, run) == is_on_decisions
    assert not rests_on_decisions("loss", run, baseline)
