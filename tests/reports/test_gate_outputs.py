"""The verdict as Markdown, JSON and JUnit XML: the same rows, and green exactly where the exit code is 0."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from bench.comparing.gate.policy import Policy
from bench.comparing.gate.verdict import GateOutcome, GateRow, Verdict
from bench.core.errors import InputError
from bench.reports.gate import HEADERS, append_text, cells, json_text, junit, markdown, summary


def row_of(outcome: GateOutcome = "pass", **changes: Any) -> GateRow:
    values: dict[str, Any] = {
        "suite": "sentiment_sst2",
        "method": "frozen_body",
        "kind": "metric",
        "name": "accuracy",
        "tier": "critical",
        "decides": True,
        "reason": "the whole interval | is <within> the margin",
        "unit": "fraction",
        "run": 0.88,
        "baseline": 0.9,
        "margin": 0.05,
        "drop": 0.02,
        "low": 0.01,
        "high": 0.03,
    }
    return GateRow(outcome=outcome, **{**values, **changes})


def verdict_of(*rows: GateRow) -> Verdict:
    suites = {"sentiment_sst2": {"metrics": {"accuracy": {"tier": "critical", "max_drop": 0.05}}}}
    policy = Policy.model_validate({"profile": "tiny", "suites": suites})
    return Verdict(policy=policy, policy_path="baselines/policy.toml", rows=rows)


COST = row_of(kind="cost", name="max_size_ratio", unit="bytes", run=2.4e6, baseline=2e6, drop=1.2, margin=1.5)
VERDICTS = {
    "pass": verdict_of(row_of(), COST),
    "regression": verdict_of(row_of("regression"), row_of("missing", decides=False, kind="suite", name="evidence")),
    "inconclusive": verdict_of(row_of("inconclusive", low=None, high=None)),
    "tolerated": verdict_of(row_of(), row_of("inconclusive", tier="supporting")),
    "advisory": verdict_of(row_of(), row_of("regression", tier="advisory", decides=False)),
    "missing": verdict_of(row_of("missing", kind="suite", name="evidence", run=None, baseline=None, drop=None)),
    "not comparable": verdict_of(row_of("not comparable", run=None, drop=None)),
    "nothing": verdict_of(),
    "nothing decides": verdict_of(row_of("shown", tier="advisory", decides=False, margin=None)),
}
each = pytest.mark.parametrize("verdict", VERDICTS.values(), ids=VERDICTS.keys())


@each
def test_junit_is_green_exactly_where_the_exit_code_is_0(verdict: Verdict) -> None:
    root = ET.fromstring(junit(verdict))  # noqa: S314 - our own text
    bad = len(root.findall(".//failure")) + len(root.findall(".//error"))
    assert (bad == 0) == (verdict.exit_code == 0)
    for suite in root:
        counted = {name: len(suite.findall(f".//{name}")) for name in ("testcase", "failure", "error", "skipped")}
        attributes = [int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")]
        assert list(counted.values()) == attributes


@each
def test_markdown_has_a_line_a_row_and_the_total(verdict: Verdict) -> None:
    text = markdown(verdict)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(verdict.rows)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert text.startswith(f"## bench gate: {verdict.outcome} (exit {verdict.exit_code})")
    assert text.endswith("\n")


@each
def test_json_holds_everything(verdict: Verdict) -> None:
    values = json.loads(json_text(verdict))
    assert (values["outcome"], values["exit_code"]) == (verdict.outcome, verdict.exit_code)
    assert [row["outcome"] for row in values["rows"]] == [row.outcome for row in verdict.rows]
    assert Policy.model_validate(values["policy"]) == verdict.policy
    assert json_text(verdict) == json_text(verdict)


def test_kinds_of_test_results() -> None:
    verdict = verdict_of(
        row_of(),
        row_of("regression", name="f1"),
        row_of("inconclusive", name="loss"),
        row_of("not comparable", name="recall"),
        row_of("regression", name="precision", tier="advisory", decides=False),
    )
    root = ET.fromstring(junit(verdict))  # noqa: S314 - our own text
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    results = {name: [(result.tag, result.get("type")) for result in case] for name, case in cases.items()}
    assert results == {
        "accuracy": [],
        "f1": [("failure", "regression")],
        "loss": [("failure", "inconclusive")],
        "recall": [("error", "not comparable")],
        "precision": [("skipped", None)],
    }
    assert cases["f1"].attrib["classname"] == "sentiment_sst2.frozen_body"
    assert cases["f1"][0].attrib["message"] == "f1 fell from 0.900 to 0.880 (allowed: 0.050)"
    assert "the whole interval | is <within> the margin" in str(cases["f1"][0].text)


def test_cells_of_a_metric_and_of_a_cost() -> None:
    shown = dict(zip(HEADERS, cells(row_of(noise=0.004)), strict=True))
    assert shown["drop"] == "+0.020 [+0.010, +0.030]"
    assert (shown["what"], shown["limit"], shown["noise"]) == ("accuracy ↑", "0.050", "0.004")
    shown = dict(zip(HEADERS, cells(COST), strict=True))
    assert (shown["run"], shown["baseline"], shown["drop"], shown["limit"]) == ("2.4 MB", "2.0 MB", "× 1.200", "× 1.5")
    assert "regression" in cells(row_of("regression", tier="advisory", decides=False))
    assert "pass, too good" in cells(row_of(too_good=True))


def test_the_summary_counts_rows_that_decide() -> None:
    verdict = verdict_of(row_of(), row_of("regression"), row_of("regression", tier="advisory", decides=False))
    assert summary(verdict) == "regression (exit 1): 1 regression, 1 pass of 2 rows that decide"


def test_markdown_is_added_to_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "summary.md"
    append_text(path, "one\n")
    append_text(path, "two\n")
    assert path.read_text(encoding="utf-8") == "one\ntwo\n"
    with pytest.raises(InputError, match="cannot be written"):
        append_text(tmp_path, "text")
