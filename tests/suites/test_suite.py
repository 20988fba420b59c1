"""suite.toml -> SuiteConfig: merging, precedence, and every way it can be wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from bench.core.errors import InputError
from bench.suites.resolve import builtin_suites, load_suite, merge, parse_override, resolve

SUITE: dict[str, Any] = {
    "suite": "mine",
    "version": 1,
    "title": "A suite for tests",
    "primary_metric": "accuracy",
    "method": "head",
    "task": {"kind": "classification", "max_length_tokens": 16, "padding": "longest"},
    "data": {
        "labels": ["negative", "positive"],
        "input_column": "text",
        "target_column": "label",
        "source": {"kind": "generated", "name": "sentiment", "n_examples": 60},
        "train": {"stop": 40},
        "validation": {"start": 40, "stop": 50},
        "test": {"start": 50, "stop": 60},
    },
    "model": {
        "family": "sequence_classification",
        "source": {"kind": "generated", "name": "random_weights"},
        "architecture": {"model_type": "distilbert", "config": {"dim": 32}},
    },
    "training": {"epochs": 3, "batch_size": 8, "learning_rate": 1e-3},
    "metrics": {"accuracy": {}, "loss": {}},
    "methods": {
        "head": {"kind": "head_only"},
        "full": {"kind": "full", "training": {"learning_rate": 1e-5, "steps": 7}},
        "frozen": {"kind": "freeze", "modules": ["distilbert"]},
    },
    "profiles": {"tiny": {}, "offline": {"method": "full", "training": {"batch_size": 4}}},
}
SHIPPED = [
    (name, profile, method)
    for name in builtin_suites()
    for profile in load_suite(name).profiles
    for method in load_suite(name).methods(profile)
]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the suite above with changes (`a__b=value`; `None` removes) and return its folder."""

    def write_(folder: str = "mine", **changes: Any) -> Path:
        values = copy.deepcopy(SUITE)
        for path, value in changes.items():
            *parents, last = path.split("__")
            table = values
            for part in parents:
                table = table.setdefault(part, {})
            if value is None:
                table.pop(last)
            else:
                table[last] = value
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "suite.toml").write_text(tomli_w.dumps(values), encoding="utf-8")
        return tmp_path / folder

    return write_


