"""Rows that flip: counted by hand, the worst first, and a reason where they cannot be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_imitation
from planted import means, write_planted

from bench.comparing.flips import Flips, flips
from bench.comparing.side import Side, load_side
from bench.core.errors import InputError
from bench.core.files import read_rows, write_rows


def run(folder: Path, predictions: list[Any], planted: dict[str, np.ndarray], seed: int = 0, **changes: Any) -> Side:
    """Write a run folder with these predictions and statistics, and load it."""
    write_planted(folder, seed, planted, **changes)
    path = folder / "predictions.jsonl"
    rows = read_rows(path)[: len(predictions)]
    write_rows(path, [row | {"prediction": p} for row, p in zip(rows, predictions, strict=True)])
    return replace(load_side(folder), name=folder.name)


def labelled(folder: Path, predictions: list[int], **changes: Any) -> Side:
    """Rows of the factory are 0, 1, 0, 1, ... in truth."""
    right = [float(p == i % 2) for i, p in enumerate(predictions)]
    return run(folder, predictions, {"accuracy": means(right)}, **changes)


def written(folder: Path, overlaps: list[float], ratios: list[float], **changes: Any) -> Side:
    planted = {"common_token_ratio": means(ratios), "longest_overlap": means(overlaps)}
    texts = [f"{folder.name} {i}" for i in range(len(ratios))]
    return run(folder, texts, planted, make=make_imitation, **changes)


def test_labels_that_flip_are_counted_and_cut(tmp_path: Path) -> None:
    b = labelled(tmp_path / "b", [0, 1, 0, 1, 1, 0, 0, 1])  # wrong of rows 4 and 5
    a = labelled(tmp_path / "a", [1, 0, 0, 0, 0, 0, 0, 1])  # wrong of rows 0, 1, 3 and 5
    found = flips(a, b, n=2)
    assert isinstance(found, Flips)
    assert (found.kind, found.metric, found.seed, found.n_rows) == ("labels", None, 0, 8)
    assert (found.n_drops, found.n_gains) == (3, 1)
    assert [(f.id, f.reference, f.a, f.b) for f in found.drops] == [
        ("0", "negative", "positive", "negative"),
        ("1", "positive", "negative", "positive"),
    ]
    assert [(f.id, f.input, f.a) for f in found.gains] == [("4", "Review number 4.", "negative")]


def test_identical_labels_do_not_flip(tmp_path: Path) -> None:
    a, b = (labelled(tmp_path / name, [0, 0, 1]) for name in "ab")
    found = flips(a, b)
    assert isinstance(found, Flips)
    assert (found.n_drops, found.n_gains, found.drops, found.gains) == (0, 0, (), ())


def test_texts_are_ranked_by_how_far_their_score_moved(tmp_path: Path) -> None:
    b = written(tmp_path / "b", [5, 5, 5, 5], [0.5, 0.5, 0.5, 0.5])
    a = written(tmp_path / "a", [5, 9, 2, 9], [0.4, 0.1, 0.9, 0.5])
    found = flips(a, b)
    assert isinstance(found, Flips)
    assert (found.kind, found.metric) == ("texts", "common_token_ratio")
    assert [(f.id, f.a, f.b, f.score_a, f.score_b) for f in found.drops] == [
        ("gulliver-1", "a 1", "b 1", 0.1, 0.5),
        ("gulliver-0", "a 0", "b 0", 0.4, 0.5),
    ]
    assert [f.id for f in found.gains] == ["gulliver-2"]
    assert found.gains[0].reference == "Passage 2 of gulliver."


def test_for_a_metric_whose_lower_values_are_better_a_rise_is_a_drop(tmp_path: Path) -> None:
    b = written(tmp_path / "b", [5, 5, 5, 5], [0.5] * 4)
    a = written(tmp_path / "a", [5, 9, 2, 9], [0.5] * 4)
    found = flips(a, b, metric="longest_overlap", n=1)
    assert isinstance(found, Flips)
    assert (found.n_drops, found.n_gains) == (2, 1)
    assert [f.id for f in found.drops] == ["gulliver-1"]  # of equal ones the first
    assert [f.id for f in found.gains] == ["gulliver-2"]


def test_a_row_that_defines_no_score_does_not_flip(tmp_path: Path) -> None:
    statistics = [[2.0, 1.0], [4000.0, 1.0], [1.0, 1.0], [0.0, 0.0]]  # exp(4000) is infinite, 0 / 0 is nothing
    planted = {"perplexity": np.array(statistics)}
    a, b = (written(tmp_path / name, [5] * 4, [0.5] * 4) for name in "ab")
    config = a.config.model_copy(update={"metrics": {"perplexity": a.config.metrics["longest_overlap"]}})
    a, b = (
        replace(s, statistics={0: planted}, records=(s.records[0].model_copy(update={"config": config}),))
        for s in (a, b)
    )
    moved = {"perplexity": np.array([[1.0, 1.0], [1.0, 1.0], [1.5, 1.0], [1.0, 1.0]])}
    found = flips(replace(a, statistics={0: moved}), b, metric="perplexity")
    assert isinstance(found, Flips)
    assert ([f.id for f in found.drops], [f.id for f in found.gains]) == (["gulliver-2"], ["gulliver-0"])


def test_the_first_seed_in_common_is_looked_at(tmp_path: Path) -> None:
    sides = []
    for name, seeds in (("a", (0, 1, 2)), ("b", (1, 2, 3))):
        for seed in seeds:
            labelled(tmp_path / name / f"seed-{seed}", [0, 1], seed=seed)
        sides.append(load_side(tmp_path / name))
    found = flips(*sides)
    assert isinstance(found, Flips)
    assert found.seed == 1


def test_where_flips_cannot_be_told_there_is_a_reason(tmp_path: Path) -> None:
    a, b = labelled(tmp_path / "a", [0, 1]), labelled(tmp_path / "b", [0, 1], seed=1)
    longer = labelled(tmp_path / "longer", [0, 1, 1])
    texts, others = (written(tmp_path / name, [5] * 4, [0.5] * 4) for name in ("texts", "others"))
    for reason, found in {
        "stored keeps no predictions; give its run folder": flips(a, replace(b, name="stored", runs={})),
        "a and b have no seed in common": flips(a, b),
        "a and longer predicted different test rows": flips(a, longer),
        "texts stores no statistics of meteor for seed 0": flips(texts, others, metric="meteor"),
    }.items():
        assert found == reason


def test_predictions_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    a, b = (labelled(tmp_path / name, [0, 1]) for name in "ab")
    (tmp_path / "b" / "predictions.jsonl").unlink()
    with pytest.raises(InputError, match=r"b/predictions\.jsonl: cannot be read"):
        flips(a, b)
