"""Seeds that failed to train: who they are, their rate against exact values, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_record
from planted import right, side

from bench.comparing.compare import compare
from bench.comparing.failed_seeds import in_words, rate_interval, training_of
from bench.comparing.gate.failures import failure_notes, failure_rows, with_failures
from bench.comparing.gate.policy import Policy
from bench.comparing.gate.verdict import GateRow
from bench.comparing.side import Side
from bench.records.record import RunRecord
from bench.reports.comparison import remarks


def scored(*accuracies: float, half: float = 0.05, **changes: Any) -> list[RunRecord]:
    """Return a record a seed, whose interval over rows reaches so far to either side."""
    return [
        make_record(
            seed,
            scores__accuracy__value=value,
            scores__accuracy__low=value - half,
            scores__accuracy__high=value + half,
            **changes,
        )
        for seed, value in enumerate(accuracies)
    ]


@pytest.mark.parametrize(
    ("accuracies", "majority", "failed"),
    [
        ((0.83, 0.84, 0.5), None, (2,)),  # of two labels one half, where the share is not stored
        ((0.83, 0.54, 0.44), None, (1, 2)),  # guessing lands on either side of one half
        ((0.83, 0.84, 0.56), None, ()),
        ((0.83, 0.84, 0.72), 0.7, (2,)),  # no better than the more frequent label
        ((0.5, 0.5), 0.5, (0, 1)),
    ],
)
def test_a_seed_that_is_not_surely_better_than_the_most_frequent_label_failed(
    accuracies: tuple[float, ...], majority: float | None, failed: tuple[int, ...]
) -> None:
    assert training_of(scored(*accuracies, data__splits__test__majority_share=majority)).failed == failed


def test_without_labels_a_seed_that_is_no_better_than_before_failed() -> None:
    metric = {"config__metrics": {"loss": {}}, "config__primary_metric": "loss"}
    losses = [make_record(s, scores__loss__value=v, **metric) for s, v in enumerate((0.4, 0.69, 0.8))]
    training = training_of(losses)
    assert (training.metric, training.level, training.failed) == ("loss", None, (1, 2))  # 0.69 before
    assert "loss is no better than before fine-tuning" in in_words(training)


@pytest.mark.parametrize(
    ("n_failed", "n", "low", "high"),
    [
        (0, 3, 0.0, 1 - 0.025 ** (1 / 3)),  # Clopper and Pearson 1934, by hand where none or all fail
        (0, 5, 0.0, 1 - 0.025 ** (1 / 5)),
        (5, 5, 0.025 ** (1 / 5), 1.0),
        (1, 5, 0.005051, 0.716418),  # R's binom.test(1, 5)
    ],
)
def test_the_rate_has_an_exact_interval(n_failed: int, n: int, low: float, high: float) -> None:
    assert rate_interval(n_failed, n) == pytest.approx((low, high), abs=1e-6)


def test_the_mean_of_all_stands_beside_that_of_those_that_trained() -> None:
    training = training_of(scored(0.9, 0.5, 0.92, 0.91, 0.93))
    assert (training.mean, training.mean_of_trained) == pytest.approx((0.832, 0.915))
    assert in_words(training) == (
        "1 of 5 seeds failed to train (seed 1: accuracy is not surely above 0.5, what an answer that ignores the input "
        "scores), a rate of 20 % [1 %, 72 %]; accuracy is 0.915 over those that trained and 0.832 over all; no seed is "
        "left out of any mean, interval or verdict"
    )
    assert in_words(training_of(scored(0.9, 0.91, 0.92))) == (
        "none of 3 seeds failed to train, which leaves a rate of failure of up to 71 % possible (one in five would go "
        "unseen with a chance of 51 %)"
    )
    none = training_of(scored(0.5, 0.5))
    assert none.mean_of_trained is None
    assert "; accuracy is 0.5; " in in_words(none)


def of_scores(name: str, *accuracies: float) -> Side:
    return Side(name=name, records=tuple(scored(*accuracies)), statistics={}, runs={})


def test_a_comparison_says_which_seeds_failed_and_leaves_none_out() -> None:
    a, b = of_scores("a", 0.9, 0.5, 0.92), of_scores("b", 0.9, 0.91, 0.92)
    comparison = compare(a, b, metrics=["accuracy"])
    assert comparison.rows[0].a == pytest.approx((0.9 + 0.5 + 0.92) / 3)
    assert [line for line in remarks(comparison) if "failed to train" in line] == [
        f"a: {in_words(training_of(a.records))}"
    ]


def policy(**values: Any) -> Policy:
    return Policy.model_validate({"profile": "documented", "suites": {"sentiment_sst2": values}})


def test_a_gate_names_failed_seeds_in_note_and_reason() -> None:
    run, baseline = of_scores("run", 0.9, 0.5, 0.92), of_scores("baseline", 0.9, 0.91, 0.5)
    notes = list(failure_notes("sentiment_sst2", run, baseline))
    assert [note.split(" failed to train")[0] for note in notes] == [
        "sentiment_sst2: of the run, 1 of 3 seeds",
        "sentiment_sst2: of the baseline, 1 of 3 seeds",
    ]
    row = GateRow(
        suite="sentiment_sst2", method="m", kind="metric", name="accuracy", tier="critical", outcome="pass",
        decides=True, reason="the whole interval is within the margin",
    )  # fmt: skip
    (said,) = with_failures([row], run, baseline)
    assert said.reason == (
        "the whole interval is within the margin; seed 1 of the run failed to train and seed 2 of the baseline failed "
        "to train"
    )
    clean = of_scores("run", 0.9, 0.91)
    assert with_failures([row], clean, clean) == [row]


@pytest.mark.parametrize(
    ("accuracies", "limit", "outcome", "words"),
    [
        ((0.9, 0.91, 0.92), 0.2, "inconclusive", "14 seeds of which none fails would show that"),
        ((0.9,) * 14, 0.2, "pass", "within the 20 %"),
        ((0.9,) * 13, 0.2, "inconclusive", "14 seeds"),
        ((0.5,) * 5, 0.2, "regression", "the policy allows 20 %"),
        ((0.5, 0.9, 0.9), 0.2, "inconclusive", "1 of 3 seeds failed"),
    ],
)
def test_a_policy_may_limit_the_rate_of_failure(
    accuracies: tuple[float, ...], limit: float, outcome: str, words: str
) -> None:
    run = of_scores("run", *accuracies)
    assert failure_rows("sentiment_sst2", run, policy()) == []
    (row,) = failure_rows("sentiment_sst2", run, policy(max_failure_rate=limit))
    assert (row.outcome, row.decides, row.name) == (outcome, True, "failed seeds")
    assert words in row.reason


def test_a_collapsed_seed_that_is_seen_does_not_pass() -> None:
    """Four seeds at 0.9 and one at 0.5 against five at 0.9: the mean is 8 points lower, and the interval says so."""
    run = {seed: {"accuracy": right(360 if seed else 200, 400, seed=seed)} for seed in range(5)}
    baseline = {seed: {"accuracy": right(360, 400, seed=seed)} for seed in range(5)}
    (row,) = compare(side("run", run), side("baseline", baseline), confidence=0.9).rows
    assert row.difference is not None
    assert row.difference.low < -0.05 < row.difference.high
