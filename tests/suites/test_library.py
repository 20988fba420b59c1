"""The library's entries, its rules, and how a suite finds a method by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config import Architecture, PluginMethod, SuiteConfig
from bench.core.errors import InputError
from bench.suites import library, plugins
from bench.suites.resolve import builtin_suites, load_suite, resolve

WANTED = (
    "full head_only freeze_lower bitfit lora rslora dora pissa lora_plus adalora ia3 vera oft boft prompt_tuning "
    "prefix_tuning p_tuning layernorm"
).split()
EVERYWHERE = [(suite, profile) for suite in builtin_suites() for profile in load_suite(suite).profiles]
PLUGIN = "class Mine(__import__('bench.methods', fromlist=['Method']).Method):\n    pass\n"


def _config(suite: str = "imdb", profile: str = "tiny", method: str | None = None) -> SuiteConfig:
    return resolve(load_suite(suite), profile=profile, method=method)


def _with_type(model_type: str | None) -> SuiteConfig:
    config = _config()
    architecture = None if model_type is None else Architecture(model_type=model_type)
    return config.model_copy(update={"model": config.model.model_copy(update={"architecture": architecture})})


# --- entries ---------------------------------------------------------------------------------------------------------


def test_the_methods_that_are_promised_are_there() -> None:
    assert library.names() == WANTED


@pytest.mark.parametrize("name", WANTED)
def test_an_entry_names_its_paper_and_says_where_its_values_come_from(name: str) -> None:
    entry = library.entry(name)
    assert re.search(r"\b(19|20)\d\d, .+arXiv:\d{4}\.\d{5}$", entry.paper)
    assert entry.title
    assert entry.defaults.endswith(".")
    assert entry.table["kind"] in ("full", "head_only", "freeze", "select", "peft")
    assert "target_modules" not in entry.table.get("config", {}), "it is for every architecture"


@pytest.mark.parametrize(("suite", "profile"), EVERYWHERE)
def test_every_entry_resolves_under_every_suite_and_profile(suite: str, profile: str) -> None:
    own = load_suite(suite).methods(profile)
    for name in library.names():
        config = _config(suite, profile, name)
        assert config.method_name == name
        if name not in own:
            entry = library.entry(name)
            assert config.chosen["method"] == entry.defaults
            assert config.method.kind == entry.table["kind"]
            rate = entry.table.get("training", {}).get("learning_rate")
            assert rate in (None, config.training.learning_rate)


def test_error_unknown_entry() -> None:
    with pytest.raises(InputError, match=r"method 'lorra' is not in the library; did you mean 'lora'\?"):
        library.entry("lorra")


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model_type", "refused"),
    [
        ("bitfit", "llama", True),
        ("bitfit", "bert", False),
        ("oft", "gpt2", True),
        ("oft", "gpt_neo", False),
        ("prefix_tuning", "distilbert", True),
        ("prefix_tuning", "bert", False),
        ("bitfit", None, False),
        ("prefix_tuning", "never heard of", False),
        ("lora", "gpt2", False),
    ],
)
def test_rules_ask_for_the_model_type_and_let_an_unknown_one_pass(
    name: str, model_type: str | None, refused: bool
) -> None:
    why = library.why_not(name, _with_type(model_type))
    assert (why is not None) == refused
    assert why is None or why.startswith(f"{model_type}: ")


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"task": "classification"}, True),
        ({"task": ["summarization", "classification"]}, True),
        ({"task": "summarization"}, False),
        ({"family": "sequence_classification", "model_type": "bert"}, True),
        ({"family": "causal", "model_type": "bert"}, False),
        ({"family": "sequence_classification", "model_type": "t5"}, False),
        ({}, True),
    ],
)
def test_every_key_of_a_rule_must_fit(rule: dict[str, Any], fits: bool) -> None:
    assert library.Rule(**rule, why="a test").fits(_config()) == fits


# --- lookup ----------------------------------------------------------------------------------------------------------


def test_a_method_of_the_suite_wins_over_the_librarys() -> None:
    own = load_suite("summarization").methods("tiny")["lora"]["config"]
    assert own != library.entry("lora").table["config"]
    assert _config("summarization", method="lora").method.config == own  # type: ignore[union-attr]


def test_the_library_wins_over_installed_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "installed", lambda: {"dora": "nowhere:Dora"})
    assert _config(method="dora").method.kind == "peft"


def test_an_installed_method_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "installed", lambda: {"mine": "bench.methods.freezing:Full"})
    config = _config(method="mine")
    assert config.method_name == "mine"
    assert isinstance(config.method, PluginMethod)
    assert config.method.use == "bench.methods.freezing:Full"
    assert config.method.sha256


def test_a_users_file_goes_by_its_class_and_is_hashed(tmp_path: Path) -> None:
    file = tmp_path / "my_method.py"
    file.write_text(PLUGIN, encoding="utf-8")
    first = _config(method=f"{file}:Mine")
    assert first.method_name == "Mine"
    file.write_text(PLUGIN + "\n# another version\n", encoding="utf-8")
    assert _config(method=f"{file}:Mine").key != first.key


def test_reasons_for_the_suites_own_method_do_not_stand_beside_another() -> None:
    assert "method.config" in _config("summarization", "documented").chosen
    chosen = _config("summarization", "documented", "dora").chosen
    assert "method.config" not in chosen
    assert "training.scheduler" in chosen
    assert "training.learning_rate" not in _config("imdb", "offline", "dora").chosen


def test_error_a_method_that_is_nowhere() -> None:
    with pytest.raises(InputError, match=r"method 'adallora' is not known; did you mean 'adalora'\?; one of your own"):
        _config(method="adallora")


# --- bench list ------------------------------------------------------------------------------------------------------


def _list(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["list", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_list_methods_shows_the_library_with_its_papers() -> None:
    rows = {row["method"]: row for row in _list("methods")}
    assert set(rows) >= set(WANTED)
    assert "2106.09685" in rows["lora"]["paper"]


def test_list_methods_of_a_suite_says_where_each_is_from_and_why_it_does_not_apply() -> None:
    rows = {row["method"]: row for row in _list("--methods", "--suite", "suites/gulliver")}
    assert rows == {row["method"]: row for row in _list("methods", "--suite", "suites/gulliver")}
    assert set(rows) == set(WANTED)
    assert rows["full"]["from"] == "suite, default of documented, tiny"
    assert rows["dora"]["from"] == "library"
    assert rows["dora"]["applies"] == dict.fromkeys(("documented", "offline", "tiny"))
    assert rows["bitfit"]["applies"] == {
        "documented": None,
        "offline": "llama: its layers have no biases",
        "tiny": None,
    }
    assert set(_list("methods", "--suite", "gulliver", "--profile", "tiny")[0]["applies"]) == {"tiny"}


def test_list_methods_as_a_table_groups_profiles_by_reason() -> None:
    result = CliRunner().invoke(app, ["list", "--methods", "--suite", "gulliver"])
    assert "not in offline: llama: its layers" in result.output
    assert "not in documented, tiny: gpt2:" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("metrics", "--methods"), "bench list metrics --methods: give one of the two"),
        (("metrics", "--suite", "imdb"), "use bench list methods"),
        (("methods", "--profile", "tiny"), "give the suite too"),
        (("methods", "--suite", "imdb", "--profile", "tinny"), "did you mean 'tiny'?"),
    ],
)
def test_error_list(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["list", *arguments])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
