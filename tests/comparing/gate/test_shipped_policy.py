"""The policy that comes with bench, on the baselines that come with it: what it lets pass, and what it does not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from from_baseline import lose, runs_of

from bench.comparing.gate import gate, load_policy
from bench.core.builtin import builtin_root
from bench.records.store import Store
from bench.suites.resolve import load_suite, resolve

ROOT = builtin_root("baselines")
CLASSIFIERS = ("imdb/tiny/freeze_attention", "sentiment_sst2/tiny/frozen_body")


def policy_for(root: Path, name: str) -> Path:
    """Write the shipped policy of one suite alone."""
    tables = tomllib.loads((ROOT / "policy.toml").read_text(encoding="utf-8"))
    suite = name.split("/", 1)[0]
    tables["suites"] = {suite: tables["suites"][suite]}
    path = root / "policy.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


def names() -> list[str]:
    policy = load_policy(ROOT / "policy.toml")
    return [
        f"{suite}/{policy.profile}/{load_suite(f'suites/{suite}').default_method(policy.profile)}"
        for suite in policy.suites
    ]


@pytest.mark.parametrize("name", names())
def test_the_same_results_on_three_of_the_five_seeds_pass(tmp_path: Path, name: str) -> None:
    runs_of(tmp_path / "runs", name, seeds=(0, 1, 2))
    verdict = gate(runs_root=tmp_path / "runs", baselines_root=ROOT, policy=policy_for(tmp_path, name))
    assert verdict.exit_code == 0, [row.reason for row in verdict.rows]
    assert {row.drop for row in verdict.rows if row.kind == "metric"} == {0.0}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("seeds", [(0, 1, 2), (0, 1, 2, 3, 4)])
def test_a_planted_drop_of_five_points_does_not_pass(tmp_path: Path, name: str, seeds: tuple[int, ...]) -> None:
    runs_of(tmp_path / "runs", name, seeds=seeds, change=lose(20))
    verdict = gate(runs_root=tmp_path / "runs", baselines_root=ROOT, policy=policy_for(tmp_path, name))
    accuracy = next(row for row in verdict.rows if row.name == "accuracy")
    assert accuracy.drop == pytest.approx(0.05)
    assert (verdict.exit_code, accuracy.outcome) == (1, "regression"), accuracy.reason


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_other_instructions_of_a_processor_move_passes(tmp_path: Path, name: str) -> None:
    runs_of(tmp_path / "runs", name, seeds=(0, 1, 2), change=lose(1))
    verdict = gate(runs_root=tmp_path / "runs", baselines_root=ROOT, policy=policy_for(tmp_path, name))
    assert verdict.exit_code == 0, [row.reason for row in verdict.rows]


def test_the_baselines_of_the_policy_are_of_the_suites_as_they_are() -> None:
    store = Store(roots=[ROOT])
    for name in names():
        suite, profile, method = name.split("/")
        assert (
            store.locate_baseline(name).baseline.config_key
            == resolve(load_suite(f"suites/{suite}"), profile=profile, method=method).key
        )
