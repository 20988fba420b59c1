"""Documented claims: verdicts worked by hand."""

from __future__ import annotations

import pytest
from claims import ACCURACY, CURVE, FALLS, ORDER, TIME, curved, documented, verdict_of
from factories import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from bench.comparing.claims import departures, judge_claims, unmeasured
from bench.core.errors import InputError


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
