"""Documented claims: verdicts worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from claims import ACCURACY, CURVE, FALLS, ORDER, TIME, curved, documented, verdict_of
from factories import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from bench.comparing.claims import departures, judge_claims, unmeasured
from bench.comparing.claims.trends import side_of_zero, slope
from bench.core.errors import InputError
from bench.records.record import RunRecord


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


def losses_of(*last_steps: float, profile: str = "documented") -> list[RunRecord]:
    """Return a record a seed, whose training loss falls by about 0.1 and then changes by this much."""
    records = []
    for seed, step in enumerate(last_steps):
        losses = (0.6, 0.5 + 0.01 * seed, 0.5 + 0.01 * seed + step)
        epochs = {f"epochs__{i}__train_loss": loss for i, loss in enumerate(losses)}
        records.append(make_record(seed, config__profile=profile, **epochs))
    return records


@pytest.mark.parametrize(
    ("profile", "last_steps", "outcome", "n_agree"),
    [
        ("documented", (-0.10, -0.12, -0.11), "reproduced", 3),
        ("documented", (0.10, 0.12, 0.11), "not reproduced", 3),
        # a mean of -0.02, and by hand 0.0702 / sqrt(3) * 4.303 = 0.174: the interval is -0.194 to 0.154
        ("documented", (-0.10, 0.04, 0.0), "undecided", 1),
        ("tiny", (-0.10, -0.12, -0.11), "same direction", 3),
        ("offline", (0.10, 0.12, 0.11), "other direction", 3),
        ("offline", (0.10, -0.04, 0.0), "undecided", 1),
        ("offline", (-0.10,), "undecided", 1),
    ],
)
def test_a_trend_is_decided_by_its_interval_over_seeds(
    profile: str, last_steps: tuple[float, ...], outcome: str, n_agree: int
) -> None:
    verdict = verdict_of(FALLS, *losses_of(*last_steps, profile=profile))
    assert (verdict.outcome, verdict.n_agree) == (outcome, n_agree)
    assert ("on a stand-in" in verdict.reason) == (profile != "documented")


def test_the_reason_says_what_the_interval_says() -> None:
    reasons = [verdict_of(FALLS, *losses_of(*steps)).reason for steps in ((-0.1, -0.12, -0.11), (-0.1, 0.04, 0.0))]
    assert reasons == [
        "falls every epoch (the interval of every step over seeds is away from zero)",
        "falls every epoch (the interval of some step over seeds holds zero)",
    ]
    assert verdict_of(FALLS, make_record()).reason == "falls every epoch (no interval over one run)"


RISES = FALLS | {"quantity": "scores.accuracy", "minus": "scores_before.accuracy", "direction": "rises"}


@pytest.mark.parametrize(
    ("accuracies", "outcome"),
    [
        ((0.80, 0.83, 0.82), "reproduced"),
        ((0.42, 0.44, 0.43), "not reproduced"),
        ((0.40, 0.70, 0.50), "undecided"),
    ],
)
def test_a_trend_of_a_difference_is_the_side_of_its_interval(accuracies: tuple[float, ...], outcome: str) -> None:
    records = [make_record(seed, scores__accuracy__value=value) for seed, value in enumerate(accuracies)]
    assert verdict_of(RISES, *records).outcome == outcome


@pytest.mark.parametrize(
    ("after", "low", "high", "outcome"),
    [(0.8, 0.2, 0.4, "reproduced"), (0.4, -0.2, -0.02, "not reproduced"), (0.52, -0.02, 0.06, "undecided")],
)
def test_what_fine_tuning_did_to_one_run_has_an_interval_over_rows(
    after: float, low: float, high: float, outcome: str
) -> None:
    change = {"changes__accuracy__low": low, "changes__accuracy__high": high}
    verdict = verdict_of(RISES, make_record(scores__accuracy__value=after, **change))
    assert verdict.outcome == outcome
    assert "over test rows" in verdict.reason
    assert "of one run" in verdict.reason
    several = [make_record(seed, scores__accuracy__value=after, **change) for seed in range(3)]
    alike = verdict_of(RISES, *several)
    assert (alike.outcome, alike.n_agree) == (outcome, 3)
    assert "of seeds that all give one number" in alike.reason


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


def curves(curve: tuple[float, ...], *tilts: float) -> list[RunRecord]:
    """Return a record a seed with this curve, tilted by so much an evaluation."""
    return [
        curved(seed, accuracies=tuple(value + tilt * i for i, value in enumerate(curve)))
        for seed, tilt in enumerate(tilts)
    ]


@pytest.mark.parametrize(
    ("curve", "outcome", "tau"),
    [
        ((0.5, 0.6, 0.7), "reproduced", "+1.00"),
        (CURVE, "reproduced", "+0.90"),  # one of 21 pairs falls: (20 - 1) / 21
        ((0.9, 0.8, 0.7), "not reproduced", "-1.00"),
        ((0.5, 0.9, 0.5), "undecided", "+0.33"),
        ((0.5, 0.5, 0.5), "undecided", "+1.00"),
    ],
)
def test_evaluations_rise_by_the_slopes_of_their_curves(curve: tuple[float, ...], outcome: str, tau: str) -> None:
    verdict = verdict_of(LEARNS, *curves(curve, -0.004, 0.006, 0.001))
    assert verdict.outcome == outcome
    assert verdict.reason.startswith(f"rank correlation with time above zero: {tau} over {len(curve)} evaluations (")
    assert verdict_of(LEARNS, curved(accuracies=curve)).outcome == "undecided"


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=3, max_size=12, unique=True))
def test_rank_correlation_is_kendalls(values: list[int]) -> None:
    tau = float(kendalltau(range(len(values)), values).statistic)
    record = curved(accuracies=tuple(float(value) for value in values))
    assert f": {round(tau, 9) + 0.0:+.2f} over" in verdict_of(LEARNS, record).reason


def test_curves_that_wander_by_luck_are_seldom_called_a_trend() -> None:
    """Neighbours of a random walk resemble each other: its seeds still say 5 % at 5 %, and their ranks do not."""
    generator = np.random.default_rng(0)
    walks = generator.normal(size=(2000, 3, 8)).cumsum(axis=2)
    called = [side_of_zero([slope(walk) for walk in seeds]) != 0 for seeds in walks]
    by_rank = [kendalltau(range(8), walk).pvalue < 0.05 for walk in walks[:400, 0]]
    assert np.mean(called) == pytest.approx(0.05, abs=0.015)
    assert np.mean(by_rank) > 0.25


@pytest.mark.parametrize("n", [1, 2])
def test_two_evaluations_are_no_trend(n: int) -> None:
    verdict = verdict_of(LEARNS, *curves(CURVE[:n], 0.0, 0.01, 0.02))
    assert (verdict.outcome, verdict.reason) == ("not measured", f"a trend needs three evaluations, the run has {n}")


def test_seeds_need_equally_many_evaluations() -> None:
    short = verdict_of(LEARNS, curved(), curved(1, accuracies=CURVE[:4]))
    assert short.reason == "the seeds recorded different numbers of evaluations"


def test_early_swing_is_set_against_late_swing() -> None:
    swings = FALLS | {"quantity": "stability.early_swing", "minus": "stability.late_swing", "direction": "rises"}
    early = [(0.5, peak, 0.6, 0.8, 0.81, 0.82, 0.83) for peak in (0.7, 0.72, 0.71)]
    for order, outcome in ((1, "reproduced"), (-1, "not reproduced")):
        records = [curved(seed, accuracies=curve[::order]) for seed, curve in enumerate(early)]
        assert verdict_of(swings, *records).outcome == outcome


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
