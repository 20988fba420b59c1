"""Comparison: like with like, every difference named, intervals worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_record, write_run

from bench import baseline as baselines
from bench.baseline import Baseline
from bench.compare import comparability, compare
from bench.errors import InputError


@pytest.fixture
def baseline_of(tmp_path: Path) -> Any:
    def make(*records: Any) -> Baseline:
        runs = [write_run(tmp_path / f"seed-{record.seed}", record) for record in records]
        return baselines.from_runs(runs, reason="r")[0]

    return make


def test_one_seed_keeps_the_interval_over_examples() -> None:
    row = compare([make_record()]).primary
    assert (row.after.value, row.after.low, row.after.high) == (0.83, 0.83 - 0.025, 0.83 + 0.025)
    assert (row.after.over, row.after.n_seeds, row.after.standard_deviation) == ("examples", 1, None)
    assert row.change.excludes_zero


def test_several_seeds_give_a_t_interval() -> None:
    records = [make_record(i, scores__accuracy__value=v) for i, v in enumerate((0.80, 0.82, 0.84))]
    after = compare(records).primary.after
    # sd = 0.02, t(0.975, 2) = 4.302653; reach = 4.302653 * 0.02 / sqrt(3) = 0.0496827
    assert after.value == pytest.approx(0.82)
    assert after.standard_deviation == pytest.approx(0.02)
    assert (after.low, after.high) == pytest.approx((0.7703173, 0.8696827))
    assert (after.over, after.n_seeds) == ("seeds", 3)


def test_equal_seeds_do_not_claim_certainty() -> None:
    before = compare([make_record(i) for i in range(3)]).primary.before
    assert (before.over, before.n_seeds, before.standard_deviation) == ("examples", 3, 0.0)
    assert before.high - before.low == pytest.approx(0.05)


def test_the_primary_metric_comes_first() -> None:
    comparison = compare([make_record(config__primary_metric="loss")])
    assert [row.metric for row in comparison.rows] == ["loss", "accuracy", "f1"]
    assert comparison.primary.metric == "loss"


def test_a_missing_baseline_is_none_and_no_mismatch() -> None:
    comparison = compare([make_record()])
    assert (comparison.baseline, comparison.mismatches, comparison.primary.against) == (None, (), None)
    assert comparison.primary.mismatches == ()


def test_the_same_runs_are_identical(baseline_of: Any) -> None:
    records = [make_record(i) for i in range(3)]
    against = compare(records, baseline=baseline_of(*records)).primary.against
    assert against is not None
    assert (against.agreement, against.difference) == ("identical", 0.0)


@pytest.mark.parametrize(
    ("values", "agreement"),
    [((0.80, 0.82, 0.84), "not told apart"), ((0.70, 0.71, 0.72), "different")],
)
def test_welch_tells_seeds_apart(baseline_of: Any, values: tuple[float, ...], agreement: str) -> None:
    stored = baseline_of(*(make_record(i, scores__accuracy__value=v) for i, v in enumerate((0.81, 0.82, 0.83))))
    ours = [make_record(i, scores__accuracy__value=v) for i, v in enumerate(values)]
    against = compare(ours, baseline=stored).primary.against
    assert against is not None
    assert against.agreement == agreement


def test_the_interval_of_the_difference_matches_scipy(baseline_of: Any) -> None:
    from scipy.stats import ttest_ind

    a, b = (0.80, 0.82, 0.85), (0.79, 0.80, 0.84, 0.78)
    stored = baseline_of(*(make_record(i, scores__accuracy__value=v) for i, v in enumerate(b)))
    against = compare(
        [make_record(i, scores__accuracy__value=v) for i, v in enumerate(a)], baseline=stored
    ).primary.against
    assert against is not None
    expected = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (against.low, against.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_one_seed_on_a_side_has_no_interval(baseline_of: Any) -> None:
    stored = baseline_of(make_record(0), make_record(1))
    against = compare([make_record(2)], baseline=stored).primary.against
    assert against is not None
    assert (against.agreement, against.low, against.high) == ("no interval", None, None)


def test_seeds_without_spread_are_told_apart_by_their_values(baseline_of: Any) -> None:
    stored = baseline_of(*(make_record(i, scores__accuracy__value=0.8) for i in range(2)))
    ours = [make_record(i, scores__accuracy__value=0.9) for i in range(2)]
    against = compare(ours, baseline=stored).primary.against
    assert against is not None
    assert against.agreement == "different"
    assert against.low == against.high == pytest.approx(0.1)


# --- comparability ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "ours"),
    [
        ({"data__fingerprint": "e" * 64}, "data.fingerprint", "e" * 64),
        ({"model__base": "other@1"}, "model.base", "other@1"),
        ({"config__profile": "tiny"}, "profile", "tiny"),
        ({"config__version": 2}, "version", "2"),
        ({"config__task__max_length_tokens": 64}, "task.max_length_tokens", "64"),
        ({"config__training__precision": "bfloat16"}, "training.precision", "bfloat16"),
        ({"config__training__epochs": 5}, "training.epochs", "5"),
        ({"config__training__batch_size": 32}, "training.batch_size", "32"),
        ({"config__model__pooling": "mean"}, "model.pooling", "mean"),
    ],
)
def test_every_unlike_field_blocks_all_metrics_and_is_named(
    baseline_of: Any, changes: dict[str, Any], field: str, ours: str
) -> None:
    record = make_record(**changes)
    comparison = compare([record], baseline=baseline_of(make_record()))
    assert [(m.field, m.ours, m.metric) for m in comparison.mismatches] == [(field, ours, None)]
    assert all(row.against is None and row.mismatches == comparison.mismatches for row in comparison.rows)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scores__f1__signature": "f1|v:2"}, "metrics.f1.signature"),
        ({"scores__f1__n_examples": 8}, "metrics.f1.n_examples"),
    ],
)
def test_an_unlike_metric_blocks_itself_alone(baseline_of: Any, changes: dict[str, Any], field: str) -> None:
    comparison = compare([make_record(**changes)], baseline=baseline_of(make_record()))
    assert [(m.field, m.metric) for m in comparison.mismatches] == [(field, "f1")]
    assert {row.metric for row in comparison.rows if row.against is None} == {"f1"}


def test_whole_and_short_predictions_are_unlike(baseline_of: Any) -> None:
    record = make_record()
    # Copied past the validators: a classifier has no short predictions, and the factories make no other records.
    short = record.config.metrics | {"f1": record.config.metrics["f1"].model_copy(update={"prediction": "short"})}
    record = record.model_copy(update={"config": record.config.model_copy(update={"metrics": short})})
    mismatches = comparability(record, baseline_of(make_record()))
    assert [(m.field, m.metric) for m in mismatches] == [("metrics.f1.prediction", "f1")]


def test_a_metric_that_the_baseline_lacks_is_named(baseline_of: Any) -> None:
    stored = baseline_of(make_record(config__metrics={"accuracy": {}}))
    mismatches = comparability(make_record(), stored)
    assert [(m.field, m.theirs) for m in mismatches] == [
        ("metrics.f1", "not scored"),
        ("metrics.loss", "not scored"),
    ]


def test_what_is_being_compared_and_where_are_notes(baseline_of: Any) -> None:
    record = make_record(
        config__training__learning_rate=1e-4,
        config__method_name="other",
        config__method__modules=["distilbert.transformer"],
        environment__device="A100",
        environment__packages={"torch": "2.8.0"},
    )
    comparison = compare([record], baseline=baseline_of(make_record()))
    assert comparison.mismatches == ()
    assert comparison.notes == (
        "device: A100, baseline cpu",
        "torch 2.8.0, baseline 2.9.0",
        "transformers absent, baseline 5.0.0",
        "method: other, baseline frozen_body",
        "method.modules: ['distilbert.transformer'], baseline ['distilbert']",
        "training.learning_rate: 0.0001, baseline 5e-05",
    )


def test_claims_about_a_metric_stand_in_its_row() -> None:
    comparison = compare([make_record()], documented=baselines.documented("sentiment_sst2"))
    assert [claim.id for claim in comparison.primary.documented] == ["validation_accuracy"]
    assert len(comparison.claims) == 6


def test_records_that_do_not_belong_together_are_refused() -> None:
    cases = [
        ([], "no run to compare"),
        ([make_record(), make_record(1, config__training__epochs=5)], "several configs"),
        ([make_record(), make_record()], "two records of one seed"),
        ([make_record(), make_record(1, data__fingerprint="e" * 64)], "saw different data"),
        ([make_record(config__metrics={"accuracy": {}, "meteor": {}})], "no score for meteor"),
    ]
    for records, message in cases:
        with pytest.raises(InputError, match=message):
            compare(records)