def _error(folder: Path, profile: str = "tiny", method: str | None = None, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        resolve(load_suite(folder), profile=profile, method=method, overrides=overrides)
    return str(caught.value)


# --- merging ---------------------------------------------------------------------------------------------------------


def test_merge_goes_table_by_table_and_leaves_its_arguments_alone() -> None:
    base = {"a": {"x": 1, "y": {"z": 2}}, "b": 3}
    assert merge(base, {"a": {"y": {"w": 4}}}) == {"a": {"x": 1, "y": {"z": 2, "w": 4}}, "b": 3}
    assert base == {"a": {"x": 1, "y": {"z": 2}}, "b": 3}


def test_merge_a_table_that_names_its_kind_replaces() -> None:
    below = {"source": {"kind": "hub", "id": "a/b", "revision": "0" * 40}}
    assert merge(below, {"source": {"kind": "local", "path": "x"}}) == {"source": {"kind": "local", "path": "x"}}
    assert merge(below, {"source": {"revision": "1" * 40}})["source"]["id"] == "a/b"


def test_merge_an_empty_table_clears() -> None:
    assert merge({"train": {"where": {"split": "a"}, "stop": 5}}, {"train": {"where": {}}}) == {
        "train": {"where": {}, "stop": 5}
    }


@pytest.mark.parametrize(
    ("suite", "override", "message"),
    [
        ("sentiment_sst2", "metrics.rouge1={first_rows=9}", "metrics.rouge1 scores texts, which a classification task"),
        ("summarization", "metrics.accuracy={first_rows=9}", "metrics.accuracy scores labels, which a text_to_text"),
        ("sentiment_sst2", "metrics.loss.prediction=short", "metrics.loss.prediction = 'short' needs task.short_new"),
    ],
)
def test_a_metric_that_cannot_score_the_task_is_refused_before_training(
    suite: str, override: str, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        resolve(load_suite(f"suites/{suite}"), profile="tiny", overrides=[override])


def test_merge_lists_replace() -> None:
    assert merge({"modules": ["a", "b"]}, {"modules": ["c"]}) == {"modules": ["c"]}


@pytest.mark.parametrize(("below", "above"), [("epochs", "steps"), ("steps", "epochs")])
def test_merge_epochs_and_steps_drop_each_other(below: str, above: str) -> None:
    assert merge({"training": {below: 3, "batch_size": 8}}, {"training": {above: 5}}) == {
        "training": {above: 5, "batch_size": 8}
    }


def test_steps_beside_epochs_in_one_table_are_refused(write: Write) -> None:
    assert "give exactly one of epochs and steps" in _error(write(training__steps=5))


def test_precedence_is_suite_then_profile_then_method_then_set(write: Write) -> None:
    file = load_suite(write(profiles__tiny={"training": {"learning_rate": 2e-3, "batch_size": 2}}))
    assert resolve(file, profile="offline", method="head").training.learning_rate == 1e-3
    assert resolve(file, profile="tiny").training.learning_rate == 2e-3
    by_method = resolve(file, profile="tiny", method="full").training
    assert (by_method.learning_rate, by_method.steps, by_method.epochs, by_method.batch_size) == (1e-5, 7, None, 2)
    by_hand = resolve(
        file, profile="tiny", method="full", overrides=["training.learning_rate=5e-5", "training.epochs=2"]
    ).training
    assert (by_hand.learning_rate, by_hand.epochs, by_hand.steps) == (5e-5, 2, None)


def test_later_set_wins(write: Write) -> None:
    overrides = ["training.batch_size=2", "training.batch_size=16"]
    assert resolve(load_suite(write()), profile="tiny", overrides=overrides).training.batch_size == 16


def test_the_profiles_method_is_the_default_and_a_profile_can_change_a_method(write: Write) -> None:
    file = load_suite(write(profiles__tiny={"methods": {"frozen": {"frozen_dropout": True}}}))
    assert resolve(file, profile="offline").method_name == "full"
    assert resolve(file, profile="tiny").method_name == "head"
    frozen = resolve(file, profile="tiny", method="frozen").method
    assert frozen.model_dump(exclude_none=True) == {
        "kind": "freeze",
        "modules": ("distilbert",),
        "frozen_dropout": True,
    }


# --- finding ---------------------------------------------------------------------------------------------------------


def test_a_folder_wins_over_the_built_in_suite_of_its_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sentiment_sst2", suite="sentiment_sst2")
    monkeypatch.chdir(tmp_path)
    assert load_suite("sentiment_sst2").tables["title"] == "A suite for tests"


@pytest.mark.parametrize("given", ["sentiment_sst2", "suites/sentiment_sst2"])
def test_a_built_in_suite_is_found_from_any_folder(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = load_suite(given)
    assert (file.name, file.shown) == ("sentiment_sst2", "suites/sentiment_sst2/suite.toml")


@pytest.mark.parametrize(("name", "profile", "method"), SHIPPED)
def test_every_shipped_suite_resolves(name: str, profile: str, method: str) -> None:
    config = resolve(load_suite(name), profile=profile, method=method)
    assert (config.suite, config.profile, config.method_name) == (name, profile, method)


def test_shipped_suites_have_all_three_profiles() -> None:
    assert {(name, profile) for name, profile, _ in SHIPPED} >= {
        (name, profile)
        for name in ("sentiment_sst2", "summarization", "imdb", "gulliver", "alice_edgar")
        for profile in ("documented", "offline", "tiny")
    }  # fmt: skip


# --- methods like others ---------------------------------------------------------------------------------------------


def test_a_method_like_another_starts_from_it_and_leaves_it_alone(write: Write) -> None:
    scheduled = {"like": "full", "training": {"scheduler": "linear"}}
    careful = {"like": "frozen", "frozen_dropout": True, "training": {"learning_rate": 1e-4}}
    file = load_suite(write(methods__scheduled=scheduled, methods__careful=careful))
    one = resolve(file, profile="tiny", method="scheduled")
    assert (one.method_name, one.method.kind) == ("scheduled", "full")
    assert (one.training.learning_rate, one.training.steps, one.training.scheduler) == (1e-5, 7, "linear")
    other = resolve(file, profile="tiny", method="careful")
    assert other.method.model_dump(exclude_none=True) == {
        "kind": "freeze",
        "modules": ("distilbert",),
        "frozen_dropout": True,
    }
    assert other.training.learning_rate == 1e-4
    assert resolve(file, profile="tiny", method="full").training.scheduler == "constant"
    assert set(file.methods("tiny")) == {"head", "full", "frozen", "scheduled", "careful"}


def test_a_method_is_like_what_the_profile_made_of_the_other(write: Write) -> None:
    changes = {"methods": {"full": {"training": {"learning_rate": 9e-5}}}}
    file = load_suite(write(methods__slow={"like": "full", "training": {"batch_size": 2}}, profiles__tiny=changes))
    assert resolve(file, profile="tiny", method="slow").training.learning_rate == 9e-5
    assert resolve(file, profile="offline", method="slow").training.learning_rate == 1e-5


def test_a_method_only_a_profile_has_may_be_like_one_of_the_suites(write: Write) -> None:
    file = load_suite(write(profiles__tiny={"methods": {"quick": {"like": "head", "training": {"epochs": 1}}}}))
    assert resolve(file, profile="tiny", method="quick").training.epochs == 1
    assert "method 'quick' is not known" in _error(write(), "offline", "quick")


@pytest.mark.parametrize(
    ("like", "ending"),
    [
        ("ful", "like = 'ful' must name a method that is written out; did you mean 'full'?"),
        ("zzz", "like = 'zzz' must name a method that is written out; allowed: frozen, full, head"),
        ("again", "like = 'again' must name a method that is written out; allowed: frozen, full, head"),
        ("mine", "like = 'mine' must name a method that is written out; allowed: frozen, full, head"),
        (["full"], "like = ['full'] must name a method that is written out; did you mean 'full'?"),
    ],
)
def test_error_like_what_is_not_written_out(write: Write, like: Any, ending: str) -> None:
    folder = write(methods__again={"like": "full"}, methods__mine={"like": like})
    assert _error(folder, "tiny", "mine") == f"{folder / 'suite.toml'}: methods.mine.{ending}"


# --- what fits what --------------------------------------------------------------------------------------------------

ONE = "data={kind='texts', texts={day={parts=[{source={kind='generated', name='prose_day', n_examples=9}}]}}}"
THIRD = "data.texts.noon={parts=[{source={kind='generated', name='prose_plain', n_examples=9}}]}"
ROWS = (
    "data={kind='rows', source={kind='generated', name='sentiment', n_examples=9}, input_column='text', "
    "target_column='label', train={stop=3}, validation={start=3, stop=6}, test={start=6}}"
)


@pytest.mark.parametrize(
    ("suite", "override", "message"),
    [
        ("gulliver", ROWS, "a language_modeling task needs data of kind 'texts', got 'rows'"),
        ("alice_edgar", ROWS, "a style_duel task needs data of kind 'texts', got 'rows'"),
        ("imdb", ONE, "a classification task needs data of kind 'rows', got 'texts'"),
        ("alice_edgar", ONE, "a style_duel task needs 2 text(s) under data.texts, got day"),
        ("alice_edgar", THIRD, "a style_duel task needs 2 text(s) under data.texts, got day, night, noon"),
        ("gulliver", THIRD, "a language_modeling task needs 1 text(s) under data.texts, got day, noon"),
        ("gulliver", "model.family=seq2seq", "a language_modeling task needs model.family = 'causal', got 'seq2seq'"),
        ("alice_edgar", "model.family=seq2seq", "a style_duel task needs model.family = 'causal', got 'seq2seq'"),
        ("imdb", "model.family=causal", "needs model.family = 'sequence_classification', got 'causal'"),
        (
            "summarization",
            "model.family=sequence_classification",
            "needs model.family = 'seq2seq' or 'causal', got 'sequence_classification'",
        ),
        ("alice_edgar", "task.judge.model.family=causal", "model.family = 'causal': a judge needs 'sequence_classific"),
        ("alice_edgar", "task.judge.method={kind='peft', config={peft_type='LORA'}}", "task.judge.method: Input tag"),
        ("alice_edgar", "training.save=pretrained", "saves one model, a style_duel trains two; use 'trainable'"),
        ("alice_edgar", "task.repetition_penalty=1", "task.repetition_penalty: Input should be greater than 1 (got 1)"),
        ("alice_edgar", "task.over_generation=0", "task.over_generation: Input should be greater than 0"),
        ("imdb", "training.evaluate_metrics=['f2']", "training.evaluate_metrics: 'f2' is not one of metrics: accuracy"),
        ("imdb", "training.evaluate_every_steps=0", "training.evaluate_every_steps: Input should be greater than or"),
        (
            "gulliver",
            "metrics.style_judge_loss={}",
            "metrics.style_judge_loss scores styles, which a language_modeling",
        ),
        ("imdb", "metrics.distinct1={}", "metrics.distinct1 scores generations, which a classification task does not"),
    ],
)
def test_error_parts_that_do_not_fit_each_other(suite: str, override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        resolve(load_suite(suite), profile="tiny", overrides=[override])


def test_a_style_duel_names_its_judge_among_its_sources() -> None:
    file = load_suite("alice_edgar")
    sources = dict(resolve(file, profile="documented").sources())
    assert list(sources) == ["model", "alice", "edgar", "swift", "judge"]
    assert sources["judge"].kind == "hub"
    checkpoint = "task.judge.checkpoint={kind='local', path='judge'}"
    assert dict(resolve(file, profile="documented", overrides=[checkpoint]).sources())["judge"].kind == "local"


@pytest.mark.parametrize(("k", "length", "expected"), [("4", 128, 512), ("1.25", 24, 30), ("1.3", 24, 32)])
def test_a_sample_is_as_long_as_k_judge_windows_rounded_up(k: str, length: int, expected: int) -> None:
    overrides = [f"task.over_generation={k}", f"task.judge.max_length_tokens={length}"]
    task = resolve(load_suite("alice_edgar"), profile="tiny", overrides=overrides).task
    assert task.sample_tokens == expected  # type: ignore[union-attr]


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "ending"),
    [
        ("sentiment_sst", "did you mean 'sentiment_sst2'?"),
        ("suites/summarisation", "did you mean 'summarization'?"),
        ("zzz", "allowed: alice_edgar, gulliver, imdb, sentiment_sst2, summarization"),
        ("no/such/folder", "allowed: alice_edgar, gulliver, imdb, sentiment_sst2, summarization"),
    ],
)
def test_error_unknown_suite(given: str, ending: str) -> None:
    with pytest.raises(InputError) as caught:
        load_suite(given)
    assert str(caught.value).startswith(f"{given}: there is no folder with a suite.toml")
    assert ending in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": "other"}, "suite = 'other' must equal the folder's name, 'mine'"),
        ({"methods": None}, "methods is missing"),
        ({"method": None}, "method is missing"),
        ({"trainig": {}}, "trainig is not a known key; did you mean 'training'?"),
        ({"profiles__tinny": {}}, "profiles.tinny is not a known profile; did you mean 'tiny'?"),
    ],
)
def test_error_in_the_file_is_found_when_loading(write: Write, changes: dict[str, Any], message: str) -> None:
    folder = write(**changes)
    with pytest.raises(InputError) as caught:
        load_suite(folder)
    assert str(caught.value) == f"{folder / 'suite.toml'}: {message}"


