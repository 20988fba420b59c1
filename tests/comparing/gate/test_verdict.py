"""Decisions from differences made by hand: p-values against scipy, correction over rows, the order of outcomes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from bench.comparing.gate.deciding import decide, decide_cost, suite_row
from bench.comparing.gate.policy import MetricPolicy, Policy
from bench.comparing.gate.verdict import CostEvidence, GateEvidence, GateOutcome, GateRow, Verdict
from bench.statistics.differences import MeanDifference

LIMITS = MetricPolicy(tier="critical", max_drop=0.05)
ALPHA = 0.05


def policy_of(**changes: Any) -> Policy:
    suites = {"sentiment_sst2": {"metrics": {"accuracy": {"tier": "critical", "max_drop": 0.05}}}}
    return Policy.model_validate({"profile": "tiny", "alpha": ALPHA, "suites": suites} | changes)


def evidence_of(drop: float, error: float = 0.01, *, freedom: float = 8.0, **changes: Any) -> GateEvidence:
    """Return evidence of a fraction that fell from 0.9 by `drop`, with a t interval at 1 - 2 * alpha."""
    higher = changes.get("higher_is_better", True)
    value = -drop if higher else drop
    reach = float(t.ppf(1 - ALPHA, freedom)) * error if error else 0.0
    difference = MeanDifference(
        value=value,
        low=value - reach,
        high=value + reach,
        confidence=1 - 2 * ALPHA,
        p_value=1.0 if drop == 0 else 1e-9,
        over="both",
        standard_error=error,
        degrees_of_freedom=freedom,
        variance_examples=error**2 / 2,
        variance_seeds=error**2 / 2,
        n_examples=400,
        n_seeds_a=5,
        n_seeds_b=5,
        paired_seeds=False,
    )
    values: dict[str, Any] = {
        "suite": "sentiment_sst2",
        "method": "frozen_body",
        "metric": "accuracy",
        "unit": "fraction",
        "higher_is_better": True,
        "run": 0.9 + value,
        "baseline": 0.9,
        "n_seeds_run": 5,
        "n_seeds_baseline": 5,
        "n_examples": 400,
        "difference": difference,
    }
    return GateEvidence(**{**values, **changes})


def outcome_of(evidence: GateEvidence, limits: MetricPolicy = LIMITS, **changes: Any) -> str:
    return decide([(limits, evidence)], policy_of(**changes))[0].outcome


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize(
    ("drop", "outcome"),
    [
        (0.0, "pass"),
        (-0.2, "pass"),
        (0.03, "pass"),
        (0.045, "inconclusive"),
        (0.06, "inconclusive"),
        (0.07, "regression"),
    ],
)
def test_the_interval_against_the_margin_in_both_directions(drop: float, outcome: str, higher: bool) -> None:
    assert outcome_of(evidence_of(drop, higher_is_better=higher)) == outcome


def test_the_p_value_is_students_and_its_half_of_the_interval() -> None:
    row = decide([(LIMITS, evidence_of(0.07))], policy_of())[0]
    assert row.p_value == pytest.approx(t.sf((0.07 - 0.05) / 0.01, 8))
    assert row.low == pytest.approx(0.07 - t.ppf(0.95, 8) * 0.01)
    assert (row.drop, row.margin) == (pytest.approx(0.07), 0.05)


@given(drop=st.floats(-0.2, 0.2), error=st.floats(0.001, 0.1), freedom=st.floats(1.0, 100.0))
def test_one_row_is_a_regression_exactly_where_its_interval_is_beyond(
    drop: float, error: float, freedom: float
) -> None:
    row = decide([(LIMITS, evidence_of(drop, error, freedom=freedom))], policy_of())[0]
    assert row.low is not None
    assert row.high is not None
    wanted = "regression" if row.low > 0.05 else "pass" if row.high <= 0.05 else "inconclusive"
    assert row.outcome == wanted or min(abs(row.low - 0.05), abs(row.high - 0.05)) < 1e-6


def test_correction_is_over_all_rows_that_could_call_a_regression() -> None:
    doubtful = evidence_of(0.07)  # p = 0.040 for itself
    rows = [(LIMITS, doubtful), (LIMITS, evidence_of(0.0)), (LIMITS, evidence_of(0.01))]
    held = decide(rows, policy_of())[0]
    assert held.p_adjusted == pytest.approx(3 * (held.p_value or 0))
    assert held.outcome == "inconclusive"
    assert "not after correction" in held.reason
    assert "would decide" in held.reason
    assert decide(rows, policy_of(correction="none"))[0].outcome == "regression"
    advisory = MetricPolicy(tier="advisory", max_drop=0.05)
    alone = decide([(LIMITS, doubtful), (advisory, doubtful)], policy_of())
    assert [row.outcome for row in alone] == ["regression", "regression"]
    assert [row.p_adjusted for row in alone] == [alone[0].p_value, None]


def test_a_pass_needs_no_correction() -> None:
    rows = decide([(LIMITS, evidence_of(0.03))] * 10, policy_of())
    assert {row.outcome for row in rows} == {"pass"}


def test_false_regressions_of_a_gate_of_many_rows_are_at_most_alpha() -> None:
    draw = np.random.default_rng(4)
    n_trials, false = 1500, 0
    for _ in range(n_trials):  # the true drop stands on the margin, the least favourable case
        spread = 0.01 * np.sqrt(draw.chisquare(8, size=6) / 8)
        drops = draw.normal(0.05, 0.01, size=6)
        rows = decide([(LIMITS, evidence_of(*pair)) for pair in zip(drops, spread, strict=True)], policy_of())
        false += any(row.outcome == "regression" for row in rows)
    error = math.sqrt(ALPHA * (1 - ALPHA) / n_trials)
    assert ALPHA - 4 * error < false / n_trials < ALPHA + 3 * error


def test_false_passes_of_one_harmful_row_among_harmless_ones_are_at_most_alpha() -> None:
    draw = np.random.default_rng(5)
    n_trials, false = 1500, 0
    harmless = (LIMITS, evidence_of(0.0))
    for _ in range(n_trials):
        harmful = evidence_of(draw.normal(0.05, 0.01), 0.01 * math.sqrt(draw.chisquare(8) / 8))
        false += verdict_of(*decide([(LIMITS, harmful), harmless], policy_of())).outcome == "pass"
    assert false / n_trials < ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_trials)


def test_few_seeds_never_pass_and_may_fail() -> None:
    few = {"n_seeds_run": 2}
    assert outcome_of(evidence_of(0.0, 0.0, **few)) == "inconclusive"
    assert outcome_of(evidence_of(0.3, **few)) == "regression"
    assert outcome_of(evidence_of(0.0, n_seeds_baseline=2)) == "inconclusive"
    assert outcome_of(evidence_of(0.0), MetricPolicy(tier="critical", max_drop=0.05, min_seeds=6)) == "inconclusive"


def test_few_examples_never_pass_and_may_fail() -> None:
    assert outcome_of(evidence_of(0.0, 0.0, n_examples=29)) == "inconclusive"
    assert outcome_of(evidence_of(0.3, n_examples=29)) == "regression"
    assert outcome_of(evidence_of(0.0, n_examples=29), min_examples=29) == "pass"
    demanding = MetricPolicy(tier="critical", max_drop=0.05, min_examples=401)
    assert outcome_of(evidence_of(0.0), demanding) == "inconclusive"
    assert outcome_of(evidence_of(0.0, n_examples=401), demanding, min_examples=900) == "pass"


@pytest.mark.parametrize(
    "changes",
    [{"run": math.nan}, {"run": math.inf}, {"baseline": math.nan}, {"run": None}, {"difference": None, "why": "w"}],
)
def test_what_is_not_a_number_is_not_comparable(changes: dict[str, Any]) -> None:
    row = decide([(LIMITS, evidence_of(0.0, **changes))], policy_of())[0]
    assert row.outcome == "not comparable"
    assert row.reason
    assert verdict_of(row).exit_code == 4


def test_rounding_does_not_decide() -> None:
    at_the_margin = evidence_of(0.9 - 0.85, 0.0)  # 0.05000000000000004
    assert outcome_of(at_the_margin) == "pass"


def test_too_good_is_flagged_where_the_whole_interval_is() -> None:
    policy = {"too_good": 0.1}
    flagged, doubtful = (decide([(LIMITS, evidence_of(-gain))], policy_of(**policy))[0] for gain in (0.12, 0.1))
    bounded = [
        decide([(LIMITS, evidence_of(-gain, 0.001, best=1.0))], policy_of(**policy))[0] for gain in (0.02, 0.011)
    ]
    assert [row.too_good for row in bounded] == [True, False]  # a tenth of what was left is 0.01
    assert (flagged.too_good, flagged.outcome) == (True, "pass")
    assert not doubtful.too_good
    assert not decide([(LIMITS, evidence_of(-0.12))], policy_of())[0].too_good


# --- cost and total --------------------------------------------------------------------------------------------------


def cost_of(run: tuple[float, ...], baseline: tuple[float, ...], **changes: Any) -> GateRow:
    values = {"suite": "s", "method": "m", "limit_name": "max_time_ratio", "limit": 1.5, "unit": "s"}
    return decide_cost(CostEvidence(**{**values, "run": run, "baseline": baseline, **changes}))


def test_cost_is_the_ratio_of_medians() -> None:
    row = cost_of((10.0, 14.0, 900.0), (10.0, 10.0, 1.0))
    assert (row.drop, row.outcome, row.decides) == (1.4, "pass", True)
    assert cost_of((15.0,), (10.0,)).outcome == "pass"
    assert cost_of((15.1,), (10.0,)).outcome == "regression"
    assert cost_of((15.1,), (0.0,)).outcome == "not comparable"


def test_cost_of_another_device_shows_and_does_not_decide() -> None:
    row = cost_of((90.0,), (10.0,), other_device="the run is on mps, the baseline on cpu")
    assert (row.outcome, row.decides, row.drop) == ("not comparable", False, 9.0)


def row_of(outcome: GateOutcome, tier: Any = "critical", *, decides: bool = True) -> GateRow:
    return GateRow(
        suite="s", method="m", kind="metric", name="n", tier=tier, outcome=outcome, decides=decides, reason="r"
    )


def verdict_of(*rows: GateRow) -> Verdict:
    return Verdict(policy=policy_of(), policy_path="policy.toml", rows=rows)


@pytest.mark.parametrize(
    ("outcomes", "exit_code"),
    [
        (["pass", "pass"], 0),
        (["pass", "inconclusive"], 3),
        (["inconclusive", "missing"], 4),
        (["inconclusive", "not comparable"], 4),
        (["missing", "regression", "inconclusive"], 1),
        (["not comparable", "regression"], 1),
        ([], 4),
    ],
)
def test_a_regression_outranks_missing_evidence_outranks_doubt(outcomes: list[GateOutcome], exit_code: int) -> None:
    assert verdict_of(*map(row_of, outcomes)).exit_code == exit_code
    assert verdict_of(*map(row_of, reversed(outcomes))).exit_code == exit_code


def test_a_supporting_doubt_does_not_block_and_its_missing_evidence_does() -> None:
    assert verdict_of(row_of("pass"), row_of("inconclusive", "supporting")).exit_code == 0
    assert verdict_of(row_of("pass"), row_of("not comparable", "supporting")).exit_code == 4
    assert verdict_of(row_of("pass"), row_of("regression", "supporting")).exit_code == 1


def test_what_does_not_decide_never_passes_a_gate_by_itself() -> None:
    assert verdict_of(row_of("pass", "advisory", decides=False)).exit_code == 4
    optional = suite_row("s", "m", outcome="missing", reason="r", decides=False)
    assert verdict_of(optional).exit_code == 4
    assert verdict_of(optional, row_of("pass")).exit_code == 0
