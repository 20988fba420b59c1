"""Study files: what is read, and every fault that is found before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_fakes import PLACE, RATE, TABLES, study, tables

from bench.core.errors import InputError
from bench.experiments.study.config import Choices, Range, load_study, parse_study
from bench.experiments.study.setup import check_methods, read_study

WRITTEN = """
study = "tryout"
suite = "suites/imdb"
profile = "tiny"
trials = 2
seeds = [0]
budget = { steps = 5 }

[methods.full]
"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }

[methods.wide]
use = "head_only"
training.learning_rate = { choices = [1e-3, 1e-2] }
training.warmup_steps = { low = 1, high = 5, integer = true }
"""


def method(**space: Any) -> dict[str, Any]:
    return {"full": space}


def test_keys_are_quoted_or_nested(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(WRITTEN, encoding="utf-8")
    read = load_study(path)
    assert read.methods["full"].space == {"training.learning_rate": Range(low=1e-5, high=1e-2, log=True)}
    assert read.methods["wide"].use == "head_only"
    assert read.methods["wide"].space == {
        "training.learning_rate": Choices(choices=(1e-3, 1e-2)),
        "training.warmup_steps": Range(low=1, high=5, integer=True),
    }
    assert read_study(path).defaults["wide"].method_name == "head_only"


def test_a_trial_scores_validation_rows_and_a_final_run_test_rows() -> None:
    made = study(set=["training.optimizer=adamw"])
    trial = made.config("full", {"training.learning_rate": 0.25}, steps=7, on_validation=True)
    assert (trial.scored_split, trial.training.steps, trial.training.learning_rate) == ("validation", 7, 0.25)
    final = made.config("full", {}, steps=7, on_validation=False)
    assert (final.scored_split, final.training.learning_rate) == (None, 1e-3)
    assert {trial.training.optimizer, final.training.optimizer} == {"adamw"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 0}, "trials: Input should be greater than or equal to 1 (got 0)"),
        ({"trails": 3}, "trails is not a known key; did you mean 'trials'?"),
        ({"budget": None}, "budget is missing"),
        ({"budget": {"steps": 5, "tokens": 7}}, "budget: give exactly one of steps, tokens and seconds"),
        ({"budget": {}}, "budget: give exactly one of steps, tokens and seconds"),
        ({"budget": {"step": 5}}, "budget.step is not a known key; did you mean 'steps'?"),
        ({"budget": {"seconds": 0}}, "budget.seconds: Input should be greater than 0"),
        ({"select": {"split": "test"}}, "select.split: settings chosen on the rows that they are scored on"),
        ({"select": {"split": "train"}}, "select.split: the only rows to choose on are 'validation'"),
        ({"profile": "auto"}, "profile: Input should be 'documented', 'offline' or 'tiny' (got 'auto')"),
        ({"seeds": [1, 1]}, "seeds = [1, 1]: expected different integers"),
        (
            {"seeds": [0, 5], "trial_seeds": [5]},
            "trial_seeds and seeds share 5: settings that were chosen for",
        ),
        ({"methods": {}}, "methods: Dictionary should have at least 1 item"),
        ({"methods": method(**{"training.learning_rate": {"choices": []}})}, "choices holds no values to search"),
        ({"methods": method(**{"training.learning_rate": {"choices": [1, 1]}})}, "give two or more values"),
        (
            {"methods": method(**{"training.learning_rate": {"low": 2, "high": 1}})},
            "low = 2 must be less than high",
        ),
        ({"methods": method(**{"training.learning_rate": {"low": 1, "high": 1}})}, "holds no values to search"),
        ({"methods": method(**{"training.learning_rate": RATE | {"low": 0}})}, "log = true needs low above 0, got 0"),
        (
            {"methods": method(**{"training.warmup_steps": {"low": 0.5, "high": 2, "integer": True}})},
            "integer = true needs whole numbers",
        ),
        (
            {"methods": method(**{"training.learning_rate": {"low": 1, "hihg": 2}})},
            "methods.full.training.learning_rate.hihg is not a known key; did you mean 'high'?",
        ),
        ({"methods": method(**{"training.learning_rate": 1e-3})}, "methods.full.training.learning_rate = 0.001 is no"),
        ({"methods": method(trials=3)}, "methods.full.trials: every method is given as many trials"),
    ],
)
def test_a_fault_of_the_file_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_study(tables(**changes), place=PLACE)
    assert str(caught.value).startswith(f"{PLACE}: ")
    assert message in str(caught.value)


def searched(key: str, values: Any) -> dict[str, Any]:
    return {"methods": {"full": {key: values}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": "suites/imbd"}, "did you mean 'imdb'?"),
        ({"methods": {"ful": {}}}, "method 'ful' is not known; did you mean 'full'?"),
        ({"select": {"metric": "acuracy"}}, "select.metric = 'acuracy' is not scored by the suite; did you mean"),
        (searched("training.lerning_rate", RATE), "training.lerning_rate is not a known key; did you mean 'learning_"),
        (searched("training.learning_rate", {"low": -1, "high": 1}), "methods.full: training.learning_rate: Input "),
        (searched("training.optimizer", {"choices": ["adam", "adamx"]}), "methods.full: training.optimizer: Input sh"),
        (searched("training.warmup_steps", {"low": 1, "high": 9}), "its default, 20, is a whole number; add integer"),
        (searched("training.steps", {"low": 1, "high": 9, "integer": True}), "cannot be searched: the budget decides"),
        (searched("training.epochs", {"choices": [1, 2]}), "cannot be searched: the budget decides it"),
        (searched("training.batch_size", {"choices": [8, 16]}), "a step of a larger batch is more work"),
        (searched("training.precision", {"choices": ["float32", "bfloat16"]}), "sides of a comparison must share it"),
        (searched("method.kind", {"choices": ["full", "head_only"]}), "that would be another method"),
        (searched("task.max_length_tokens", {"choices": [8, 16]}), "only settings of training and method are"),
        ({"set": ["training.steps=5"]}, "set: training.steps: the budget decides it; remove it"),
        ({"set": ["scored_split=test"]}, "set: scored_split: the study decides it"),
        ({"set": ["training.learning_rate=1"]}, "is searched under methods.full; set it for all or search it"),
        ({"set": ["training.learning=1"]}, "training.learning is not a known key"),
        (
            {"methods": {"full": {}, "freeze_attention_larger_batch": {}}},
            "training.batch_size differs between methods (full 16, freeze_attention_larger_batch 64), so equal steps",
        ),
    ],
)
def test_what_does_not_fit_the_suite_or_is_not_fair_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        study(**changes)
    assert str(caught.value).startswith(f"{PLACE}: ")
    assert message in str(caught.value)


def test_a_batch_size_may_be_searched_where_the_budget_is_of_work() -> None:
    made = study(**searched("training.batch_size", {"choices": [8, 16]}), budget={"tokens": 1000})
    assert made.config("full", {"training.batch_size": 8}, steps=1, on_validation=True).training.batch_size == 8


@pytest.mark.parametrize(
    ("suite", "override", "refused"),
    [
        ("sentiment_sst2", None, True),
        ("imdb", "data.validation={start=2500, stop=2700}", True),
        ("imdb", "data.validation={balanced=true, start=2400, stop=2601}", True),
        ("imdb", "data.validation={balanced=true, start=2400, stop=2600}", False),
        ("imdb", "data.validation={balanced=true, start=3000, stop=3200}", False),
    ],
)
def test_validation_rows_that_are_test_rows_are_refused(suite: str, override: str | None, refused: bool) -> None:
    profile = "documented" if suite == "sentiment_sst2" else "tiny"
    given = [] if override is None else [override]
    if override is not None and "balanced" not in override:
        given.append("data.test={start=2600, stop=3000}")  # the same way of picking, so that positions say it all
    changes = {"suite": suite, "profile": profile, "set": given, "methods": {"full": {"training.learning_rate": RATE}}}
    if not refused:
        study(**changes)
        return
    with pytest.raises(InputError, match="validation rows are test rows"):
        study(**changes)


def test_a_key_that_peft_does_not_know_is_named() -> None:
    lora = {"use": "lora", "method.config.rr": {"choices": [2, 4]}}
    made = study(suite="suites/sentiment_sst2", methods={"low_rank": lora})
    with pytest.raises(InputError, match=r"methods.low_rank: method.config.rr is not a key of peft's LORA"):
        check_methods(made)
    check_methods(
        study(suite="suites/sentiment_sst2", methods={"lora": {"method.config.lora_dropout": {"low": 0, "high": 0.5}}})
    )


def test_the_tables_of_the_tests_are_themselves_a_study() -> None:
    assert set(study().file.methods) == set(TABLES["methods"])