@pytest.mark.parametrize("content", [b"a = = 1", b"title = '\xff'"])
def test_error_not_toml(write: Write, content: bytes) -> None:
    folder = write()
    (folder / "suite.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"mine/suite\.toml: cannot be read as TOML: "):
        load_suite(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training__lerning_rate": 1.0}, "training.lerning_rate is not a known key; did you mean 'learning_rate'?"),
        ({"task__zzz": 1}, "task.zzz is not a known key; allowed: kind, max_length_tokens, padding"),
        ({"data__source__split": "train"}, "data.source.split is not a known key; allowed: "),
        ({"training__batch_size": "many"}, "training.batch_size: Input should be a valid integer"),
        ({"training__learning_rate": -1.0}, "training.learning_rate: Input should be greater than 0 (got -1.0)"),
        ({"training__learning_rate": float("inf")}, "training.learning_rate: Input should be a finite number"),
        ({"training__optimizer": "lion"}, "training.optimizer: Input should be 'adam', 'adamw' or 'sgd' (got 'lion')"),
        ({"training__weight_decay": 0.1}, "weight_decay needs optimizer = 'adamw'"),
        ({"data__input_column": None}, "data.input_column is missing"),
        ({"data__source": None}, "data: data.train.source is missing and there is no data.source"),
        ({"data__train": {"start": 5, "stop": 5}}, "data.train: stop = 5 must be greater than start = 5"),
        ({"primary_metric": "f1"}, "primary_metric = 'f1' is not one of metrics: accuracy, loss"),
        ({"metrics__acuracy": {}}, "'acuracy' is not a known metric; did you mean 'accuracy'?"),
        ({"metrics__accuracy__options": {"x": 1}}, "metrics.accuracy.options.x is not a known option"),
        ({"metrics__bertscore": {}}, "metrics.bertscore.model is missing"),
        ({"methods__head": {"kind": "peft", "config": {}}}, "method: config.peft_type is missing"),
        ({"methods__head": {"kind": "pfet"}}, "method: Input tag 'pfet' found using 'kind' does not match"),
        ({"chosen__a": "why"}, "chosen: 'a' names no key of the resolved suite"),
        ({"profiles__tiny__modell": {}}, "profiles.tiny.modell is not a known key; did you mean 'model'?"),
    ],
)  # fmt: skip
def test_error_names_file_and_key_and_what_is_allowed(write: Write, changes: dict[str, Any], message: str) -> None:
    folder = write(**changes)
    error = _error(folder)
    assert error.startswith(str(folder / "suite.toml"))
    assert message in error


