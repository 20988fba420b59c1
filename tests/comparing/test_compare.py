"""Two sides whose truth is known: nothing where nothing was planted, what was planted where it was."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import make_record
from planted import Planted, means, right, side

from bench.comparing.compare import adjusted_together, compare
from bench.comparing.pairing import pairs_seeds
from bench.comparing.side import Side
from bench.core.errors import InputError
from bench.records.noise import MetricNoise, NoiseFloor
from bench.records.record import DataSummary
from bench.statistics.differences import mean_difference


def losses(n: int, seed: int, mean: float = 1.0) -> np.ndarray:
    return means(np.random.default_rng(seed).gamma(4.0, mean / 4.0, size=n))


def one(metric: str, a: Planted, b: Planted) -> Any:
    """Return the row of one metric, one seed a side."""
    return compare(side("a", {0: a}), side("b", {0: b}), metrics=[metric]).rows[0]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_identical_sides_do_not_differ(seeds: tuple[int, ...]) -> None:
    planted = {seed: {"accuracy": right(150, 200, seed=seed), "loss": losses(200, seed)} for seed in seeds}
    found = compare(side("a", planted), side("b", planted))
    assert [row.metric for row in found.rows] == ["accuracy", "loss"]
    for row in found.rows:
        assert row.difference is not None
        assert (row.difference.value, row.difference.low, row.difference.high) == (0.0, 0.0, 0.0)
        assert (row.difference.p_value, row.p_adjusted, row.outcome, row.why) == (1.0, 1.0, "not told apart", None)
        assert set(row.p_values.values()) == {1.0}


def test_a_planted_drop_is_found_and_signed() -> None:
    good, bad = {"accuracy": right(160, 200)}, {"accuracy": right(140, 200)}
    drop, gain = one("accuracy", bad, good), one("accuracy", good, bad)
    assert (drop.outcome, gain.outcome) == ("worse", "better")
    assert (drop.a, drop.b) == (0.7, 0.8)
    assert drop.difference.value == pytest.approx(-0.1)
    assert (drop.difference.low, drop.difference.high) == pytest.approx((-gain.difference.high, -gain.difference.low))


def test_for_a_loss_more_is_worse() -> None:
    planted = losses(300, 0)
    assert one("loss", {"loss": planted + [0.2, 0.0] * losses(300, 1)}, {"loss": planted}).outcome == "worse"
    assert one("loss", {"loss": planted}, {"loss": planted + [0.2, 0.0] * losses(300, 1)}).outcome == "better"


def test_noise_is_not_told_apart() -> None:
    row = one("loss", {"loss": losses(50, 0)}, {"loss": losses(50, 1)})
    assert (row.outcome, row.difference.over) == ("not told apart", "examples")


def test_the_interval_is_that_of_mean_difference() -> None:
    a, b = ({seed: {"accuracy": right(n, 40, seed=seed)} for seed in (0, 1)} for n in (30, 20))
    (row,) = compare(side("a", a), side("b", b), confidence=0.9).rows
    expected = mean_difference(
        lambda t: t[..., 0] / t[..., 1],
        {seed: one["accuracy"] for seed, one in a.items()},
        {seed: one["accuracy"] for seed, one in b.items()},
        confidence=0.9,
        pair_seeds=True,
        decisions=True,
    )
    assert row.difference == expected


def test_answers_that_are_all_right_on_both_sides_do_not_prove_them_equal() -> None:
    planted = {seed: {"accuracy": right(30, 30), "loss": losses(30, seed)} for seed in range(3)}
    accuracy, loss = compare(side("a", planted), side("b", planted)).rows
    assert accuracy.difference is not None
    assert loss.difference is not None
    assert accuracy.difference.low < 0 < accuracy.difference.high
    assert (loss.difference.low, loss.difference.high) == (0.0, 0.0)


def test_the_same_few_errors_prove_no_more_where_nothing_finer_is_stored() -> None:
    alone = {seed: {"accuracy": right(29, 30)} for seed in range(3)}
    other = {seed: {"accuracy": right(29, 30), "loss": losses(30, seed)} for seed in range(3)}
    moved = {seed: {"accuracy": right(29, 30), "loss": losses(30, seed + 9)} for seed in range(3)}
    for a, b, known in ((alone, alone, False), (other, moved, False), (other, other, True)):
        difference = compare(side("a", a), side("b", b)).rows[0].difference
        assert difference is not None
        assert (difference.low == difference.high == 0.0) is known


# --- tests beside the interval ---------------------------------------------------------------------------------------


def test_one_seed_a_side_has_the_tests_that_see_examples() -> None:
    # b alone is right of 9 examples and a alone of 1: exact McNemar is 2 * (1 + 10) / 2**10
    a, b = right(60, 100)[:, 0], right(60, 100)[:, 0]
    a[:9], b[60:61] = 0.0, 0.0
    a[60:61] = 1.0
    row = one("accuracy", {"accuracy": means(a)}, {"accuracy": means(b)})
    assert set(row.p_values) == {"bootstrap", "approximate randomization", "McNemar"}
    assert row.p_values["McNemar"] == pytest.approx(22 / 1024)
    assert row.p_values["approximate randomization"] == pytest.approx(22 / 1024, abs=0.005)
    assert set(one("loss", {"loss": losses(9, 0)}, {"loss": losses(9, 1)}).p_values) == {
        "bootstrap",
        "approximate randomization",
    }


def test_without_resamples_the_interval_is_the_same_and_stands_alone() -> None:
    a, b = side("a", {0: {"loss": losses(9, 0)}}), side("b", {0: {"loss": losses(9, 1)}})
    with_tests, alone = (compare(a, b, metrics=["loss"], n_resamples=n).rows[0] for n in (100, 0))
    assert alone.difference == with_tests.difference
    assert (set(with_tests.p_values), set(alone.p_values)) == ({"bootstrap", "approximate randomization"}, set())


@pytest.mark.parametrize(("numbers", "paired"), [((0, 1, 2), True), ((5, 6, 7), False), ((3, 4), False)])
def test_several_seeds_have_the_test_that_sees_seeds(numbers: tuple[int, ...], paired: bool) -> None:
    from scipy.stats import ttest_ind, ttest_rel

    a = {seed: {"accuracy": right(70 + 3 * i, 100, seed=i)} for i, seed in enumerate((0, 1, 2))}
    b = {seed: {"accuracy": right(66 + i**2, 100, seed=9 + i)} for i, seed in enumerate(numbers)}
    (row,) = compare(side("a", a), side("b", b)).rows
    values = [[float(one["accuracy"][:, 0].mean()) for one in each.values()] for each in (a, b)]
    expected = ttest_rel(*values) if paired else ttest_ind(*values, equal_var=False)
    assert set(row.p_values) == {"seeds"}
    assert row.p_values["seeds"] == pytest.approx(expected.pvalue)
    assert (row.difference.over, row.difference.paired_seeds) == ("both", paired)


def test_seeds_of_one_method_are_paired_on_those_that_both_sides_have() -> None:
    run = {seed: {"accuracy": right(70 + seed, 100, seed=seed)} for seed in range(3)}
    baseline = {seed: {"accuracy": right(74 + seed**2, 100, seed=9 + seed)} for seed in range(5)}
    (short,) = compare(side("run", run), side("baseline", baseline)).rows
    (same,) = compare(side("run", run), side("baseline", {seed: baseline[seed] for seed in run})).rows
    assert (short.difference, short.p_values) == (same.difference, same.p_values)
    assert short.difference is not None
    assert (short.difference.paired_seeds, short.difference.n_seeds_a, short.difference.n_seeds_b) == (True, 3, 3)
    (alone,) = compare(side("run", {0: run[0], 1: run[1]}), side("baseline", {1: baseline[1], 2: baseline[2]})).rows
    assert alone.difference is not None
    assert not alone.difference.paired_seeds, "one shared seed is no pairing"


@pytest.mark.parametrize(
    ("other", "pairs"), [({}, True), ({"config__method_name": "lora"}, False), ({"config__suite": "imdb2"}, False)]
)
def test_pairing_follows_what_was_planned_and_no_score(other: dict[str, Any], pairs: bool) -> None:
    ours, theirs = (make_record(0, **changes).config for changes in ({}, other))
    assert pairs_seeds(ours, theirs) is pairs


@pytest.mark.parametrize(("asked", "paired"), [(None, False), (True, True), (False, False)])
def test_seeds_of_two_methods_are_paired_only_where_the_caller_says_so(asked: bool | None, paired: bool) -> None:
    planted = [{seed: {"accuracy": right(70 + 5 * i + seed, 100, seed=seed)} for seed in range(3)} for i in (0, 1)]
    a, b = side("a", planted[0]), side("b", planted[1], config__method_name="lora")
    (row,) = compare(a, b, pair_seeds=asked).rows
    assert row.difference is not None
    assert row.difference.paired_seeds is paired


def test_one_seed_beside_several_is_over_both() -> None:
    several = {seed: {"accuracy": right(70 + seed, 100, seed=seed)} for seed in range(4)}
    (row,) = compare(side("a", {0: several[0]}), side("b", several)).rows
    assert row.difference is not None
    assert (row.difference.over, row.difference.n_seeds_a, row.difference.n_seeds_b) == ("both", 1, 4)


def test_p_values_are_corrected_over_all_tables_shown() -> None:
    base = side("base", {0: {"accuracy": right(160, 200), "loss": losses(200, 0)}})
    others = [side(str(n), {0: {"accuracy": right(n, 200), "loss": losses(200, n)}}) for n in (150, 158)]
    tables = [compare(other, base, correction="none") for other in others]
    cells = [row for table in adjusted_together(tables, "holm") for row in table.rows]
    raw = np.array([row.difference.p_value for row in cells if row.difference is not None])
    assert [row.p_adjusted for table in tables for row in table.rows] == raw.tolist()
    expected = np.empty(4)
    order = raw.argsort()
    expected[order] = np.minimum(np.maximum.accumulate(raw[order] * [4, 3, 2, 1]), 1)
    assert [row.p_adjusted for row in cells] == pytest.approx(expected)
    alone = compare(others[0], base).rows
    assert alone[0].p_adjusted == pytest.approx(min(1.0, 2 * raw[0]))


# --- evidence that is not there --------------------------------------------------------------------------------------


def without_statistics(whole: Side) -> Side:
    return replace(whole, statistics={})


def several(name: str, *n_right: int) -> Side:
    return side(name, {seed: {"accuracy": right(n, 100, seed=seed)} for seed, n in enumerate(n_right)})


def test_without_statistics_seeds_alone_are_compared() -> None:
    from scipy.stats import ttest_rel

    a, b = several("a", 60, 64, 61), without_statistics(several("b", 80, 78, 85))
    (row,) = compare(a, b).rows
    assert row.difference is not None
    assert (row.difference.over, row.outcome) == ("seeds", "worse")
    assert row.why == "b stores no statistics per example of seed 0"
    expected = ttest_rel((0.60, 0.64, 0.61), (0.80, 0.78, 0.85)).confidence_interval()
    assert (row.difference.low, row.difference.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("numbers", [(60,), (60, 60)])
def test_without_statistics_and_without_a_spread_there_is_no_interval(numbers: tuple[int, ...]) -> None:
    a, b = several("a", *numbers), without_statistics(several("b", *(80 for _ in numbers)))
    (row,) = compare(a, b).rows
    assert (row.difference, row.outcome, row.p_adjusted, row.p_values) == (None, "no interval", None, {})
    assert (row.a, row.b) == (0.6, 0.8)
    assert row.why is not None
    assert "no statistics per example of seed 0; and there are too few seeds" in row.why


def test_one_seed_that_lacks_them_is_enough() -> None:
    a = several("a", 60, 64)
    a = replace(a, statistics={0: a.statistics[0]})
    (row,) = compare(a, several("b", 80, 78)).rows
    assert row.difference is not None
    assert (row.difference.over, row.why) == ("seeds", "a stores no statistics per example of seed 1")


def test_one_example_is_no_evidence() -> None:
    row = one("accuracy", {"accuracy": right(0, 1)}, {"accuracy": right(1, 1)})
    assert (row.difference, row.outcome) == (None, "no interval")
    assert row.why.startswith("one example")


def test_statistics_of_another_run_are_not_used() -> None:
    stale = replace(several("a", 60), statistics={0: {"accuracy": right(70, 100)}})
    (row,) = compare(stale, several("b", 60)).rows
    assert row.difference is None
    assert row.why is not None
    assert row.why.startswith("a, seed 0: the statistics per example give 0.7 and the record says 0.6")


def test_a_metric_that_a_draw_leaves_undefined_says_so() -> None:
    # The second example holds all the tokens: without it, the loss is 0 / 0.
    planted = np.array([[0.0, 0.0], [2.0, 4.0]])
    row = one("loss", {"loss": planted}, {"loss": planted + np.array([[0.0, 0.0], [1.0, 0.0]])})
    assert row.difference is None
    assert "not finite" in row.why


# --- comparability ---------------------------------------------------------------------------------------------------

PAIR = {"accuracy": right(30, 40), "loss": losses(40, 0)}


def test_an_unlike_field_leaves_no_rows_until_it_is_waived() -> None:
    a, b = side("a", {0: PAIR}, config__training__batch_size=32), side("b", {0: PAIR})
    found = compare(a, b)
    assert [(m.field, m.ours, m.theirs) for m in found.mismatches] == [("training.batch_size", "32", "64")]
    assert (found.rows, found.is_comparable, found.waived) == ((), False, ())
    waived = compare(a, b, allow=["training.batch_size"])
    assert (waived.mismatches, waived.waived, waived.allowed) == ((), found.mismatches, ("training.batch_size",))
    assert len(waived.rows) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data__fingerprint": "e" * 64}, "data.fingerprint"),
        ({"model__base": "other@1"}, "model.base"),
        ({"config__profile": "tiny"}, "profile"),
        ({"config__training__precision": "bfloat16"}, "training.precision"),
        ({"config__training__epochs": 5}, "training.epochs"),
        ({"scores__loss__signature": "loss|v:2"}, "metrics.loss.signature"),
    ],
)
def test_every_field_of_the_design_is_looked_at(changes: dict[str, Any], field: str) -> None:
    found = compare(side("a", {0: PAIR}, **changes), side("b", {0: PAIR}))
    assert [m.field for m in found.mismatches] == [field]


def test_an_unlike_metric_blocks_itself_alone() -> None:
    a, b = side("a", {0: PAIR}, scores__loss__signature="loss|v:2"), side("b", {0: PAIR})
    assert [row.metric for row in compare(a, b).rows] == ["accuracy"]
    assert compare(a, b, metrics=["accuracy"]).mismatches == ()


def test_a_metric_that_one_side_lacks_is_named_from_either_side() -> None:
    whole, part = side("whole", {0: PAIR}), side("part", {0: {"accuracy": PAIR["accuracy"]}})
    for a, b, shown in ((whole, part, ("scored", "not scored")), (part, whole, ("not scored", "scored"))):
        found = compare(a, b)
        assert [(m.field, m.ours, m.theirs) for m in found.mismatches] == [("metrics.loss", *shown)]
        assert [row.metric for row in found.rows] == ["accuracy"]


def test_seeds_that_were_scored_in_different_ways_are_unlike() -> None:
    other = side("b", {1: PAIR}, scores__loss__signature="loss|v:2")
    mixed = side("b", {0: PAIR})
    mixed = replace(mixed, records=(*mixed.records, *other.records), statistics={0: PAIR, 1: PAIR})
    found = compare(side("a", {0: PAIR}), mixed)
    assert [(m.field, m.theirs) for m in found.mismatches] == [("metrics.loss.signature", "loss|v:1.7 and loss|v:2")]


def test_waived_test_rows_are_not_paired() -> None:
    a, b = several("a", 60, 64, 61), several("b", 80, 78, 85)
    values = a.records[0].data.model_dump()
    values["splits"]["test"]["fingerprint"] = "e" * 64
    data = DataSummary.model_validate(values | {"fingerprint": "e" * 64})
    a = replace(a, records=tuple(record.model_copy(update={"data": data}) for record in a.records))
    (row,) = compare(a, b, allow=["data.fingerprint"]).rows
    assert row.difference is not None
    assert (row.difference.over, row.why) == ("seeds", "the test rows differ, so examples cannot be paired")


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"scores__accuracy__signature": "accuracy|v:2"}, "signature", "the signatures differ"),
        ({}, "n_examples", r"differ in shape \(100 x 2 and 120 x 2\)"),
    ],
)
def test_a_waived_metric_is_compared_over_seeds(changes: dict[str, Any], field: str, why: str) -> None:
    n = 120 if field == "n_examples" else 100
    a = side("a", {seed: {"accuracy": right(60 + seed**2, n)} for seed in range(3)}, **changes)
    (row,) = compare(a, several("b", 80, 78, 85), allow=[f"metrics.accuracy.{field}"]).rows
    assert row.difference is not None
    assert row.difference.over == "seeds"
    assert re.search(why, str(row.why))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": ["acuracy"]}, "'acuracy' was scored by neither a nor b; did you mean 'accuracy'"),
        ({"metrics": ["rouge1"]}, "scored by neither"),
        ({"allow": ["training.batchsize"]}, "did you mean 'training.batch_size'"),
        ({"allow": ["metrics.loss"]}, "metrics.loss cannot be waived"),
        ({"correction": "bonferroni"}, "correction is 'bonferroni'"),
        ({"confidence": 95}, "confidence is 95"),
    ],
)
def test_a_wrong_name_or_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(side("a", {0: PAIR}), side("b", {0: PAIR}), **settings)


def test_what_is_compared_is_a_note() -> None:
    found = compare(side("a", {0: PAIR}, config__training__learning_rate=1e-4), side("b", {0: PAIR}))
    assert found.notes == ("training.learning_rate: 0.0001, against 5e-05",)


def test_the_noise_floor_is_the_larger_noise_of_the_other_side() -> None:
    metrics = {"accuracy": MetricNoise(device=0.001, seeds=0.02), "loss": MetricNoise(device=0.5)}
    floor = NoiseFloor(metrics=metrics, n_repeats=2, n_seeds=3, device="cpu", bitwise=False)
    a, b = side("a", {0: PAIR}), side("b", {0: PAIR})
    assert [row.noise for row in compare(a, replace(b, noise=floor)).rows] == [0.02, 0.5]
    assert [row.noise for row in compare(replace(a, noise=floor), b).rows] == [0.02, 0.5]
    assert [row.noise for row in compare(a, b).rows] == [None, None]
