"""Validation rows are compared with test rows one by one, before anything is trained."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from study_fakes import RATE, study

from bench.core.errors import InputError
from bench.experiments.study.running import run_study
from bench.running.settings import RunSettings

N = 200
ROWS = [(f"{i} a dull plot, fine acting", i % 2) for i in range(5 * N)]
TRAIN, VALIDATION, TEST = ROWS[: 3 * N], ROWS[3 * N : 4 * N], ROWS[4 * N :]


def read(folder: Path, validation: Sequence[tuple[str, int]], test: Sequence[tuple[str, int]] = TEST) -> None:
    """Read a study whose rows lie in files."""
    overrides = []
    for split, rows in (("train", TRAIN), ("validation", validation), ("test", test)):
        path = folder / f"{split}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        source = f'{{kind="local", path="{path}"}}'
        overrides += [
            f"data.{split}={{source={source}}}",
            f"data.{split}.start=0",
            f"data.{split}.stop={len(rows)}",
            f"data.{split}.balanced=false",
        ]
    study(suite="suites/imdb", set=overrides, methods={"full": {"training.learning_rate": RATE}})


def shuffled(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return random.Random(0).sample(rows, len(rows))  # noqa: S311 - an order, nobody's secret


def test_rows_of_their_own_are_accepted(tmp_path: Path) -> None:
    read(tmp_path, VALIDATION)


@pytest.mark.parametrize(
    ("validation", "n_shared"),
    [
        (shuffled(TEST), N),
        (shuffled([*TEST[:20], *VALIDATION[20:]]), 20),
        ([(f"  {text.upper()} ", label) for text, label in reversed(TEST)], N),
        ([(text, 1 - label) for text, label in TEST[:50]] + VALIDATION[50:], 50),  # relabelled, and seen all the same
    ],
)
def test_a_copy_of_test_rows_is_refused_with_the_count(
    tmp_path: Path, validation: list[tuple[str, int]], n_shared: int
) -> None:
    with pytest.raises(InputError, match=f"{n_shared} of {N} validation rows are test rows .* set data.validation to"):
        read(tmp_path, validation)


def test_a_row_that_data_repeats_by_chance_is_let_pass(tmp_path: Path) -> None:
    read(tmp_path, [TEST[0], *VALIDATION[1:]])


def test_rows_that_are_fetched_are_compared_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = ["data.validation={start=2500, stop=2700, balanced=false}"]  # picked in another way than test rows
    made = study(suite="suites/imdb", set=positions, methods={"full": {"training.learning_rate": RATE}})
    monkeypatch.setattr("bench.experiments.study.running.runner", lambda settings: pytest.fail("it trained"))
    with pytest.raises(InputError, match=r"^study.toml: imdb, profile tiny: \d+ of 200 validation rows are test rows"):
        run_study(made, settings=RunSettings(runs_root=tmp_path, offline=True))