def test_error_prompt_without_a_place_for_the_text(write: Write) -> None:
    task = {"kind": "summarization", "prompt": "sum up", "source_length_tokens": 8, "target_length_tokens": 4,
            "target_padding": "longest", "max_new_tokens": 4}  # fmt: skip
    assert "task: prompt = 'sum up' must hold {input} exactly once" in _error(write(task=task))


def test_error_branch_name_as_revision(write: Write) -> None:
    source = {"kind": "hub", "id": "a/b", "revision": "main"}
    assert "model.source.revision: String should match pattern" in _error(write(model__source=source))


def test_error_unknown_profile_and_method(write: Write) -> None:
    folder = write()
    assert "profile 'tinny' is not known; did you mean 'tiny'?" in _error(folder, "tinny")
    assert "profile 'documented' is not known; allowed: offline, tiny" in _error(folder, "documented")
    assert "method 'froze' is not known; did you mean 'frozen'?" in _error(folder, "tiny", "froze")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.learning_rate", "--set 'training.learning_rate': expected key.path=value"),
        ("=3", "--set '=3': expected key.path=value"),
        ("training.=3", "--set 'training.=3': expected key.path=value"),
        ("training.epochs=", "--set 'training.epochs=': the value is not valid TOML"),
        ("data.labels=['a'", "the value is not valid TOML"),
        ("training.epoch=3", "--set training.epoch: training.epoch is not a known key; did you mean 'epochs'?"),
        ("training.epochs=0", "--set training.epochs: training.epochs: Input should be greater than or equal to 1"),
        ("training.learning_rate=fast", "--set training.learning_rate: training.learning_rate: Input should be"),
        ("data.source={kind='local'}", "--set data.source.path: data.source.path is missing"),
        ("nothing.at.all=1", "--set nothing: nothing is not a known key; allowed: "),
    ],
)
def test_error_broken_set_names_the_option(write: Write, override: str, message: str) -> None:
    assert message in _error(write(), "tiny", None, override)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=1e-4", 1e-4),
        ("a.b=3", 3),
        ("a.b=true", True),
        ("a.b=longest", "longest"),
        ("a.b='3'", "3"),
        ("a.b=3.0.0", "3.0.0"),
        ("a.b=[1, 2]", [1, 2]),
        ("a.b={kind='full'}", {"kind": "full"}),
        ("a.b=x=y", "x=y"),
        (" a . b = google/bert ", "google/bert"),
    ],
)
def test_set_values_are_toml_and_bare_words_are_text(text: str, value: Any) -> None:
    assert parse_override(text) == (["a", "b"], value)


