"""Documented claims: the address language, the files, and hand-worked verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_record
from pydantic import ValidationError

from bench import baseline
from bench.claims import Documented, Missing, departures, judge, read
from bench.errors import InputError
from bench.suite import builtin_root, load_suite, resolve

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


def documented(*claims: dict[str, Any], **fixed: Any) -> Documented:
    return Documented.model_validate(
        {"suite": "sentiment_sst2", "recipe": "a recipe", "fixed": fixed, "claims": list(claims)}
    )


def verdict_of(claim: dict[str, Any], *records: Any, **fixed: Any) -> Any:
    return judge(documented(claim, **fixed), records)[0]


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
    "quantity",
    ["accuracy", "scores", "scores.a.b", "scores.accuracy[0]", "epochs.step", "epochs.nothing", "model.base",
     "cost.started_at", "cost.stages_s", "config.training", "scores.accuracy; drop", ""],
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
        judge(documented(ACCURACY), [])
    with pytest.raises(InputError, match="several configs"):
        judge(documented(ACCURACY), [make_record(), make_record(1, config__training__epochs=5)])
    with pytest.raises(InputError, match="cannot be judged by runs of 'other'"):
        judge(documented(ACCURACY), [make_record(config__suite="other")])


# --- the files -------------------------------------------------------------------------------------------------------


def all_documented() -> list[Documented]:
    files = sorted(builtin_root("baselines").glob(f"*/{baseline.DOCUMENTED_FILE}"))
    return [Documented.model_validate_json(file.read_text(encoding="utf-8")) for file in files]


def test_every_recipe_file_loads_under_its_folder_name() -> None:
    names = [file.parent.name for file in sorted(builtin_root("baselines").glob(f"*/{baseline.DOCUMENTED_FILE}"))]
    assert [one.suite for one in all_documented()] == names
    assert {"sentiment_sst2", "summarization"} <= set(names)


@pytest.mark.parametrize("one", all_documented(), ids=lambda one: one.suite)
def test_the_documented_profile_is_the_recipe_and_the_others_are_not(one: Documented) -> None:
    file = load_suite(one.suite)
    assert departures(one, resolve(file, profile="documented")) == ()
    for profile in set(file.profiles) - {"documented"}:
        assert f"profile is {profile}, the recipe's is documented" in departures(one, resolve(file, profile=profile))


@pytest.mark.parametrize("one", all_documented(), ids=lambda one: one.suite)
def test_claims_name_only_metrics_that_the_suite_scores(one: Documented) -> None:
    scored = resolve(load_suite(one.suite), profile="documented").metrics
    for claim in one.claims:
        for address in filter(None, (claim.quantity, claim.minus)):
            block, _, name = address.partition(".")
            assert block not in ("scores", "scores_before") or name in scored


def test_a_broken_file_names_the_place(tmp_path: Path) -> None:
    folder = tmp_path / "sentiment_sst2"
    folder.mkdir()
    (folder / "documented.json").write_text('{"suite": "sentiment_sst2", "recipe": "r", "fixed": {}, "claim": []}')
    with pytest.raises(InputError, match=r"documented\.json: claims: Field required"):
        baseline.documented("sentiment_sst2", roots=[tmp_path])
    (folder / "documented.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        baseline.documented("sentiment_sst2", roots=[tmp_path])
    assert baseline.documented("nothing", roots=[tmp_path]) is None
