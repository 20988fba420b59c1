"""What a report says in each case, and that no text from outside breaks its tables."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from factories import make_duel, make_record, write_cell

from bench import baseline
from bench.compare import compare
from bench.record import RunRecord
from bench.report.generated import Generated, Judged
from bench.report.markdown import render, verdict
from bench.report.samples import MAX_CHARACTERS, Pair, Sample, cell, choose


def baseline_of(folder: Path, *records: Any) -> baseline.Baseline:
    return baseline.from_runs(write_cell(folder, *records), reason="r")[0]


# --- verdict ---------------------------------------------------------------------------------------------------------


def test_an_improvement_is_said_with_its_interval() -> None:
    assert verdict(compare([make_record()])) == (
        "Fine-tuning made Accuracy **better**: 0.500 → 0.830, a change of +0.330 [+0.300, +0.360]; the interval is "
        "away from zero (95 % interval over test rows, 1 seed). No measured baseline is stored to compare it with."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((-0.2, -0.3, -0.1), "**worse**"),
        ((0.01, -0.02, 0.04), "**too little to tell**"),
        ((0.2, 0.1, 0.3), "**better**"),
    ],
)
def test_direction_and_doubt_are_told_apart(change: tuple[float, float, float], said: str) -> None:
    value, low, high = change
    record = make_record(changes__accuracy__value=value, changes__accuracy__low=low, changes__accuracy__high=high)
    assert said in verdict(compare([record]))


def test_a_falling_loss_is_better() -> None:
    assert "Fine-tuning made Loss **better**: 0.690 → 0.400 nats per token" in verdict(
        compare([make_record(config__primary_metric="loss")])
    )


def test_the_baseline_is_equal_different_or_incomparable(tmp_path: Path) -> None:
    stored = baseline_of(tmp_path, make_record(0), make_record(1))
    same = verdict(compare([make_record(0), make_record(1)], baseline=stored))
    assert same.endswith("Against the measured baseline of 2 seeds: **equal**, to the last digit of every seed.")
    one = verdict(compare([make_record(2)], baseline=stored))
    assert "compared by value alone" in one
    assert one.endswith("difference +0.003.")
    other = compare([make_record(config__training__epochs=5)], baseline=stored)
    assert verdict(other).endswith("The stored baseline is **incomparable**: `training.epochs` differs.")
    text = render(other)
    assert "incomparable: `training.epochs`" in text
    assert "| `training.epochs` | 5" in text
    assert "none stored" not in text


def test_sections_without_content_are_left_out() -> None:
    text = render(compare([make_record(config__chosen={})]))
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What ran", "Results", "Documented claims", "Parameters", "Cost", "Soundness", "Metric signatures",
        "Provenance", "Run it again",
    ]  # fmt: skip
    assert "No claims are written down for this suite." in text
    assert "none stored" in text


def test_a_table_row_never_breaks() -> None:
    nasty = "a | b\nc `d` <b>*e*</b> [f](g) $h$ # & \\ _i_"
    record = make_record(config__title=nasty, environment__device=nasty, config__chosen={"task.kind": nasty})
    samples = [Sample(id="`|`", input=nasty, reference=nasty, before="", after=nasty, right=None)]
    text = render(compare([record]), samples=samples, figure="f.svg")
    check_tables(text)
    assert "<b>" not in text.replace("\\<b\\>", "")


def test_no_name_of_a_text_breaks_a_row() -> None:
    nasty = "a | <b>*e*</b>"
    record = make_duel()
    values = record.model_dump(mode="json")
    values["config"]["data"]["texts"] = dict(
        zip((nasty, "edgar"), values["config"]["data"]["texts"].values(), strict=True)
    )
    values["controls"] = {nasty: values["controls"]["held-out"]}
    values["data"]["splits"][f"control {nasty}"] = values["data"]["splits"]["test"]
    values["judge"] |= {"labels": [nasty, "edgar"], "others": {nasty: [0.5, 0.5]}}
    judged = Judged(before=((1, 0), (0, 1)), after=((1, 0), (0, 1)))
    generated = Generated(judged=judged, pairs=(Pair(name="after 1", texts=(nasty, "x")),))
    text = render(compare([RunRecord.model_validate(values)]), generated=generated)
    check_tables(text)
    assert "<b>" not in text.replace("\\<b\\>", "")


def check_tables(text: str) -> None:
    lines = text.splitlines()
    for table_line, following in pairwise(lines):
        if table_line.startswith("|") and following.startswith("|"):
            assert columns(table_line) == columns(following)


def columns(line: str) -> int:
    """Return how many cells GitHub sees: a pipe after a backslash does not part them."""
    return line.replace("\\\\", "").replace("\\|", "").count("|")


# --- samples ---------------------------------------------------------------------------------------------------------


def rows(*pairs: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"id": str(i), "input": "a text", "reference": r, "prediction": p} for i, (r, p) in enumerate(pairs)]


def test_labels_show_wrong_and_right_rows_by_name() -> None:
    after = rows(*[(1, 1)] * 5, *[(0, 1)] * 5)
    chosen = choose(rows(*[(1, 0)] * 10), after, ["no", "yes"])
    assert [(s.id, s.right) for s in chosen] == [
        ("5", False), ("6", False), ("7", False), ("0", True), ("1", True), ("2", True),
    ]  # fmt: skip
    assert (chosen[0].reference, chosen[0].before, chosen[0].after) == ("no", "no", "yes")


@pytest.mark.parametrize(
    ("n_wrong", "n_right", "expected"), [(0, 9, "rrrrrr"), (1, 9, "wrrrrr"), (9, 1, "wwwwwr"), (1, 1, "wr")]
)
def test_either_kind_fills_up_for_the_other(n_wrong: int, n_right: int, expected: str) -> None:
    after = rows(*[(0, 1)] * n_wrong, *[(1, 1)] * n_right)
    assert "".join("r" if s.right else "w" for s in choose(after, after, ["a", "b"])) == expected


def test_texts_are_the_first_rows() -> None:
    after = rows(*[("reference", f"text {i}") for i in range(9)])
    chosen = choose(after, after, [])
    assert [s.after for s in chosen] == [f"text {i}" for i in range(6)]
    assert {s.right for s in chosen} == {None}


def test_a_label_without_a_name_keeps_its_number() -> None:
    assert choose(rows((0, 7)), rows((0, 7)), ["only"])[0].after == "7"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", "*(empty)*"),
        (" \n ", "*(empty)*"),
        ("two\nlines\tand  spaces", "two lines and spaces"),
        ("a|b", "a\\|b"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("&lt;", "&amp;lt;"),
        ("*_`#~$[]{}\\", "\\*\\_\\`\\#\\~\\$\\[\\]\\{\\}\\\\"),
    ],
)
def test_text_is_made_plain(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_long_text_is_cut_at_a_word() -> None:
    shown = cell("word " * 200)
    assert len(shown) <= MAX_CHARACTERS
    assert shown.endswith("word…")
    assert cell("x" * 1000) == "x" * (MAX_CHARACTERS - 1) + "…"
