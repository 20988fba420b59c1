"""Verdict -> a table, Markdown, JSON and JUnit XML. Pure, but for `append_text`."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bench.comparing.gate.verdict import EXIT_CODES, GateRow, Verdict
from bench.core.errors import InputError
from bench.core.files import canonical_json
from bench.core.wording import plural
from bench.reports.format import cell, code, count, interval, number, seconds, size, table
from bench.reports.gate_words import in_words

WHY_CHARACTERS: Final = 2000
"""Of a line beside the table of Markdown."""
HEADERS: Final = ("suite", "what", "tier", "run", "baseline", "drop", "limit", "noise", "verdict", "why")


def cells(row: GateRow) -> tuple[str, ...]:
    """Return one row as text, a cell for each of `HEADERS`, unescaped."""
    if row.kind == "cost":
        values = [_cost(row.run, row.unit), _cost(row.baseline, row.unit)]
        drop = "—" if row.drop is None else f"× {number(row.drop)}"
        limit = f"× {row.margin:g}"
    else:
        values = ["—" if value is None else number(value, row.unit) for value in (row.run, row.baseline)]
        drop, limit = _drop(row), "—" if row.margin is None else number(row.margin, row.unit)
    noise = "—" if row.noise is None else number(row.noise, row.unit)
    arrow = "" if row.kind == "suite" else " ↑" if row.higher_is_better else " ↓"
    tier = row.tier if row.decides else f"{row.tier}, decides nothing" if row.tier != "advisory" else row.tier
    verdict = f"{row.outcome}, too good" if row.too_good else row.outcome
    where = f"{row.suite}, {row.method}" if row.method else row.suite
    return (where, f"{row.name}{arrow}", tier, *values, drop, limit, noise, verdict, row.reason)


def _drop(row: GateRow) -> str:
    if row.drop is None:
        return "—"
    if row.low is None or row.high is None:
        return f"{number(row.drop, row.unit, signed=True)} [no ends]"
    return f"{number(row.drop, row.unit, signed=True)} {interval(row.low, row.high, row.unit, signed=True)}"


def _cost(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    return {"bytes": size, "s": seconds}.get(unit, count)(value)


def summary(verdict: Verdict) -> str:
    """Return the total in one line: `regression (exit 1): 1 regression, 4 pass of 5 rows that decide`."""
    deciding = Counter(row.outcome for row in verdict.rows if row.decides)
    counts = ", ".join(f"{deciding[outcome]} {outcome}" for outcome in EXIT_CODES if deciding[outcome])
    rows = f"{counts} of {plural(deciding.total(), 'row')} that decide" if counts else "no row decides"
    return f"{verdict.outcome} (exit {verdict.exit_code}): {rows}"


def method_note(verdict: Verdict) -> str:
    """Return what the intervals and verdicts of the table mean, in two sentences."""
    policy = verdict.policy
    return (
        f"A drop is the baseline minus the run in the harmful direction, with its {policy.confidence:.0%} interval "
        f"over seeds and examples, as far as there are several. Either end is a one-sided test at {policy.alpha:g}; a "
        f"regression also holds after {policy.correction} correction over all rows that could call one."
    )


def origin_lines(verdict: Verdict) -> list[str]:
    """Return a line for each suite: config key, seeds, commit and versions of the run and of the baseline."""
    lines = []
    for origins in verdict.origins:
        sides = [f"{name} {side}" for name, side in (("run", origins.run), ("baseline", origins.baseline)) if side]
        others = f"; libraries that differ: {', '.join(origins.other_packages)}" if origins.other_packages else ""
        lines.append(f"{origins.suite}, {origins.method}: {'; '.join(sides)}{others}")
    return lines


def why_lines(verdict: Verdict) -> list[str]:
    """Return a line in plain words for each row that is no pass: what moved, what differs, and which rows broke."""
    return [
        f"{row.suite}{f', {row.method}' if row.method else ''}, {row.outcome}: {in_words(row)}"
        for row in verdict.rows
        if row.decides and row.outcome != "pass"
    ]


def markdown(verdict: Verdict) -> str:
    """Return the verdict as GitHub Markdown, ready for the summary of a CI step."""
    rows = [[cell(text) for text in cells(row)] for row in verdict.rows]
    why = [f"- {cell(line, max_characters=WHY_CHARACTERS)}" for line in why_lines(verdict)]
    besides = [
        f"- {cell(line, max_characters=WHY_CHARACTERS)}"
        for line in (*origin_lines(verdict), *verdict.notes, *verdict.failures)
    ]
    return "\n\n".join(
        [
            f"## bench gate: {summary(verdict)}",
            *(["\n".join(why)] if why else []),
            table(HEADERS, rows),
            *(["\n".join(besides)] if besides else []),
            f"{method_note(verdict)} Policy: {code(verdict.policy_path)}, profile {code(verdict.policy.profile)}.\n",
        ]
    )


def json_text(verdict: Verdict) -> str:
    """Return the verdict as canonical JSON, numbers at full precision."""
    values: dict[str, Any] = {
        "outcome": verdict.outcome,
        "exit_code": verdict.exit_code,
        "policy_path": verdict.policy_path,
        "policy": verdict.policy.model_dump(mode="json"),
        "rows": [dataclasses.asdict(row) | {"in_words": in_words(row)} for row in verdict.rows],
        "origins": [dataclasses.asdict(origins) for origins in verdict.origins],
        "notes": list(verdict.notes),
        "stopping": None if verdict.stopping is None else dataclasses.asdict(verdict.stopping),
        "failures": list(verdict.failures),
    }
    return canonical_json(values)


def junit(verdict: Verdict) -> str:
    """Return the verdict as JUnit XML: one test case a row, and what is known besides as output.

    A regression, or an inconclusive row that stands in the way, is a failure of that type; what is missing or not
    comparable is an error; what decides nothing is skipped. So a reader of JUnit sees green exactly where the exit code
    is 0.
    """
    root = ET.Element("testsuites", name="bench gate")
    for suite in dict.fromkeys(row.suite for row in verdict.rows):
        element = ET.SubElement(root, "testsuite", name=suite)
        tags = Counter(_add_case(element, row) for row in verdict.rows if row.suite == suite)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(attribute, str(tags[tag]))
        element.set("tests", str(tags.total()))
    besides = [*origin_lines(verdict), *verdict.notes, *verdict.failures]
    if besides and len(root):
        ET.SubElement(root[0], "system-out").text = "\n".join(besides)
    if not any(row.decides for row in verdict.rows):
        element = ET.SubElement(root, "testsuite", name="bench gate", tests="1", failures="0", errors="1", skipped="0")
        case = ET.SubElement(element, "testcase", classname="bench gate", name="evidence")
        ET.SubElement(case, "error", type=verdict.outcome, message="no row decides")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_case(suite: ET.Element, row: GateRow) -> str:
    """Add the test case of a row, and return the tag of its result (empty for a pass)."""
    case = ET.SubElement(suite, "testcase", classname=f"{row.suite}.{row.method}".rstrip("."), name=row.name)
    tag = _tag(row)
    if tag:
        result = ET.SubElement(case, tag, message=row.reason if tag == "skipped" else in_words(row))
        if tag != "skipped":
            result.set("type", row.outcome)
        result.text = ", ".join(f"{header}: {text}" for header, text in zip(HEADERS, cells(row), strict=True))
    return tag


def _tag(row: GateRow) -> str:
    if not row.decides or row.is_tolerated:
        return "skipped"
    if row.outcome in ("regression", "inconclusive"):
        return "failure"
    return "" if row.outcome == "pass" else "error"


def append_text(path: Path, text: str) -> None:
    """Add text to the end of a file, as the summary file of a CI step wants it.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error})") from None
