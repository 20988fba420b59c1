"""Small cases with their verdicts, as data: stored files in, outcome of each row and exit code out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from stored import SUITE, store

from bench.comparing.gate import gate
from bench.core.errors import InputError

CASES = tomllib.loads(Path(__file__).with_name("golden_verdicts.toml").read_text(encoding="utf-8"))["case"]
_SIDE = {"accuracy": [0.90, 0.91, 0.89]}


def _policy_of(case: dict[str, Any]) -> dict[str, Any]:
    given = case.get("policy", {})
    metrics = {"accuracy": {"max_drop": 0.05}} | {key: given[key] for key in ("accuracy", "loss") if key in given}
    metrics = {name: {"tier": "critical"} | limits for name, limits in metrics.items() if limits is not False}
    suite = {key: given[key] for key in ("required", "cost", "primary") if key in given}
    top = {key: given[key] for key in ("too_good", "min_examples", "max_leak") if key in given}
    if "suite_max_leak" in given:
        suite["max_leak"] = given["suite_max_leak"]
    return {"profile": "tiny", **top, "suites": {SUITE: {**suite, "metrics": metrics}}}


def _side_of(case: dict[str, Any], name: str) -> dict[str, Any] | None:
    return None if case.get(name) is False else _SIDE | case.get(name, {})


def test_there_are_enough_cases_and_each_is_named_once() -> None:
    assert len(CASES) >= 40
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert {case["exit"] for case in CASES} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]) -> None:
    monkeypatch.chdir(tmp_path)
    store(tmp_path, run=_side_of(case, "run"), baseline=_side_of(case, "baseline"), policy=_policy_of(case))
    folders = {"runs_root": tmp_path / "runs", "baselines_root": tmp_path / "baselines"}
    if case["exit"] == 2:
        with pytest.raises(InputError) as caught:
            gate(**folders)
        assert case["reason"] in str(caught.value)
        return
    verdict = gate(**folders)
    assert {row.name: row.outcome for row in verdict.rows} == case["rows"], [row.reason for row in verdict.rows]
    assert verdict.exit_code == case["exit"]
    reasons = " ".join(row.reason for row in verdict.rows)
    assert case.get("reason", "") in reasons
    assert "unsaid" not in case or case["unsaid"] not in reasons
