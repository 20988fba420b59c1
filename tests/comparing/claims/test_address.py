"""Documented claims: the language that says what a claim is about."""

from __future__ import annotations

from typing import Any

import pytest
from claims import ACCURACY, CURVE, FALLS, TIME, curved, documented, score, verdict_of
from factories import make_record
from pydantic import ValidationError

from bench.comparing.claims import Missing, read
from bench.records.record import RunRecord
from bench.statistics.stability import stability


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("scores.accuracy", (0.83,)),
        ("scores_before.accuracy", (0.5,)),
        ("epochs.train_loss[0]", (0.6,)),
        ("epochs.train_accuracy[-1]", (0.84,)),
        ("epochs.train_loss", (0.6, 0.5, 0.4)),
        ("model.trainable_parameters", (592130.0,)),
        ("cost.wall_time_s", (200.0,)),
        ("cost.stages_s.training", (180.0,)),
    ],
)
def test_an_address_names_a_number_of_the_record(quantity: str, expected: tuple[float, ...]) -> None:
    assert read(make_record(), quantity) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        ("scores.meteor", "meteor was not scored"),
        ("epochs.train_loss_unmasked[0]", "epochs.train_loss_unmasked was not recorded"),
        ("epochs.train_loss[3]", "the run has 3 epoch(s), the claim is about number 3, from 0"),
        ("epochs.train_loss[-4]", "the run has 3 epoch(s), the claim is about number -4, from 0"),
        ("cost.stages_s.waiting", "cost.stages_s.waiting was not recorded"),
        ("cost.peak_gpu_memory_bytes", "cost.peak_gpu_memory_bytes was not recorded"),
    ],
)
def test_what_the_record_lacks_is_missing_with_a_reason(quantity: str, reason: str) -> None:
    assert read(make_record(), quantity) == Missing(reason=reason)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("evaluations.train_loss", (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)),  # step 0 has none
        ("evaluations.train_loss[-1]", (0.5,)),
        ("evaluations.train_loss@10", (1.0,)),
        ("evaluations.accuracy", CURVE),
        ("evaluations.accuracy[1]", (0.7,)),
        ("evaluations.accuracy@0", (0.5,)),
        ("evaluations.accuracy@60", (0.83,)),
        ("stability.swing", (stability(CURVE).swing,)),
        ("stability.early_swing", (stability(CURVE[:3]).swing,)),
        ("stability.late_swing", (stability(CURVE[3:]).swing,)),
        ("stability.largest_fall", (0.1,)),
    ],
)
def test_evaluations_along_the_way_are_addressed(quantity: str, expected: tuple[float, ...]) -> None:
    assert read(curved(), quantity) == pytest.approx(expected)


def test_the_largest_fall_of_a_loss_is_its_largest_rise() -> None:
    losses = [{"step": i, "scores": {"loss": {"value": v, "low": v, "high": v}}} for i, v in enumerate((3, 1, 2.5, 2))]
    record = make_record(evaluations=losses, config__primary_metric="loss")
    assert read(record, "stability.largest_fall") == pytest.approx((1.5,))


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        ("evaluations.f1", "f1 was not evaluated along the way"),
        ("evaluations.accuracy@15", "accuracy was not evaluated at step 15 (evaluated from step 0 to 60)"),
        ("evaluations.accuracy[7]", "the run has 7 evaluation(s), the claim is about number 7, from 0"),
        ("evaluations.train_loss@0", "train_loss was not evaluated at step 0 (evaluated from step 10 to 60)"),
    ],
)
def test_what_was_not_evaluated_is_missing_with_a_reason(quantity: str, reason: str) -> None:
    assert read(curved(), quantity) == Missing(reason=reason)


def test_short_curves_have_no_stability() -> None:
    assert read(curved(accuracies=(0.5, 0.6)), "stability.swing") == Missing(
        reason="stability needs 3 evaluations, the run has 2"
    )
    assert read(curved(accuracies=(0.5, 0.6, 0.7)), "stability.late_swing") == Missing(
        reason="3 evaluations are too few for stability.late_swing"
    )


