"""Scores along the way: their table, their steadiness and their picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest
from cells import lines
from factories import curve, make_duel, make_record

from bench.comparing.summary import RunSummary, summarize
from bench.reports.run.curves import MAX_ROWS, curve_metrics, scores_by_step, steadiness, thinned
from bench.reports.run.markdown import render
from bench.reports.run.pictures import evaluations_svg


def evaluated(*curves: list[dict[str, Any]], **changes: Any) -> RunSummary:
    """Return the comparison of one record a curve, all scored along the way."""
    every = {"config__training__evaluate_every_steps": 10} | changes
    return summarize([make_record(seed, evaluations=one, **every) for seed, one in enumerate(curves)])


def accuracies(*values: float) -> list[dict[str, Any]]:
    found = curve(len(values), accuracy=(0.0, 0.0))
    for one, value in zip(found, values, strict=True):
        one["scores"]["accuracy"] = {"value": value, "low": value - 0.1, "high": value + 0.1}
    return found


# --- table -----------------------------------------------------------------------------------------------------------


def test_the_table_holds_means_over_seeds() -> None:
    found = list(scores_by_step(evaluated(accuracies(0.5, 0.6, 0.9), accuracies(0.5, 0.8, 0.8)), "f.svg"))
    assert found[0] == "![Test scores by optimiser step](f.svg)"
    assert lines(found) == [
        ["step", "Accuracy", "train loss"],
        ["0", "0.500", "—"],
        ["10", "0.700", "0.900"],
        ["20", "0.850", "0.800"],
    ]
    assert found[-1].startswith("Means over 2 seeds; every evaluation;")


def test_the_metrics_are_those_asked_for_in_that_order() -> None:
    both = curve(accuracy=(0.5, 0.8), loss=(0.7, 0.4))
    comparison = evaluated(both, config__training__evaluate_metrics=["loss", "accuracy"])
    assert curve_metrics(comparison) == ("loss", "accuracy")
    assert lines(scores_by_step(comparison, None))[0] == ["step", "Loss", "Accuracy", "train loss"]


@pytest.mark.parametrize("n", [1, 2, MAX_ROWS, MAX_ROWS + 1, 31, 1000])
def test_rows_are_thinned_evenly_and_keep_both_ends(n: int) -> None:
    found = thinned(n)
    assert len(found) == min(n, MAX_ROWS)
    assert (found[0], found[-1]) == (0, n - 1)
    gaps = {b - a for a, b in pairwise(found)}
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_a_thinned_table_says_so() -> None:
    found = list(scores_by_step(evaluated(curve(31, accuracy=(0.5, 0.8))), None))
    assert len(lines(found)) == 1 + MAX_ROWS
    assert lines(found)[-1][0] == "300"
    assert found[-1].startswith("One seed; 12 of 31 evaluations;")


# --- stability -------------------------------------------------------------------------------------------------------


def test_steadiness_is_the_mean_over_seeds_beside_the_spread_of_ends() -> None:
    # e = (0 + 0) / 2 - 0.3 at the one inner point: swing sqrt(2/3) * 0.3 = 0.245; the straight curve has none.
    found = list(steadiness(evaluated(accuracies(0.0, 0.3, 0.0), accuracies(0.1, 0.2, 0.3))))
    assert lines(found) == [
        ["Accuracy, fraction", "value"],
        ["swing", "0.122"],
        ["early swing", "0.122"],
        ["late swing", "—"],
        ["largest fall", "0.150"],
        ["standard deviation of the final score over seeds", "0.001"],
    ]
    assert "Gasser et al. 1986" in found[-1]
    assert "Mosbach et al. (2021)" in found[-1]
    assert found[-1].endswith("as means over 2 seeds.")


def test_one_seed_has_no_spread() -> None:
    found = list(steadiness(evaluated(accuracies(0.5, 0.6, 0.7))))
    assert lines(found)[-1] == ["standard deviation of the final score over seeds", "—"]


def test_a_falling_loss_is_no_fall() -> None:
    falling = curve(loss=(0.7, 0.4))
    comparison = evaluated(falling, config__primary_metric="loss")
    assert ["largest fall", "0.000"] in lines(steadiness(comparison))


@pytest.mark.parametrize(
    "comparison",
    [
        summarize([make_record()]),
        evaluated(accuracies(0.5, 0.6)),
        evaluated(curve(loss=(0.7, 0.4)), config__training__evaluate_metrics=["loss"]),
    ],
    ids=["no curve", "two points", "another metric"],
)
def test_steadiness_needs_three_points_of_the_primary_metric(comparison: RunSummary) -> None:
    assert list(steadiness(comparison)) == []


def test_sections_are_there_where_there_is_a_curve() -> None:
    without, with_curve = render(summarize([make_record()])), render(evaluated(curve(accuracy=(0.5, 0.8))))
    for heading in ("## Scores by step", "## Stability"):
        assert heading not in without
        assert heading in with_curve


# --- picture ---------------------------------------------------------------------------------------------------------


def test_the_picture_has_a_panel_a_metric_and_a_line_for_human_text() -> None:
    comparison = summarize([make_duel(0), make_duel(1)])
    text = evaluations_svg(comparison)
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own file
    for title in ("Judge accuracy", "Judge loss", "S, author 0", "S, author 1"):
        assert f"<!-- {title} -->" in text
    assert "<!-- held-out human text -->" in text
    assert "<!-- mean of 2 seeds -->" in text
    assert text == evaluations_svg(comparison)
    assert "date" not in text


def test_one_seed_is_one_line() -> None:
    text = evaluations_svg(evaluated(accuracies(0.5, 0.6, 0.7)))
    assert "<!-- seed 0 -->" in text
    assert "<!-- a seed -->" not in text
    assert "human" not in text


def test_a_fifth_metric_stays_in_the_table_alone() -> None:
    names = ["accuracy", "f1", "loss"]
    three = curve(accuracy=(0.5, 0.8), f1=(0.4, 0.8), loss=(0.7, 0.4))
    text = evaluations_svg(evaluated(three, config__training__evaluate_metrics=names))
    assert text.count("<!-- optimiser step -->") == 3
    style = [name for name in make_duel().config.metrics if name.startswith("style")]
    five = curve(**dict.fromkeys((*style, "copied_8grams"), (0.4, 0.6)))
    record = make_duel(evaluations=five, config__training__evaluate_metrics=[*style, "copied_8grams"])
    assert evaluations_svg(summarize([record])).count("<!-- optimiser step -->") == 4
    assert lines(scores_by_step(summarize([record]), None))[0][5] == "Copied 8-grams"
