"""What a report says of generated texts: human text beside them, what was copied, the judge, and the samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cells import lines
from factories import judge_values, make_duel, make_imitation, make_record, score_values, write_cell
from reporting import assemble, stored_runs, write_report

from bench.comparing.summary import summarize
from bench.core.errors import InputError
from bench.reports.run.generated import Generated, Judged, Longest, confusion, human_text, memorised, read_generated
from bench.reports.run.markdown import render
from bench.reports.run.results import verdict
from bench.reports.run.samples import WriterSamples, choose, side_by_side
from bench.reports.run.style_duel import judge_section, pair_table

# --- human text ------------------------------------------------------------------------------------------------------


def test_human_text_stands_below_the_scores_it_places() -> None:
    found = list(human_text(summarize([make_imitation()])))
    assert lines(found) == [
        ["text", "Common tokens ↑", "Longest overlap ↓", "Copied 8-grams ↓"],
        ["before", "0.400 [0.375, 0.425]", "5.0 [5.0, 5.0]", "0.010 [-0.015, 0.035]"],
        ["after", "0.600 [0.575, 0.625]", "9.0 [9.0, 9.0]", "0.040 [0.015, 0.065]"],
        ["passages: held-out", "0.640 [0.615, 0.665]", "6.0 [6.0, 6.0]", "0.020 [-0.005, 0.045]"],
        ["passages: unrelated", "0.410 [0.385, 0.435]", "4.0 [4.0, 4.0]", "0.005 [-0.020, 0.030]"],
    ]


def test_passages_by_code_are_not_called_human() -> None:
    assert "(here by code that stands in for them)" in list(human_text(summarize([make_imitation()])))[-1]
    url = {"kind": "url", "url": "https://example.org/book.txt"}
    book = {"book": {"parts": [{"source": url}]}}
    record = make_imitation(config__data={"texts": book})
    assert list(human_text(summarize([record])))[-1].startswith("Passages by people, scored")


def test_a_metric_that_a_human_text_lacks_is_a_dash_and_one_that_none_has_is_left_out() -> None:
    some = {"common_token_ratio": score_values("common_token_ratio", 0.6)}
    other = {"copied_8grams": score_values("copied_8grams", 0.1)}
    found = lines(human_text(summarize([make_imitation(controls={"a": some, "b": other})])))
    assert found[0] == ["text", "Common tokens ↑", "Copied 8-grams ↓"]
    assert found[3] == ["passages: a", "0.600 [0.575, 0.625]", "—"]


def test_human_text_that_moves_with_the_seed_is_said() -> None:
    records = [make_imitation(0), make_imitation(1)]
    assert "do not depend on the seed" in list(human_text(summarize(records)))[-1]
    records[1] = make_imitation(1, **{"controls__held-out__common_token_ratio__value": 0.7})
    assert (
        "**Theirs differ between seeds, which they should not**; seed 0's" in list(human_text(summarize(records)))[-1]
    )


# --- memorised -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "share", "said"),
    [
        ((49, 12), 0.249, "not memorised"),
        ((12, 50), 0.1, "**memorised**: 50 tokens in a row, 50 or more"),
        ((12, 12), 0.25, "**memorised**: 0.250 of 8-grams, 0.25 or more"),
        ((60, 12), 0.4, "**memorised**: 60 tokens in a row, 50 or more; 0.400 of 8-grams, 0.25 or more"),
    ],
)
def test_one_seed_beyond_a_bound_counts_as_memorised(tokens: tuple[int, int], share: float, said: str) -> None:
    records = [make_imitation(0), make_imitation(1, scores__copied_8grams__value=share)]
    generated = Generated(longest=Longest(before=(3, 4), after=tokens))
    before, after, human = lines(memorised(summarize(records), generated))[1:]
    assert before == ["before", "3, 4", "0.010, 0.010", "not memorised"]
    assert human == ["held-out passages, to compare", "—", "0.020", "—"]
    assert after == ["after", f"{tokens[0]}, {tokens[1]}", f"0.040, {share:.3f}", said]


def test_a_bound_that_is_not_scored_is_said() -> None:
    record = make_imitation(config__metrics={"common_token_ratio": {}, "copied_8grams": {}})
    assert lines(memorised(summarize([record]), Generated()))[2] == ["after", "not scored", "0.040", "not memorised"]
    record = make_imitation(config__metrics={"common_token_ratio": {}})
    assert list(memorised(summarize([record]), Generated())) == []


# --- what is read from the run folders -------------------------------------------------------------------------------


def test_longest_runs_and_whom_the_judge_chose_are_read(tmp_path: Path) -> None:
    comparison = summarize([make_duel(0), make_duel(1)])
    runs = dict(enumerate(stored_runs(write_cell(tmp_path, *comparison.records))))
    found = read_generated(comparison, runs)
    assert found is not None
    assert found.longest == Longest(before=(7, 7), after=(12, 12))
    assert found.judged == Judged(before=((2, 2), (2, 2)), after=((3, 1), (1, 3)))
    assert [pair.name for pair in found.pairs] == ["before 1", "before 2", "after 1", "after 2", "after 3"]


def test_labels_need_no_statistics_and_texts_do(tmp_path: Path) -> None:
    assert read_generated(summarize([make_record()]), {}) is None
    runs = write_cell(tmp_path, make_duel())
    (runs[0] / "statistics.safetensors").write_bytes(b"{")
    with pytest.raises(InputError, match=r"statistics\.safetensors: cannot be read .*run again with --force"):
        write_report(assemble(runs, roots=[]), runs, reports_root=tmp_path)


def test_of_two_authors_a_wrong_choice_is_the_other() -> None:
    rows = [{"reference": author} for author in (0, 0, 0, 1, 1)]
    assert confusion(rows, np.array([1.0, 0.0, 1.0, 0.0, 0.0])) == ((2, 1), (2, 0))
    assert confusion(rows, np.array([1.0, 0.0])) == ((1, 1), (0, 0))  # `first_rows` scored two


# --- judge -----------------------------------------------------------------------------------------------------------


def test_the_judges_own_record_comes_before_what_it_says() -> None:
    generated = Generated(judged=Judged(before=((1, 3), (3, 1)), after=((3, 1), (1, 3))))
    blocks = list(judge_section(summarize([make_duel(4)]), generated))
    found = lines(blocks)
    for row in (
        ["accuracy, held-out chunks", "0.938 [0.912, 0.963] (80 chunks)"],
        ["accuracy, their words shuffled", "0.750 [0.725, 0.775] (80 chunks)"],
        ["expected calibration error", "0.031"],
        ["0.970", "1.000", "60"],
        ["unrelated", "30.00 %", "70.00 %"],
    ):
        assert row in found
    assert found[-3:] == [["writer of", "judged alice", "judged edgar"], ["alice", "3", "1"], ["edgar", "1", "3"]]
    human = found.index(["true author", "judged alice", "judged edgar"])
    assert found[human + 1 : human + 3] == [["alice", "38", "2"], ["edgar", "3", "37"]]
    assert "Samples before fine-tuning, seed 4:" in blocks


def test_a_judge_without_other_texts_or_judged_samples_leaves_those_tables_out() -> None:
    blocks = "\n".join(judge_section(summarize([make_duel(judge=judge_values() | {"others": {}})]), None))
    assert "neither author" not in blocks
    assert "Samples" not in blocks
    assert list(judge_section(summarize([make_imitation()]), None)) == []


# --- samples ---------------------------------------------------------------------------------------------------------


def rows(*pairs: tuple[Any, str]) -> list[dict[str, Any]]:
    return [{"id": str(i), "input": "", "reference": r, "prediction": p} for i, (r, p) in enumerate(pairs)]


def test_writers_stand_side_by_side_by_the_author_meant() -> None:
    before = rows((0, "a0"), (0, "a1"), (0, "a2"), (1, "e0"), (1, "e1"), (1, "e2"))
    after = rows((1, "E0"), (0, "A0"), (1, "E1"), (0, "A1"))
    assert side_by_side(before, after) == (
        WriterSamples(name="before 1", texts=("a0", "e0")),
        WriterSamples(name="before 2", texts=("a1", "e1")),
        WriterSamples(name="after 1", texts=("A0", "E0")),
        WriterSamples(name="after 2", texts=("A1", "E1")),
    )
    assert choose(before, after, ["alice", "edgar"]) == ()


def test_a_column_an_author_and_long_texts_cut() -> None:
    pair = WriterSamples(name="after 1", texts=("word " * 200, "a | b"))
    found = lines(pair_table(summarize([make_duel()]), Generated(pairs=(pair,))))
    assert found[0] == ["sample", "writer of alice", "writer of edgar"]
    assert len(found[1][1]) <= 280
    assert found[1][2] == "a \\| b"
    assert list(pair_table(summarize([make_imitation()]), Generated())) == []


def test_a_named_text_does_not_make_samples_labels() -> None:
    after = rows(("a passage", "a sample"))
    (sample,) = choose(after, after, ["gulliver"])
    assert (sample.reference, sample.after, sample.right) == ("a passage", "a sample", None)
    text = render(summarize([make_imitation()]), samples=[sample])
    assert "Seed 0: the first samples; none is picked by hand." in text
    assert "| id   | human passage   | before   | after    |" in text


def test_an_input_is_shown_where_a_prompt_was_given() -> None:
    after = [row | {"input": "My father"} for row in rows(("a passage", "a sample"))]
    text = render(summarize([make_imitation()]), samples=choose(after, after, ["gulliver"]))
    assert "| id   | input     | human passage   |" in text


# --- words that fit --------------------------------------------------------------------------------------------------


def test_samples_are_not_called_test_rows(tmp_path: Path) -> None:
    comparison = summarize([make_imitation(0), make_imitation(1)])
    text = render(comparison)
    assert "test row" not in text + verdict(comparison)
    assert "over seeds, which leaves out the choice of examples" in text
    assert "Loss in nats per token, 872 held-out passages" in text
    runs = write_cell(tmp_path, make_imitation())
    assert "95 % interval over 4 samples, 1 seed" in verdict(assemble(runs))


def test_paragraphs_are_counted_and_control_texts_come_last() -> None:
    text = render(summarize([make_imitation()]))
    found = [row[0] for row in lines([text]) if row[0].endswith("paragraphs")]
    assert found[:4] == ["train paragraphs", "validation paragraphs", "test paragraphs", "control unrelated paragraphs"]
    assert "3 test paragraphs also in the training paragraphs" in text
    assert "| test paragraphs that are also training paragraphs" in text
    assert "| train paragraphs that came earlier in the split" in text


def test_the_budget_says_what_is_generated() -> None:
    assert "; windows of 64 tokens; 4 samples of 100 tokens; no repetition penalty " in render(
        summarize([make_imitation()])
    )
    assert (
        "; windows of 64 tokens; 4 samples a writer of 512 tokens (k = 4 for each of the judge's 128); "
        "repetition penalty 1.2 to the power of the count "
    ) in render(summarize([make_duel()]))