def test_reasons_follow_the_method_they_speak_of(write: Write) -> None:
    why = {"method.modules": "the recipe says so", "training.epochs": "enough"}
    file = load_suite(write(method="frozen", chosen=why))
    assert resolve(file, profile="tiny").chosen == why
    assert resolve(file, profile="tiny", method="head").chosen == {"training.epochs": "enough"}
    assert resolve(file, profile="tiny", overrides=["training.steps=2"]).chosen == why


# --- the config key --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "override",
    [
        "training.learning_rate=2e-3",
        "training.steps=3",
        "training.precision=bfloat16",
        "training.evaluation_batch_size=16",
        "data.train.stop=39",
        "data.source.seed=1",
        "model.source.seed=1",
        "model.pooling=mean",
        "task.padding=max_length",
        "metrics.accuracy.first_rows=5",
        "metrics.f1={}",
        "method={kind='full'}",
        "primary_metric=loss",
        "version=2",
    ],
)
def test_the_key_changes_with_every_value_that_can_change_a_result(write: Write, override: str) -> None:
    file = load_suite(write())
    assert resolve(file, profile="tiny").key != resolve(file, profile="tiny", overrides=[override]).key


def test_the_key_does_not_change_with_words_for_people_or_defaults_written_out(write: Write) -> None:
    key = resolve(load_suite(write()), profile="tiny").key
    reworded = load_suite(write(title="Another title", chosen={"training.epochs": "why not"}))
    assert resolve(reworded, profile="tiny").key == key
    assert resolve(load_suite(write()), profile="tiny", overrides=["training.optimizer=adam"]).key == key
    assert resolve(load_suite(write()), profile="offline").key != key


def test_the_key_survives_a_round_trip_through_json(write: Write) -> None:
    config = resolve(load_suite(write()), profile="tiny", method="frozen")
    again = type(config).model_validate_json(config.model_dump_json())
    assert (again, again.key) == (config, config.key)


def test_a_metric_that_the_suite_scores_stays_as_it_is() -> None:
    file = load_suite("suites/summarization")
    own = resolve(file, profile="tiny")
    name = next(name for name, metric in own.metrics.items() if metric.prediction == "short")
    assert resolve(file, profile="tiny", metrics={name: {}}).key == own.key
    assert [*resolve(file, profile="tiny", metrics={"loss": {}}).metrics][-1] == "loss"
    assert "loss" not in own.metrics
