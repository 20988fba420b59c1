"""Documented claims: the address language, the files, hand-worked verdicts, and orderings of methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import kendalltau

from bench.comparing.claims import Documented, Missing, departures, judge_claims, read, unmeasured
from bench.comparing.claims.review import load_documented
from bench.config import SuiteConfig
from bench.core.builtin import builtin_root
from bench.core.errors import InputError
from bench.records.record import RunRecord
from bench.records.store import DOCUMENTED_FILE, Store
from bench.statistics.stability import stability
from bench.suites.resolve import builtin_suites, load_suite, resolve

ACCURACY = {
    "id": "accuracy",
    "kind": "value",
    "text": "Accuracy is 0.833.",
    "section": "claims",
    "quantity": "scores.accuracy",
    "value": 0.833,
    "tolerance": 0.025,
    "tolerance_why": "binomial",
}
FALLS = {
    "id": "falls",
    "kind": "trend",
    "text": "The loss falls.",
    "section": "claims",
    "quantity": "epochs.train_loss",
    "direction": "falls",
}
TIME = {
    "id": "time",
    "kind": "range",
    "text": "About 4 minutes.",
    "section": "claims",
    "quantity": "cost.wall_time_s",
    "low": 120.0,
    "high": 360.0,
    "bounds_why": "half to one and a half",
}

ORDER = {
    "id": "order",
    "kind": "ordering",
    "text": "Full is best.",
    "section": "claims",
    "quantity": "scores.accuracy",
    "methods": ["full", "frozen_body", "lora"],
}
CURVE = (0.5, 0.7, 0.6, 0.8, 0.81, 0.82, 0.83)
"""Accuracy at steps 0, 10, ..., 60."""


def evaluations(*accuracies: float) -> list[dict[str, Any]]:
    """Return evaluations every ten steps, with a training loss from the second on: 1.0, 0.9, ..."""
    return [
        {
            "step": 10 * i,
            "train_loss": None if i == 0 else 1.1 - 0.1 * i,
            "scores": {"accuracy": {"value": value, "low": value - 0.1, "high": value + 0.1}},
        }
        for i, value in enumerate(accuracies)
    ]


def curved(seed: int = 0, accuracies: tuple[float, ...] = CURVE, **changes: Any) -> RunRecord:
    return make_record(seed, evaluations=evaluations(*accuracies), **changes)


def score(value: float) -> dict[str, Any]:
    return {
        "value": value, "low": 0.0, "high": 1.0, "confidence": 0.95, "n_examples": 64, "unit": "fraction",
        "higher_is_better": True, "signature": "s",
    }  # fmt: skip


def documented(*claims: dict[str, Any], **fixed: Any) -> Documented:
    return Documented.model_validate(
        {"suite": "sentiment_sst2", "recipe": "a recipe", "fixed": fixed, "claims": list(claims)}
    )


def verdict_of(claim: dict[str, Any], *records: Any, **fixed: Any) -> Any:
    return judge_claims(documented(claim, **fixed), records)[0]


# --- addresses -------------------------------------------------------------------------------------------------------


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


# --- verdicts, worked by hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (0.833, "reproduced"),
        (0.833 + 0.025, "reproduced"),
        (0.833 - 0.025, "reproduced"),
        (0.8581, "not reproduced"),
        (0.8079, "not reproduced"),
    ],
)
def test_a_value_is_reproduced_up_to_its_tolerance(value: float, outcome: str) -> None:
    verdict = verdict_of(ACCURACY, make_record(scores__accuracy__value=value))
    assert (verdict.outcome, verdict.n_agree, verdict.n_seeds) == (outcome, 1, 1)
    assert verdict.reason == "within 0.025 of 0.833"


def test_the_mean_over_seeds_is_judged_and_agreeing_seeds_are_counted() -> None:
    # 0.80 alone is out of [0.808, 0.858]; the mean (0.80 + 0.84 + 0.85) / 3 = 0.83 is in it.
    records = [make_record(i, scores__accuracy__value=v) for i, v in enumerate((0.80, 0.84, 0.85))]
    verdict = verdict_of(ACCURACY, *records)
    assert verdict.outcome == "reproduced"
    assert verdict.measured == pytest.approx((0.83,))
    assert (verdict.n_agree, verdict.n_seeds) == (2, 3)


def test_seeds_may_all_disagree_with_their_mean() -> None:
    records = [make_record(i, scores__accuracy__value=v) for i, v in enumerate((0.733, 0.933))]
    verdict = verdict_of(ACCURACY, *records)
    assert (verdict.outcome, verdict.n_agree) == ("reproduced", 0)


def test_a_value_is_not_judged_on_another_profile() -> None:
    verdict = verdict_of(ACCURACY, make_record(config__profile="tiny"))
    assert (verdict.outcome, verdict.n_agree) == ("not comparable", None)
    assert verdict.measured == pytest.approx((0.83,))
    assert verdict.reason == "profile is tiny, the recipe's is documented"


def test_a_value_is_not_judged_where_the_recipe_was_changed() -> None:
    verdict = verdict_of(
        ACCURACY, make_record(config__training__epochs=5), **{"training.epochs": 3, "training.batch_size": 64}
    )
    assert verdict.outcome == "not comparable"
    assert verdict.reason == "training.epochs is 5, the recipe's is 3"


def test_more_departures_are_counted_and_all_are_listed() -> None:
    record = make_record(config__profile="tiny", config__training__epochs=5)
    fixed = {"training.epochs": 3, "method_name": ["full", "lora"], "model.source.name": "x"}
    assert verdict_of(ACCURACY, record, **fixed).reason == (
        "profile is tiny, the recipe's is documented, and 3 more fields"
    )
    assert departures(documented(ACCURACY, **fixed), record.config) == (
        "profile is tiny, the recipe's is documented",
        "training.epochs is 5, the recipe's is 3",
        "method_name is frozen_body, the recipe's is full or lora",
        "model.source.name is absent, the recipe's is x",
    )


@pytest.mark.parametrize(
    ("profile", "last", "outcome"),
    [
        ("documented", 0.4, "reproduced"),
        ("documented", 0.5, "not reproduced"),  # equal is not falling
        ("tiny", 0.4, "same direction"),
        ("offline", 0.6, "other direction"),
    ],
)
def test_a_trend_is_also_looked_at_on_stand_ins(profile: str, last: float, outcome: str) -> None:
    verdict = verdict_of(FALLS, make_record(config__profile=profile, epochs__2__train_loss=last))
    assert verdict.outcome == outcome
    assert ("on a stand-in" in verdict.reason) == (profile != "documented")


def test_a_trend_of_a_difference_is_its_sign() -> None:
    rises = FALLS | {"quantity": "scores.accuracy", "minus": "scores_before.accuracy", "direction": "rises"}
    assert verdict_of(rises, make_record()).outcome == "reproduced"
    assert verdict_of(rises, make_record(scores__accuracy__value=0.4)).outcome == "not reproduced"


def test_one_epoch_has_no_trend() -> None:
    record = make_record()
    record = record.model_copy(update={"epochs": record.epochs[:1]})
    verdict = verdict_of(FALLS, record)
    assert (verdict.outcome, verdict.reason) == ("not measured", "a trend needs two epochs, the run has 1")


def test_what_was_not_measured_says_so_before_anything_else() -> None:
    verdict = verdict_of(ACCURACY | {"quantity": "scores.meteor"}, make_record(3, config__profile="tiny"))
    assert (verdict.outcome, verdict.measured) == ("not measured", None)
    assert verdict.reason == "meteor was not scored (seed 3)"


LEARNS = FALLS | {"quantity": "evaluations.accuracy", "direction": "rises"}


@pytest.mark.parametrize(
    ("curve", "outcome", "tau"),
    [
        ((0.5, 0.6, 0.7), "reproduced", "+1.00"),
        (CURVE, "reproduced", "+0.90"),  # one of 21 pairs falls: (20 - 1) / 21
        ((0.5, 0.9, 0.5), "not reproduced", "+0.00"),
        ((0.9, 0.6, 0.7), "not reproduced", "-0.33"),
    ],
)
def test_evaluations_rise_by_rank_correlation(curve: tuple[float, ...], outcome: str, tau: str) -> None:
    verdict = verdict_of(LEARNS, curved(accuracies=curve))
    assert verdict.outcome == outcome
    assert verdict.reason == f"rank correlation with time above zero: {tau} over {len(curve)} evaluations"


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12, unique=True))
def test_rank_correlation_is_kendalls(values: list[int]) -> None:
    tau = float(kendalltau(range(len(values)), values).statistic)
    record = curved(accuracies=tuple(float(value) for value in values))
    assert f": {round(tau, 9) + 0.0:+.2f} over" in verdict_of(LEARNS, record).reason
    for direction, holds in (("rises", tau > 1e-9), ("falls", tau < -1e-9)):
        verdict = verdict_of(LEARNS | {"direction": direction}, record)
        assert verdict.outcome == ("reproduced" if holds else "not reproduced")


def test_one_evaluation_has_no_trend_and_seeds_need_equally_many() -> None:
    assert verdict_of(LEARNS, curved(accuracies=(0.5,))).reason == "a trend needs two evaluations, the run has 1"
    short = verdict_of(LEARNS, curved(), curved(1, accuracies=CURVE[:4]))
    assert short.reason == "the seeds recorded different numbers of evaluations"


def test_early_swing_is_set_against_late_swing() -> None:
    swings = FALLS | {"quantity": "stability.early_swing", "minus": "stability.late_swing", "direction": "rises"}
    assert verdict_of(swings, curved()).outcome == "reproduced"
    assert verdict_of(swings, curved(accuracies=CURVE[::-1])).outcome == "not reproduced"


def test_seeds_with_different_numbers_of_epochs_have_no_mean_curve() -> None:
    short = make_record(1)
    verdict = verdict_of(FALLS, make_record(), short.model_copy(update={"epochs": short.epochs[:2]}))
    assert (verdict.outcome, verdict.reason) == ("not measured", "the seeds recorded different numbers of epochs")


def test_time_is_judged_only_on_the_device_it_is_about() -> None:
    unnamed = verdict_of(TIME, make_record())
    assert (unnamed.outcome, unnamed.measured) == ("not comparable", (200.0,))
    assert unnamed.reason == "device: the recipe names none, these runs used cpu"
    other = verdict_of(TIME | {"device": "A100"}, make_record())
    assert (other.outcome, other.reason) == ("not comparable", "device is cpu, the claim's is A100")
    assert verdict_of(TIME | {"device": "cpu"}, make_record()).outcome == "reproduced"


def test_judging_needs_runs_of_one_config_of_that_suite() -> None:
    with pytest.raises(InputError, match="no run to judge"):
        judge_claims(documented(ACCURACY), [])
    with pytest.raises(InputError, match="several configs"):
        judge_claims(documented(ACCURACY), [make_record(), make_record(1, config__training__epochs=5)])
    with pytest.raises(InputError, match="cannot be judged by runs of 'other'"):
        judge_claims(documented(ACCURACY), [make_record(config__suite="other")])


def test_where_nothing_is_stored_every_claim_is_listed() -> None:
    verdicts = unmeasured(documented(ACCURACY, ORDER), "nothing is stored")
    assert [(v.claim.id, v.outcome, v.measured, v.n_seeds, v.reason) for v in verdicts] == [
        ("accuracy", "not measured", None, 0, "nothing is stored"),
        ("order", "not measured", None, 0, "nothing is stored"),
    ]


def test_a_number_in_a_path_picks_from_a_list() -> None:
    def of(path: str, wanted: str) -> tuple[str, ...]:
        return departures(documented(ACCURACY, **{path: wanted}), make_record().config)

    assert of("data.labels.1", "positive") == ()
    assert of("data.labels.0", "positive") == ("data.labels.0 is negative, the recipe's is positive",)
    for path in ("data.labels.2", "data.labels.last", "data.labels.-1", "data.labels.0.url"):
        assert of(path, "positive") == (f"{path} is absent, the recipe's is positive",)


# --- orderings -------------------------------------------------------------------------------------------------------

KINDS = {"full": {"kind": "full"}, "lora": {"kind": "peft", "config": {"peft_type": "LORA"}}}


def runs_of(method: str, *accuracies: float, **changes: Any) -> list[RunRecord]:
    """Return one run a seed of a method, with these accuracies."""
    if method in KINDS:
        changes |= {"config__method_name": method, "config__method": KINDS[method]}
    return [make_record(seed, scores__accuracy__value=value, **changes) for seed, value in enumerate(accuracies)]


def order_of(
    full: list[RunRecord], frozen: list[RunRecord], lora: list[RunRecord], claim: dict[str, Any] = ORDER, **fixed: Any
) -> Any:
    """Judge an ordering by the runs of three methods, those of `frozen_body` being the ones looked at."""
    return judge_claims(documented(claim, **fixed), frozen, {"full": full, "lora": lora})[0]


def test_an_ordering_is_judged_by_means_worked_by_hand() -> None:
    verdict = order_of(
        runs_of("full", 0.90, 0.92, 0.91), runs_of("frozen_body", 0.85, 0.93, 0.88), runs_of("lora", 0.6, 0.61, 0.62)
    )
    assert verdict.outcome == "reproduced"
    assert verdict.measured == pytest.approx((0.91, 0.886667, 0.61), abs=1e-6)
    # Seed 1 alone has frozen_body above full; the other two agree.
    assert (verdict.n_agree, verdict.n_seeds) == (2, 3)
    assert verdict.reason == (
        "full above frozen_body (interval holds zero), frozen_body above lora (interval away from zero)"
    )


@pytest.mark.parametrize(
    ("frozen", "reason"),
    [
        (0.95, "full below frozen_body (no interval), frozen_body above lora (no interval)"),
        (0.90, "full equal to frozen_body (no interval), frozen_body above lora (no interval)"),
    ],
)
def test_an_ordering_that_is_broken_or_tied_does_not_hold(frozen: float, reason: str) -> None:
    verdict = order_of(runs_of("full", 0.90), runs_of("frozen_body", frozen), runs_of("lora", 0.6))
    assert (verdict.outcome, verdict.n_agree, verdict.reason) == ("not reproduced", 1, reason)


@pytest.mark.parametrize(("lora", "outcome"), [(0.6, "same direction"), (0.99, "other direction")])
def test_an_ordering_is_also_looked_at_on_stand_ins(lora: float, outcome: str) -> None:
    tiny = {"config__profile": "tiny"}
    verdict = order_of(
        runs_of("full", 0.9, **tiny), runs_of("frozen_body", 0.8, **tiny), runs_of("lora", lora, **tiny),
    )  # fmt: skip
    assert verdict.outcome == outcome
    assert verdict.reason.endswith("; on a stand-in: profile is tiny, the recipe's is documented")


def test_the_method_is_no_departure_of_an_ordering_and_all_else_is() -> None:
    fixed = {"method_name": "frozen_body", "method.modules.0": "distilbert", "training.scheduler": "constant"}
    runs = [runs_of("full", 0.9), runs_of("frozen_body", 0.8), runs_of("lora", 0.6)]
    assert order_of(*runs, **fixed).outcome == "reproduced"
    verdict = order_of(*runs, **fixed, **{"training.batch_size": 8})
    assert verdict.outcome == "same direction"
    assert verdict.reason.endswith("on a stand-in: training.batch_size is 64, the recipe's is 8")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config__training__epochs": 5}, "training.epochs"),
        ({"config__training__scheduler": "linear"}, "training.scheduler"),
        ({"config__task__max_length_tokens": 64}, "task"),
        ({"data__fingerprint": "e" * 64}, "data.fingerprint"),
        ({"model__base": "another"}, "model.base"),
        ({"scores__accuracy__signature": "accuracy|v:2"}, "metrics.accuracy.signature"),
    ],
)
def test_methods_that_differ_in_more_are_not_comparable(changes: dict[str, Any], field: str) -> None:
    verdict = order_of(runs_of("full", 0.9), runs_of("frozen_body", 0.8), runs_of("lora", 0.6, **changes))
    assert (verdict.outcome, verdict.measured) == ("not comparable", (0.9, 0.8, 0.6))
    assert verdict.reason == f"{field} differs between full and lora"


def test_a_method_may_have_its_own_learning_rate() -> None:
    lora = runs_of("lora", 0.6, config__training__learning_rate=1e-3)
    assert order_of(runs_of("full", 0.9), runs_of("frozen_body", 0.8), lora).outcome == "reproduced"


def test_the_first_method_without_runs_is_named_with_its_command() -> None:
    verdict = judge_claims(documented(ORDER), runs_of("frozen_body", 0.8), {"lora": runs_of("lora", 0.6)})[0]
    assert (verdict.outcome, verdict.measured) == ("not measured", None)
    assert verdict.reason == (
        "method full has no run; `bench run suites/sentiment_sst2 --profile documented --method full` makes one"
    )


def test_an_ordering_of_what_was_not_measured_names_method_and_seed() -> None:
    verdict = order_of(
        runs_of("full", 0.9), runs_of("frozen_body", 0.8), runs_of("lora", 0.6), ORDER | {"quantity": "scores.meteor"}
    )
    assert (verdict.outcome, verdict.reason) == ("not measured", "meteor was not scored (method full, seed 0)")


def test_seeds_that_not_every_method_ran_have_no_say_of_their_own() -> None:
    verdict = order_of(runs_of("full", 0.9, 0.9), runs_of("frozen_body", 0.8), runs_of("lora", 0.6, 0.6))
    assert (verdict.n_agree, verdict.n_seeds) == (1, 1)
    apart = runs_of("frozen_body", 0.0, 0.8)[1:]
    assert order_of(runs_of("full", 0.9), apart, runs_of("lora", 0.6)).n_agree is None


def test_the_spread_over_seeds_is_ordered() -> None:
    spread = ORDER | {"quantity": "seeds.standard_deviation"}
    full, frozen, lora = (
        runs_of("full", 0.7, 0.8, 0.9),
        runs_of("frozen_body", 0.79, 0.8, 0.81),
        runs_of("lora", 0.6, 0.6, 0.6),
    )
    verdict = order_of(full, frozen, lora, spread)
    assert verdict.outcome == "reproduced"
    assert verdict.measured == pytest.approx((0.1, 0.01, 0.0))
    assert verdict.n_agree is None
    too_few = order_of(full, frozen[:2], lora, spread)
    assert (too_few.outcome, too_few.reason) == (
        "not measured",
        "seeds.standard_deviation needs 3 seeds, method frozen_body has 2; `bench run suites/sentiment_sst2 "
        "--profile documented --method frozen_body --seeds 0-2` makes them",
    )


def test_an_ordering_by_stability_reads_each_curve() -> None:
    calm, restless = evaluations(0.5, 0.6, 0.7, 0.8), evaluations(0.5, 0.9, 0.4, 0.8)
    verdict = judge_claims(
        documented(ORDER | {"quantity": "stability.swing", "methods": ["full", "frozen_body"]}),
        runs_of("frozen_body", 0.8, evaluations=calm),
        {"full": runs_of("full", 0.8, evaluations=restless)},
    )[0]
    assert verdict.outcome == "reproduced"
    assert verdict.measured == pytest.approx((stability((0.5, 0.9, 0.4, 0.8)).swing, 0.0))


def test_an_ordering_of_times_needs_the_claims_device() -> None:
    runs = [runs_of(method, 0.8, cost__wall_time_s=time) for method, time in (("full", 9), ("frozen_body", 4))]
    claim = ORDER | {"quantity": "cost.wall_time_s", "methods": ["full", "frozen_body"]}
    assert judge_claims(documented(claim), runs[1], {"full": runs[0]})[0].outcome == "not comparable"
    assert judge_claims(documented(claim | {"device": "cpu"}), runs[1], {"full": runs[0]})[0].outcome == "reproduced"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["full"]}, "at least 2"),
        ({"methods": ["full", "lora", "full"]}, "name each once"),
        ({"quantity": "evaluations.accuracy"}, "is a series"),
        ({"quantity": "seeds.standard_deviation", "minus": "scores.accuracy"}, "of it alone"),
    ],
)
def test_an_ordering_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        documented(ORDER | changes)


def test_the_spread_over_seeds_is_no_value_of_one_run() -> None:
    with pytest.raises(ValidationError, match="over the runs of a method"):
        documented(ACCURACY | {"quantity": "seeds.standard_deviation"})
    assert isinstance(read(make_record(), "seeds.standard_deviation"), Missing)


@pytest.mark.parametrize(
    ("siblings", "message"),
    [
        ({"full": runs_of("lora", 0.6)}, "given as one of sentiment_sst2/documented/full"),
        ({"full": runs_of("full", 0.6, config__profile="tiny")}, "sentiment_sst2/tiny/full was given"),
        ({"full": runs_of("full", 0.6) + runs_of("full", 0.6, config__training__epochs=5)}, "several configs"),
    ],
)
def test_siblings_are_what_they_are_named(siblings: dict[str, list[RunRecord]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge_claims(documented(ORDER), runs_of("frozen_body", 0.8), siblings)


# --- the files -------------------------------------------------------------------------------------------------------


def all_documented() -> list[Documented]:
    files = sorted(builtin_root("baselines").glob(f"*/{DOCUMENTED_FILE}"))
    return [Documented.model_validate_json(file.read_text(encoding="utf-8")) for file in files]


def test_every_recipe_file_loads_under_its_folder_name() -> None:
    names = [file.parent.name for file in sorted(builtin_root("baselines").glob(f"*/{DOCUMENTED_FILE}"))]
    assert [one.suite for one in all_documented()] == names
    assert {"sentiment_sst2", "summarization"} <= set(names)


@pytest.fixture(params=all_documented(), ids=lambda one: one.suite)
def shipped(request: pytest.FixtureRequest) -> Documented:
    one: Documented = request.param
    if one.suite not in builtin_suites():
        pytest.skip(f"suites/{one.suite} is not there")
    return one


def test_the_documented_profile_is_the_recipe_and_the_others_are_not(shipped: Documented) -> None:
    file = load_suite(shipped.suite)
    assert departures(shipped, resolve(file, profile="documented")) == ()
    for profile in set(file.profiles) - {"documented"}:
        assert f"profile is {profile}, the recipe's is documented" in departures(
            shipped, resolve(file, profile=profile)
        )


def _evaluated(config: SuiteConfig) -> set[str]:
    """Return what the run will have along the way."""
    if config.training.evaluate_every_steps is None:
        return set()
    return {"train_loss", *(config.training.evaluate_metrics or (config.primary_metric,))}


def test_claims_name_only_what_the_suite_measures(shipped: Documented) -> None:
    config = resolve(load_suite(shipped.suite), profile="documented")
    there = {
        "scores": set(config.metrics),
        "scores_before": set(config.metrics),
        "evaluations": _evaluated(config),
    }
    for claim in shipped.claims:
        for address in claim.addresses:
            block, _, name = address.partition(".")
            if block in there:
                assert name.partition("@")[0].partition("[")[0] in there[block], address
            if block == "stability":
                assert config.primary_metric in _evaluated(config)
        if claim.kind == "ordering":
            assert set(claim.methods) <= set(load_suite(shipped.suite).methods("documented"))


def test_a_broken_file_names_the_place(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment_sst2"
    folder.mkdir()
    (folder / "documented.json").write_text('{"suite": "sentiment_sst2", "recipe": "r", "fixed": {}, "claim": []}')
    with pytest.raises(InputError, match=r"documented\.json: claims: Field required"):
        load_documented("sentiment_sst2", Store(roots=[tmp_path]))
    (folder / "documented.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        load_documented("sentiment_sst2", Store(roots=[tmp_path]))
    assert load_documented("nothing", Store(roots=[tmp_path])) is None
