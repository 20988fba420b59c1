"""Policies: every name and limit is checked, and a fault names its field."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench.comparing.gate.policy import MetricPolicy, find_policy, load_policy, parse_policy
from bench.core.builtin import builtin_root
from bench.core.errors import InputError
from bench.suites.resolve import builtin_suites, load_suite, resolve

SHIPPED = builtin_root("baselines") / "policy.toml"
GOOD = """
profile = "tiny"
[suites.sentiment_sst2.metrics]
accuracy = { tier = "critical", max_drop = 0.1 }
"""


def parsed(text: str) -> Any:
    return parse_policy(tomllib.loads(text), place="policy.toml")


def test_defaults() -> None:
    policy = parsed(GOOD)
    assert (policy.alpha, policy.correction, policy.too_good) == (0.05, "holm", None)
    assert (policy.min_seeds, policy.min_examples) == (3, 30)
    assert policy.confidence == pytest.approx(0.9)
    assert policy.suites["sentiment_sst2"].required


@pytest.mark.parametrize(
    ("absolute", "relative", "margin"),
    [(0.1, None, 0.1), (None, 0.25, 0.2), (0.1, 0.25, 0.1), (0.3, 0.25, 0.2), (None, None, None)],
)
def test_the_stricter_limit_is_the_margin(absolute: float | None, relative: float | None, margin: float | None) -> None:
    limits = MetricPolicy(tier="critical", max_drop=absolute, max_relative_drop=relative)
    assert limits.margin(0.8) == (None if margin is None else pytest.approx(margin))
    assert limits.margin(-0.8) == (None if margin is None else pytest.approx(margin))


SST2 = "suites.sentiment_sst2"
_ONE = f'profile = "tiny"\n[{SST2}.metrics]\naccuracy = '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("profile", "profil", 1), "profil is not a known key; did you mean 'profile'?"),
        ("alpha = 0.05", "profile is missing"),
        ('profile = "tiny"', "suites is missing"),
        ('profile = "tiny"\nsuites = {}', "suites: Dictionary should have at least 1 item"),
        (GOOD.replace("tiny", "tinny"), "profile: Input should be 'documented', 'offline' or 'tiny', got 'tinny'"),
        (GOOD.replace("sentiment_sst2", "sentiment_sst"), "suites.sentiment_sst is not a known suite; did you mean"),
        (GOOD.replace("accuracy", "acuracy"), f"{SST2}.metrics.acuracy is not a metric of the suite; did you mean"),
        (GOOD.replace("accuracy", "rouge1"), f"{SST2}.metrics.rouge1 is not a metric of the suite; allowed: accuracy"),
        (
            _ONE + '{ tier = "critical", max_dorp = 0.1 }',
            f"{SST2}.metrics.accuracy.max_dorp is not a known key; did you",
        ),
        (_ONE + "{ max_drop = 0.1 }", f"{SST2}.metrics.accuracy.tier is missing"),
        (_ONE + '{ tier = "vital", max_drop = 0.1 }', f"{SST2}.metrics.accuracy.tier: Input should be 'critical'"),
        (_ONE + '{ tier = "critical" }', f"{SST2}.metrics.accuracy.max_drop is missing, and so is max_relative_drop"),
        (_ONE + '{ tier = "supporting" }', f"{SST2}.metrics.accuracy.max_drop is missing"),
        (_ONE + '{ tier = "critical", max_drop = -0.1 }', f"{SST2}.metrics.accuracy.max_drop: Input should be greater"),
        (_ONE + '{ tier = "critical", max_drop = nan }', f"{SST2}.metrics.accuracy.max_drop: Input should be a finite"),
        (_ONE + '{ tier = "critical", max_drop = true }', f"{SST2}.metrics.accuracy.max_drop: Input should be a valid"),
        (_ONE + '{ tier = "critical", max_drop = "1" }', f"{SST2}.metrics.accuracy.max_drop: Input should be a valid"),
        (_ONE + '{ tier = "critical", max_drop = 2 }', f"{SST2}.metrics.accuracy.max_drop = 2 can never be exceeded"),
        (
            _ONE + '{ tier = "critical", max_relative_drop = 1.0 }',
            "accuracy.max_relative_drop = 1 can never be exceeded",
        ),
        (_ONE + '{ tier = "critical", max_drop = 0.1, min_seeds = 0 }', f"{SST2}.metrics.accuracy.min_seeds: Input"),
        (_ONE + '{ tier = "critical", max_drop = 0.1, min_examples = 0 }', f"{SST2}.metrics.accuracy.min_examples: "),
        (_ONE + '{ tier = "advisory", max_drop = 0.1 }', f"{SST2} names nothing that decides"),
        (_ONE + '{ tier = "supporting", max_drop = 0.1 }', f"{SST2} names nothing that decides"),
        (f'profile = "tiny"\n[{SST2}]\nrequired = true', f"{SST2} names nothing that decides"),
        (f"alpha = 0.0{GOOD}", "alpha: Input should be greater than 0, got 0.0"),
        (f"alpha = 0.5{GOOD}", "alpha: Input should be less than 0.5, got 0.5"),
        (f"min_seeds = 0{GOOD}", "min_seeds: Input should be greater than or equal to 1"),
        (f"min_examples = 0{GOOD}", "min_examples: Input should be greater than or equal to 1"),
        (f"min_exmaples = 9{GOOD}", "min_exmaples is not a known key; did you mean 'min_examples'?"),
        (f"too_good = 0.0{GOOD}", "too_good: Input should be greater than 0"),
        (f'correction = "bonferroni"{GOOD}', "correction: Input should be 'holm', 'benjamini-hochberg' or 'none'"),
        (f'allow = ["comit"]{GOOD}', "allow.0: Input should be 'config', 'commit', 'version', 'dirty' or 'mixed'"),
        (GOOD + f"[{SST2}.cost]\nmax_time_ratio = 0.9", f"{SST2}.cost.max_time_ratio: Input should be greater"),
        (GOOD + f"[{SST2}.cost]\nmax_times = 2", f"{SST2}.cost.max_times is not a known key; did you mean 'max_time_r"),
        (GOOD + f'[{SST2}]\nmethod = "frozen_boby"', f"{SST2}.method: 'frozen_boby' is not a method of the suite; did"),
        (GOOD + f"[{SST2}]\nrequierd = true", f"{SST2}.requierd is not a known key; did you mean 'required'?"),
    ],
)
def test_a_fault_names_its_field(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert str(caught.value).startswith("policy.toml: ")
    assert message in str(caught.value)


def test_a_rise_of_more_than_the_value_is_a_limit_where_lower_is_better() -> None:
    limits = '[suites.sentiment_sst2.metrics.loss]\ntier = "advisory"\nmax_relative_drop = 1.5\nmax_drop = 9.0'
    assert parsed(GOOD + limits).suites["sentiment_sst2"].metrics["loss"].margin(2.0) == 3.0


@pytest.mark.parametrize("content", [None, b"profile = ", b"\xff"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as TOML"):
        load_policy(path)


def test_a_suite_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "suites" / "sentiment_sst2" / "suite.toml"
    file.parent.mkdir(parents=True)
    file.write_text("methods = [", encoding="utf-8")
    with pytest.raises(InputError, match=r"suites\.sentiment_sst2 cannot be read: .*suite\.toml"):
        parsed(GOOD)


def test_a_policy_is_found_in_the_first_folder_that_has_one(tmp_path: Path) -> None:
    assert find_policy([tmp_path, SHIPPED.parent]) == SHIPPED
    with pytest.raises(InputError, match=r"there is no policy at .*--policy FILE"):
        find_policy([tmp_path])


def test_the_shipped_policy_holds_every_suite_to_its_primary_metric() -> None:
    policy = load_policy(SHIPPED)
    assert sorted(policy.suites) == builtin_suites()
    for name, suite in policy.suites.items():
        config = resolve(load_suite(f"suites/{name}"), profile=policy.profile)
        assert suite.metrics[config.primary_metric].tier == "critical"
        assert suite.required
