"""Summaries of runs: like with like, every difference named, intervals held to scipy and to each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_record, write_run
from planted import planted_record, right
from scipy.stats import ttest_1samp, ttest_ind, ttest_rel

from bench.comparing.claims.review import load_documented
from bench.comparing.comparable import comparability
from bench.comparing.summary import AgainstBaseline, RunSummary, summarize
from bench.core.errors import InputError
from bench.records.baselines import Baseline
from bench.records.making import from_runs
from bench.records.record import RunRecord
from bench.records.store import Store


@pytest.fixture
def baseline_of(tmp_path: Path) -> Any:
    def make(*records: Any) -> Baseline:
        runs = [write_run(tmp_path / f"seed-{record.seed}", record) for record in records]
        return from_runs(runs, reason="r")[0]

    return make


def accuracies(*values: float) -> list[RunRecord]:
    """Return records of seeds 0, 1, ... with these accuracies."""
    return [make_record(seed, scores__accuracy__value=value) for seed, value in enumerate(values)]


def against(comparison: RunSummary) -> AgainstBaseline:
    found = comparison.primary.against
    assert found is not None
    return found


# --- scores ----------------------------------------------------------------------------------------------------------


def test_one_seed_keeps_the_interval_over_examples() -> None:
    after = summarize([make_record()]).primary.after
    assert (after.value, after.low, after.high) == (0.83, 0.83 - 0.025, 0.83 + 0.025)
    assert (after.over, after.n_seeds, after.standard_deviation) == ("examples", 1, None)


def test_several_seeds_give_a_t_interval() -> None:
    records = [make_record(i, scores__accuracy__value=v) for i, v in enumerate((0.80, 0.82, 0.84))]
    after = summarize(records).primary.after
    # sd = 0.02, t(0.975, 2) = 4.302653; reach = 4.302653 * 0.02 / sqrt(3) = 0.0496827
    assert after.value == pytest.approx(0.82)
    assert after.standard_deviation == pytest.approx(0.02)
    assert (after.low, after.high) == pytest.approx((0.7703173, 0.8696827))
    assert (after.over, after.n_seeds) == ("seeds", 3)


def test_equal_seeds_do_not_claim_certainty() -> None:
    before = summarize([make_record(i) for i in range(3)]).primary.before
    assert (before.over, before.n_seeds, before.standard_deviation) == ("examples", 3, 0.0)
    assert before.high - before.low == pytest.approx(0.05)


def test_the_primary_metric_comes_first() -> None:
    comparison = summarize([make_record(config__primary_metric="loss")])
    assert [row.metric for row in comparison.rows] == ["loss", "accuracy", "f1"]
    assert comparison.primary.metric == "loss"


# --- what fine-tuning changed ----------------------------------------------------------------------------------------


def planted(*shares: tuple[int, int]) -> tuple[list[RunRecord], dict[int, Any]]:
    """Return records and statistics: how many of 200 are right before and after, one pair a seed."""
    records, statistics = [], {}
    for seed, (n_before, n_after) in enumerate(shares):
        stages = {"before": right(n_before, 200, seed=9), "after": right(n_after, 200, seed=seed)}
        before, after = (planted_record(seed, {"accuracy": one}) for one in stages.values())
        records.append(after.model_copy(update={"scores_before": before.scores}))
        statistics[seed] = {stage: {"accuracy": one} for stage, one in stages.items()}
    return records, statistics


def test_the_change_of_one_seed_is_paired_over_examples() -> None:
    records, statistics = planted((100, 160))
    change = summarize(records, statistics=statistics).primary.change
    assert change.difference is not None
    assert (change.outcome, change.why, change.difference.over) == ("better", None, "examples")
    by_example = statistics[0]["after"]["accuracy"][:, 0] - statistics[0]["before"]["accuracy"][:, 0]
    expected = ttest_1samp(by_example, 0.0).confidence_interval(0.95)
    assert (change.difference.low, change.difference.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_the_change_of_several_seeds_covers_both_and_is_wider_than_either() -> None:
    records, statistics = planted((100, 150), (100, 160), (100, 172))
    change = summarize(records, statistics=statistics).primary.change
    assert change.difference is not None
    assert (change.difference.over, change.difference.paired_seeds) == ("both", True)
    over_seeds = summarize(records).primary.change.difference
    assert over_seeds is not None
    assert over_seeds.over == "seeds"
    assert change.difference.standard_error > over_seeds.standard_error
    assert change.difference.variance_examples > 0


def test_without_statistics_the_change_is_over_seeds_in_pairs_and_says_why() -> None:
    change = summarize(accuracies(0.80, 0.82, 0.85)).primary.change
    expected = ttest_rel((0.80, 0.82, 0.85), (0.5, 0.5, 0.5)).confidence_interval(0.95)
    assert change.difference is not None
    assert (change.difference.low, change.difference.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert change.why == "the run stores no statistics per example of seed 0"


def test_one_seed_without_statistics_has_no_interval() -> None:
    change = summarize([make_record()]).primary.change
    assert (change.outcome, change.difference) == ("no interval", None)
    assert change.a - change.b == pytest.approx(0.33)
    assert "the run stores no statistics per example of seed 0" in (change.why or "")


def test_statistics_that_do_not_give_the_score_are_not_used() -> None:
    records, statistics = planted((100, 160), (100, 150))
    statistics[1]["after"] = {"accuracy": right(10, 200)}
    change = summarize(records, statistics=statistics).primary.change
    assert "the statistics per example give 0.05 and the record says 0.75" in (change.why or "")
    assert change.difference is not None
    assert change.difference.over == "seeds"


def test_p_values_are_adjusted_over_the_metrics_of_the_table() -> None:
    rows = summarize([make_record(seed, scores__loss__value=0.5 + 0.3 * seed) for seed in range(2)]).rows
    raw = [row.change.difference.p_value for row in rows if row.change.difference is not None]
    assert len(raw) == 3
    ordered = sorted(zip(raw, (row.change.p_adjusted for row in rows), strict=True))
    stepped = np.maximum.accumulate([p * (3 - i) for i, (p, _) in enumerate(ordered)])
    assert [p for _, p in ordered] == pytest.approx(np.minimum(stepped, 1.0))


# --- measured baseline -----------------------------------------------------------------------------------------------


def test_a_missing_baseline_is_none_and_no_mismatch() -> None:
    comparison = summarize([make_record()])
    assert (comparison.baseline, comparison.mismatches, comparison.primary.against) == (None, (), None)
    assert comparison.primary.mismatches == ()


def test_the_same_runs_are_identical(baseline_of: Any) -> None:
    records = [make_record(i) for i in range(3)]
    found = against(summarize(records, baseline=baseline_of(*records)))
    assert (found.standing, found.comparison.difference and found.comparison.difference.value) == ("identical", 0.0)


def test_equal_numbers_of_other_seeds_are_not_identical(baseline_of: Any) -> None:
    stored = baseline_of(make_record(0), make_record(1))
    assert against(summarize([make_record(0)], baseline=stored)).standing != "identical"


@pytest.mark.parametrize(
    ("values", "standing"),
    [((0.80, 0.82, 0.845), "not told apart"), ((0.70, 0.72, 0.71), "worse"), ((0.90, 0.92, 0.91), "better")],
)
def test_seeds_are_told_apart(baseline_of: Any, values: tuple[float, ...], standing: str) -> None:
    found = against(summarize(accuracies(*values), baseline=baseline_of(*accuracies(0.81, 0.82, 0.83))))
    assert found.standing == standing


def test_over_seeds_alone_the_interval_is_welchs_where_no_two_seeds_are_shared(baseline_of: Any) -> None:
    a, b = (0.80, 0.82, 0.85), (0.79, 0.80, 0.84, 0.78)
    stored = [make_record(seed, scores__accuracy__value=value) for seed, value in enumerate(b, start=2)]
    found = against(summarize(accuracies(*a), baseline=baseline_of(*stored))).comparison.difference
    assert found is not None
    expected = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_over_seeds_alone_one_method_is_paired_on_the_shared_seeds(baseline_of: Any) -> None:
    a, b = (0.80, 0.82, 0.85), (0.79, 0.80, 0.84, 0.78)
    found = against(summarize(accuracies(*a), baseline=baseline_of(*accuracies(*b)))).comparison.difference
    assert found is not None
    expected = ttest_rel(a, b[:3]).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert (found.n_seeds_a, found.n_seeds_b, found.paired_seeds) == (3, 3, True)


def test_with_statistics_of_both_sides_the_difference_covers_both(baseline_of: Any) -> None:
    ours, statistics = planted((100, 150), (100, 160), (100, 172))
    theirs, stored = planted((100, 151), (100, 158), (100, 171))
    mine = {seed: by["after"] for seed, by in stored.items()}
    found = against(
        summarize(ours, statistics=statistics, baseline=baseline_of(*theirs), baseline_statistics=mine)
    ).comparison
    assert found.difference is not None
    assert (found.why, found.difference.over, found.difference.paired_seeds) == (None, "both", True)
    alone = against(summarize(ours, statistics=statistics, baseline=baseline_of(*theirs))).comparison
    assert alone.why == "the baseline stores no statistics per example of seed 0"


def test_one_seed_on_either_side_without_statistics_has_no_interval(baseline_of: Any) -> None:
    found = against(summarize([make_record(2)], baseline=baseline_of(make_record(0))))
    assert (found.standing, found.comparison.difference) == ("no interval", None)


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
    comparison = summarize([record], baseline=baseline_of(make_record()))
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
    comparison = summarize([make_record(**changes)], baseline=baseline_of(make_record()))
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
    comparison = summarize([record], baseline=baseline_of(make_record()))
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
    comparison = summarize([make_record()], documented=load_documented("sentiment_sst2", Store()))
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
            summarize(records)