JUDGE = {
    "identity": "i", "weights_sha256": "w", "labels": ["alice", "edgar"], "max_length_tokens": 128,
    "n_training_chunks": 10, "accuracy": score(0.95), "confusion": [[30, 2], [1, 31]], "calibration_error": 0.04,
    "calibration": [], "shuffled_accuracy": score(0.8), "others": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("judge.accuracy", 0.95),
        ("judge.shuffled_accuracy", 0.8),
        ("judge.calibration_error", 0.04),
        ("controls.held-out_alice.accuracy", 0.9),
        ("controls.king_james.accuracy", 0.4),
    ],
)
def test_judge_and_human_texts_are_addressed(quantity: str, expected: float) -> None:
    controls = {"held-out Alice": {"accuracy": score(0.9)}, "King James": {"accuracy": score(0.4)}}
    assert read(make_record(judge=JUDGE, controls=controls), quantity) == (expected,)


@pytest.mark.parametrize(
    ("quantity", "reason"),
    [
        ("judge.accuracy", "the run has no judge"),
        ("controls.alice.accuracy", "no control text is spelled 'alice' (there are: poe)"),
        ("controls.poe.f1", "f1 was not scored on poe"),
    ],
)
def test_a_missing_judge_or_text_has_a_reason(quantity: str, reason: str) -> None:
    assert read(make_record(controls={"Poe": {"accuracy": score(0.5)}}), quantity) == Missing(reason=reason)


@pytest.mark.parametrize(
    "quantity",
    ["evaluations.accuracy[-1]", "evaluations.train_loss[-1]", "evaluations.accuracy@0", "stability.swing",
     "judge.accuracy", "controls.poe.accuracy"],
)  # fmt: skip
def test_a_record_of_the_first_schema_is_not_measured(quantity: str) -> None:
    old = make_record().model_dump(mode="json", exclude={"evaluations", "controls", "judge"}) | {"schema_version": 1}
    verdict = verdict_of(ACCURACY | {"quantity": quantity}, RunRecord.model_validate(old))
    assert (verdict.outcome, verdict.measured) == ("not measured", None)
    assert verdict.reason.endswith("(seed 0)")


@pytest.mark.parametrize(
    "quantity",
    ["accuracy", "scores", "scores.a.b", "scores.accuracy[0]", "epochs.step", "epochs.nothing", "model.base",
     "cost.started_at", "cost.stages_s", "config.training", "scores.accuracy; drop", "", "scores.accuracy@3",
     "epochs.train_loss@3", "evaluations.accuracy@-1", "evaluations.accuracy[0]@1", "stability.trend", "judge.labels",
     "controls.poe", "controls.Poe.accuracy", "seeds.mean"],
)  # fmt: skip
def test_the_language_is_closed(quantity: str) -> None:
    with pytest.raises(ValidationError, match="is not an address"):
        documented(ACCURACY | {"quantity": quantity})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": "epochs.train_loss"}, "is a series"),
        ({"minus": "epochs.train_loss"}, "is a series"),
        ({"tolerance": -1.0}, "greater than or equal to 0"),
        ({"direction": "falls"}, "Extra inputs"),
        ({"kind": "guess"}, "does not match any of the expected tags"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        documented(ACCURACY | changes)


def test_a_trend_is_over_a_series_or_a_difference() -> None:
    with pytest.raises(ValidationError, match="a trend is over a series"):
        documented(FALLS | {"quantity": "scores.accuracy"})
    with pytest.raises(ValidationError, match="a trend is over a series"):
        documented(FALLS | {"minus": "epochs.validation_loss"})


def test_ids_are_unique_and_ranges_ordered() -> None:
    with pytest.raises(ValidationError, match="claim id used twice: accuracy"):
        documented(ACCURACY, ACCURACY)
    with pytest.raises(ValidationError, match="must not exceed"):
        documented(TIME | {"low": 400.0})
