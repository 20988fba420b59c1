"""Documented claims: orderings of methods."""

from __future__ import annotations

from typing import Any

import pytest
from claims import ACCURACY, ORDER, documented, evaluations
from factories import make_record
from pydantic import ValidationError

from bench.comparing.claims import Missing, judge_claims, read
from bench.core.errors import InputError
from bench.records.record import RunRecord
from bench.statistics.stability import stability

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
    assert verdict.outcome == "undecided"
    assert verdict.measured == pytest.approx((0.91, 0.886667, 0.61), abs=1e-6)
    # Seed 1 alone has frozen_body above full; the other two agree.
    assert (verdict.n_agree, verdict.n_seeds) == (2, 3)
    assert verdict.reason == (
        "full above frozen_body (interval holds zero), frozen_body above lora (interval away from zero)"
    )


def near(value: float) -> tuple[float, ...]:
    """Return the scores of three seeds about a value."""
    return value - 0.01, value, value + 0.01


@pytest.mark.parametrize(
    ("frozen", "outcome", "reason"),
    [
        (
            near(0.8),
            "reproduced",
            "full above frozen_body (interval away from zero), frozen_body above lora (interval away from zero)",
        ),
        (
            near(0.97),
            "not reproduced",
            "full below frozen_body (interval away from zero), frozen_body above lora (interval away from zero)",
        ),
        (
            near(0.905),
            "undecided",
            "full below frozen_body (interval holds zero), frozen_body above lora (interval away from zero)",
        ),
        (
            near(0.9),
            "undecided",
            "full equal to frozen_body (interval holds zero), frozen_body above lora (interval away from zero)",
        ),
    ],
)
def test_an_ordering_stands_where_every_interval_does(frozen: tuple[float, ...], outcome: str, reason: str) -> None:
    verdict = order_of(runs_of("full", *near(0.9)), runs_of("frozen_body", *frozen), runs_of("lora", *near(0.6)))
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_one_seed_a_method_decides_no_ordering() -> None:
    verdict = order_of(runs_of("full", 0.9), runs_of("frozen_body", 0.8), runs_of("lora", 0.6))
    assert (verdict.outcome, verdict.n_agree) == ("undecided", 1)
    assert verdict.reason.startswith("full above frozen_body (one seed each, no interval)")


@pytest.mark.parametrize(("lora", "outcome"), [(0.6, "same direction"), (0.99, "other direction"), (0.8, "undecided")])
def test_an_ordering_is_also_looked_at_on_stand_ins(lora: float, outcome: str) -> None:
    tiny = {"config__profile": "tiny"}
    verdict = order_of(
        runs_of("full", *near(0.9), **tiny), runs_of("frozen_body", *near(0.8), **tiny),
        runs_of("lora", *near(lora), **tiny),
    )  # fmt: skip
    assert verdict.outcome == outcome
    assert verdict.reason.endswith("; on a stand-in: profile is tiny, the recipe's is documented")


def test_the_method_is_no_departure_of_an_ordering_and_all_else_is() -> None:
    fixed = {"method_name": "frozen_body", "method.modules.0": "distilbert", "training.scheduler": "constant"}
    runs = [runs_of("full", *near(0.9)), runs_of("frozen_body", *near(0.8)), runs_of("lora", *near(0.6))]
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
    lora = runs_of("lora", *near(0.6), config__training__learning_rate=1e-3)
    assert order_of(runs_of("full", *near(0.9)), runs_of("frozen_body", *near(0.8)), lora).outcome == "reproduced"


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
    assert verdict.measured == pytest.approx((0.1, 0.01, 0.0))
    assert verdict.n_agree is None
    # A ratio of 10 is 100 in variances, of which F(2, 2) passes 39 by chance in 2.5 %; a spread of 0 has no ratio.
    assert (verdict.outcome, verdict.reason) == (
        "undecided",
        "full above frozen_body (spreads over 3 and 3 seeds: the interval of their ratio is away from one), "
        "frozen_body above lora (spreads over 3 and 3 seeds, one of them 0: they have no ratio)",
    )
    two = spread | {"methods": ["full", "frozen_body"]}
    assert order_of(full, frozen, lora, two).outcome == "reproduced"
    assert order_of(full, frozen, lora, two | {"methods": ["frozen_body", "full"]}).outcome == "not reproduced"
    near_by = order_of(full, runs_of("frozen_body", 0.77, 0.8, 0.83), lora, two)
    assert near_by.outcome == "undecided"
    assert "spreads over 3 and 3 seeds: the interval of their ratio holds one" in near_by.reason
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
    assert verdict.outcome == "undecided"
    assert verdict.measured == pytest.approx((stability((0.5, 0.9, 0.4, 0.8)).swing, 0.0))


def test_an_ordering_of_times_needs_the_claims_device() -> None:
    runs = [
        [make for i in range(3) for make in runs_of(method, *[0.8] * 3, cost__wall_time_s=time + i / 10)[i : i + 1]]
        for method, time in (("full", 9), ("frozen_body", 4))
    ]
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
