"""What a report says in each case, and that no text from outside breaks its tables."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cells import lines
from factories import make_duel, make_record, write_cell
from reporting import assemble
from stored import write_suite

from bench.comparing.summary import RunSummary, summarize
from bench.records import baselines as baseline
from bench.records.making import from_runs
from bench.records.noise import MetricNoise, NoiseFloor
from bench.records.record import RunRecord
from bench.records.store import write_baseline, write_record
from bench.reports.format import MAX_CHARACTERS, cell
from bench.reports.run.generated import Generated, Judged
from bench.reports.run.markdown import render
from bench.reports.run.results import gate, measured_baseline, results, verdict
from bench.reports.run.samples import Sample, WriterSamples, choose


def baseline_of(folder: Path, *records: Any) -> baseline.Baseline:
    return from_runs(write_cell(folder, *records), reason="r")[0]


# --- verdict ---------------------------------------------------------------------------------------------------------


ONE = "the run stores no statistics per example of seed 0"


def compared(*values: float, **changes: Any) -> RunSummary:
    """Return the comparison of runs that came from 0.5 to these accuracies, without statistics."""
    return summarize([make_record(seed, scores__accuracy__value=v, **changes) for seed, v in enumerate(values)])


def test_an_improvement_is_said_with_its_interval(tmp_path: Path) -> None:
    runs = write_cell(tmp_path, make_record(0), make_record(1), make_record(2))
    assert verdict(assemble(runs)).startswith(
        "Fine-tuning made Accuracy **better**: 0.500 → 0.832, a change of +0.332 [+0.313, +0.492]; the interval is "
        "away from zero (95 % interval over 3 seeds and 40 test rows). "
    )
    assert "(95 % interval over 40 test rows, 1 seed). " in verdict(assemble(runs[:1]))


def test_without_an_interval_no_direction_is_claimed() -> None:
    assert verdict(summarize([make_record()])) == (
        "Fine-tuning moved Accuracy, and **how sure that is cannot be said**: 0.500 → 0.830, a change of +0.330; "
        f"{ONE}; and there are too few seeds, or too equal ones, for an interval over seeds. "
        "No measured baseline is stored to compare it with."
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.30, 0.32, 0.31), "made Accuracy **worse**"),
        ((0.49, 0.52, 0.50), "moved Accuracy **too little to tell**"),
        ((0.70, 0.72, 0.71), "made Accuracy **better**"),
    ],
)
def test_direction_and_doubt_are_told_apart(values: tuple[float, ...], said: str) -> None:
    assert said in verdict(compared(*values))
    assert "(95 % interval over 3 seeds). " in verdict(compared(*values))


def test_a_falling_loss_is_better() -> None:
    records = [make_record(seed, config__primary_metric="loss") for seed in range(3)]
    assert "Fine-tuning made Loss **better**: 0.690 → 0.398 nats per token" in verdict(summarize(records))


def test_the_baseline_is_equal_better_or_incomparable(tmp_path: Path) -> None:
    stored = baseline_of(tmp_path, make_record(0), make_record(1))
    same = verdict(summarize([make_record(0), make_record(1)], baseline=stored))
    assert same.endswith("Against the measured baseline of 2 seeds: **equal**, to the last digit of every seed.")
    high = [make_record(seed, scores__accuracy__value=0.95 + 0.001 * seed) for seed in range(2)]
    better = verdict(summarize(high, baseline=stored))
    assert "2 seeds: **better** (the interval of the difference is away from zero), difference +0.119 [" in better
    one = verdict(summarize([make_record(0)], baseline=baseline_of(tmp_path, make_record(1))))
    assert one.endswith("compared by value alone, for nothing that is stored gives an interval, difference -0.002.")
    other = summarize([make_record(config__training__epochs=5)], baseline=stored)
    assert verdict(other).endswith("The stored baseline is **incomparable**: `training.epochs` differs.")
    text = render(other)
    assert "| `training.epochs` | 5" in text
    assert "None is stored" not in text
    assert "these runs are" not in text


# --- evidence --------------------------------------------------------------------------------------------------------


def blocks(comparison: RunSummary) -> str:
    return "\n\n".join((*results(comparison), *measured_baseline(comparison)))


def test_brackets_say_what_they_cover(tmp_path: Path) -> None:
    runs = write_cell(tmp_path, make_record(0), make_record(1), make_record(2))
    covers = {
        "Change: 95 % interval over seeds and examples; p is two-sided, for no difference, adjusted by Holm over 3 "
        "metrics.": assemble(runs),
        "Change: 95 % interval over examples, which leaves out the choice of seeds; p": assemble(runs[:1]),
        "Change: 95 % interval over seeds, which leaves out the choice of examples; p": compared(0.8, 0.7),
        "Change: nothing that is stored gives an interval.": compared(0.8),
    }
    for sentence, comparison in covers.items():
        assert sentence in blocks(comparison)
        assert ("Not all brackets" in blocks(comparison)) == (ONE in blocks(comparison))


def test_a_metric_without_evidence_is_named(tmp_path: Path) -> None:
    record = make_record(scores__f1__value=0.1)  # its statistics, which are another run's, give 0.82
    runs = write_cell(tmp_path, make_record())
    write_record(runs[0], record)
    text = blocks(assemble(runs))
    assert "\n- F1: the run, seed 0: the statistics per example give 0.82 and the record says 0.1" in text
    assert lines(text.splitlines())[2][3:5] == ["-0.350", "—"]


def test_scores_carry_their_spread_and_single_numbers_their_interval() -> None:
    row = lines(results(compared(0.80, 0.82, 0.84)))[1]
    assert row[:3] == ["**Accuracy ↑**", "0.500 [0.475, 0.525]", "0.820 ± 0.020"]


def test_the_noise_floor_stands_beside_the_difference(tmp_path: Path) -> None:
    stored = baseline_of(tmp_path, make_record(0), make_record(1))
    plain = summarize([make_record(2)], baseline=stored)
    assert "No noise floor is stored with the baseline" in blocks(plain)
    floor = NoiseFloor(
        metrics={"accuracy": MetricNoise(device=0.0, seeds=0.012), "f1": MetricNoise(device=0.001)},
        n_repeats=3, n_seeds=5, device="cpu", bitwise=False,
    )  # fmt: skip
    noisy = summarize([make_record(2)], baseline=stored.model_copy(update={"noise": floor}))
    found = lines(measured_baseline(noisy))
    assert found[0][-2:] == ["device noise", "seed noise"]
    assert [row[-2:] for row in found[1:]] == [["0.000", "0.012"], ["0.001", "—"], ["—", "—"]]
    assert "on cpu: device noise is how far apart the scores of 3 runs of one seed lie (not bitwise equal)" in blocks(
        noisy
    )


def test_who_made_the_baseline_and_what_was_allowed_is_said(tmp_path: Path) -> None:
    made = {"promoted_by": "A. Person", "promoted_from_commit": "c" * 40, "waived": ("the tree was dirty",)}
    stored = baseline_of(tmp_path, make_record()).model_copy(update=made)
    text = blocks(summarize([make_record()], baseline=stored))
    assert "by A. Person from commit `cccccccccccc`. Reason: r Allowed: the tree was dirty." in text


def test_an_incomparable_metric_keeps_its_row(tmp_path: Path) -> None:
    stored = baseline_of(tmp_path, make_record(0), make_record(1))
    other = [make_record(seed, scores__f1__signature="f1|v:2") for seed in range(2)]
    found = lines(measured_baseline(summarize(other, baseline=stored)))
    assert found[2][-1] == "incomparable: `metrics.f1.signature`"
    assert found[1][-1] == "identical"


# --- gate ------------------------------------------------------------------------------------------------------------


LIMITS = {"profile": "documented", "min_seeds": 2, "suites": {"sentiment_sst2": {"metrics": {
    "accuracy": {"tier": "critical", "max_drop": 0.1}}}}}  # fmt: skip


def gated(tmp_path: Path, policy: dict[str, Any], *values: float) -> RunSummary:
    """Return the comparison of runs with a baseline of 0.83, under a policy."""
    roots = [tmp_path / "baselines"]
    write_baseline(
        *from_runs(write_cell(tmp_path / "earlier", make_record(0), make_record(1)), reason="r"), root=roots[0]
    )
    (roots[0] / "policy.toml").write_text(tomli_w.dumps(policy), encoding="utf-8")
    runs = write_cell(tmp_path / "runs", *(make_record(i, scores__accuracy__value=v) for i, v in enumerate(values)))
    return assemble(runs, roots=roots)


@pytest.mark.parametrize(
    ("values", "outcome"), [((0.83, 0.832), "pass"), ((0.4, 0.402), "regression"), ((0.83,), "inconclusive")]
)
def test_the_gate_speaks_where_the_policy_names_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: tuple[float, ...], outcome: str
) -> None:
    write_suite(tmp_path, make_record().config)
    monkeypatch.chdir(tmp_path)
    text = "\n\n".join(gate(gated(tmp_path, LIMITS, *values)))
    assert text.startswith(f"**{outcome} (exit ")
    assert lines([text])[1][0] == "accuracy ↑"
    assert lines([text])[1][7] == outcome
    assert "Policy: `policy.toml`, profile `documented`." in text
    assert str(tmp_path) not in text


def test_the_gate_is_silent_elsewhere_and_says_where_a_policy_is_broken(tmp_path: Path) -> None:
    other = LIMITS | {"profile": "tiny"}
    assert list(gate(gated(tmp_path / "a", other, 0.83))) == []
    assert "## Gate" not in render(gated(tmp_path / "b", other, 0.83))
    (said,) = gate(gated(tmp_path / "c", LIMITS | {"alfa": 0.05}, 0.83))
    assert said.startswith("The policy can say nothing of these runs: ")
    assert "alfa is not a known key" in said


# --- safe text -------------------------------------------------------------------------------------------------------


def test_sections_without_content_are_left_out() -> None:
    text = render(summarize([make_record(config__chosen={})]))
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What ran", "Results", "Measured baseline", "Documented claims", "Parameters", "Cost", "Soundness",
        "Metric signatures", "Provenance", "Run it again",
    ]  # fmt: skip
    assert "No claims are written down for this suite." in text
    assert "None is stored for this suite" in text


def test_a_table_row_never_breaks() -> None:
    nasty = "a | b\nc `d` <b>*e*</b> [f](g) $h$ # & \\ _i_"
    record = make_record(config__title=nasty, environment__device=nasty, config__chosen={"task.kind": nasty})
    samples = [Sample(id="`|`", input=nasty, reference=nasty, before="", after=nasty, right=None)]
    text = render(summarize([record]), samples=samples, figure="f.svg")
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
    generated = Generated(judged=judged, pairs=(WriterSamples(name="after 1", texts=(nasty, "x")),))
    text = render(summarize([RunRecord.model_validate(values)]), generated=generated)
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


def test_a_page_says_where_its_seeds_were_made_by_different_code() -> None:
    records = [make_record(0), make_record(1), make_record(2, environment__commit="f" * 40)]
    text = render(summarize(records))
    said = "These seeds were made by different code, and every mean below mixes them: commit ccccccc for seeds 0, 1 and"
    assert said in text
    assert said not in render(summarize(records[:2]))


def test_what_metrics_noted_is_said_once() -> None:
    records = []
    for seed in range(2):
        values = make_record(seed).model_dump(mode="json")
        for score in values["scores"].values():
            score["notes"] = [{"text": f"drops {n} of 40 letters | here", "count": n, "of": 40} for n in (1, seed + 1)]
        records.append(RunRecord.model_validate(values))
    names = ", ".join(records[0].scores)
    expected = "".join(f"\n- {names}: drops {n} of 40 letters \\| here" for n in (1, 2))
    assert f"## Notes on the scores\n{expected}\n\n" in render(summarize(records))
    assert "Notes on the scores" not in render(summarize([make_record()]))
