"""What a reader gets: sentences, the golden page, CSV, JSON and the command.

After a wanted change of the text, write the golden page again and read the difference:

    BENCH_WRITE_GOLDEN=1 python -m pytest tests/leaderboard
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boards import forgotten, method, selection, shipped, small_board
from click.testing import Result
from factories import curve, write_cell
from processes import HEAVY, clean_env, run_python
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.comparable import Mismatch
from bench.comparing.leaderboard import leaderboards, over_suites
from bench.comparing.leaderboard.board import Board, build_board
from bench.comparing.leaderboard.selection import Apart
from bench.core.errors import InputError
from bench.core.files import canonical_json
from bench.reports.leaderboard import cells as words
from bench.reports.leaderboard import write
from bench.reports.leaderboard.markdown import render
from bench.reports.leaderboard.values import csv_text, values

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "leaderboard_golden.md"
FIGURES = {"parameters": "p.svg", "time": "t.svg"}


def board_of(*counts: int, **settings: Any) -> Board:
    """Return methods m0, m1 ... that are right of so many; m0 is the reference."""
    sides = [method(f"m{i}", n, **settings) for i, n in enumerate(counts)]
    return build_board(selection(*sides, reference="m0"))


def golden_board() -> Board:
    odd = Mismatch(field="training.epochs", ours="5", theirs="3")
    found = small_board()
    apart = Apart(side=method("prompt_tuning", 190), mismatches=(odd,))
    remark = "another config of lora is stored: 0123456789ab; name it with --side to see it here"
    chosen = selection(*found.selection.sides, reference="frozen_body", apart=(apart,), remarks=(remark,))
    return build_board(chosen)


def test_the_page_is_the_golden_one() -> None:
    text = render(golden_board(), figures=FIGURES)
    if os.environ.get("BENCH_WRITE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_the_committed_page_of_imdb_says_what_the_code_says(tmp_path: Path) -> None:
    # README shows its rows; after a wanted change: bench leaderboard --baselines baselines --runs none
    (board,) = leaderboards(["imdb"], profile="offline", runs_root=tmp_path, roots=[ROOT / "baselines"])
    figures = {against: f"imdb-offline-leaderboard-{against}.svg" for against in ("parameters", "time")}
    page = ROOT / "reports" / "imdb-offline-leaderboard.md"
    assert render(board, figures=figures) == page.read_text(encoding="utf-8")


# --- sentences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((180, 20), "m0 is the best: it is told apart from every other method. 1 of 1 tested pair is told apart"),
        (
            (150, 150, 20),
            "No method is shown to be better than m0 or m1: the rows and seeds do not decide between them. 2 of 3 "
            "tested pairs are told apart (3 seeds each; corrected over the pairs, 5 %).",
        ),
        ((150,), "Only m0 is stored, so there is nothing to set it against."),
    ],
)
def test_the_verdict_says_which_are_unbeaten(counts: tuple[int, ...], said: str) -> None:
    assert words.verdict(board_of(*counts)).startswith(said)


def test_a_leader_that_is_not_told_apart_from_one_other_is_not_called_the_best() -> None:
    # c is better than b, and a than c, but a and b, which scatters, are not told apart
    board = board_of(180, 170, 20)
    first, second, third = board.entries
    pairs = [replace(pair, is_told_apart=(pair.a, pair.b) != ("m0", "m1")) for pair in board.pairs]
    board = replace(board, entries=(first, replace(second, rank_low=2), third), pairs=tuple(pairs))
    said = (
        "No method is shown to be better than m0; the rows and seeds do not decide between it and m1. 2 of 3 tested "
        "pairs are told apart (3 seeds"
    )
    assert words.verdict(board).startswith(said)


def test_where_nothing_was_tested_the_verdict_says_so() -> None:
    bare = [replace(method(name, 150, (0,)), statistics={}) for name in ("a", "b")]
    board = build_board(selection(*bare))
    assert words.verdict(board) == "No two methods were tested, so nothing is known of their order."
    assert [words.score_cells(entry, board)[:2] for entry in board.entries] == [("1-2", "—")] * 2


def test_no_board_calls_undecided_methods_alike_or_one_of_them_the_cheapest() -> None:
    for board in (board_of(150, 150), board_of(150, 150, 20), golden_board()):
        text = " ".join([words.verdict(board), words.how_to_read(board), render(board, figures=FIGURES)])
        for word in ("cannot be told apart", "cheapest", "the same", "equally"):
            assert word not in text
        assert "No method is recommended" in text


def small_and_fast(**settings: Any) -> Board:
    sides = [
        method("small", 150, model__trainable_parameters=10, cost__stages_s={"training": 9.0}),
        method("fast", 150, model__trainable_parameters=99, cost__stages_s={"training": 3.0}),
        method("poor", 20, model__trainable_parameters=1, cost__stages_s={"training": 1.0}),
    ]
    return build_board(selection(*sides, reference="small"), **settings)


def test_the_cheapest_is_named_among_those_within_the_margin_alone() -> None:
    said = words.verdict(small_and_fast(margin=0.2))
    assert (
        "Shown to be within 0.2 of the best: fast and small. The cheapest within the margin: by trainable parameters "
        "small (10); by training time fast (3.0 s)."
    ) in said
    assert words.verdict(small_and_fast(margin=0.001)).endswith("No method is shown to be within 0.001 of the best.")


def test_the_margin_is_shown_with_what_each_method_may_fall_short() -> None:
    board = small_and_fast(margin=0.2)
    assert words.score_headings(board)[-1] == "below the best by at most"
    cells = {entry.name: words.score_cells(entry, board)[-1] for entry in board.entries}
    # poor is 130 of 200 rows behind
    assert cells["fast"] == cells["small"]
    assert 0 < float(cells["fast"]) < 0.2 < 0.65 < float(cells["poor"])
    assert "below the margin of 0.2 it is good enough" in words.how_to_read(board)
    stored = values(board)
    assert (stored["margin"], stored["good_enough"]) == (0.2, ["fast", "small"])


def test_times_of_unlike_devices_name_no_cheapest() -> None:
    sides = [method("a", 150), method("b", 150, environment__device="A100")]
    said = words.verdict(build_board(selection(*sides), margin=0.5))
    assert "The cheapest within the margin: by trainable parameters a and b (592,130)." in said
    assert "training time" not in said


def test_methods_that_were_not_asked_for_are_named() -> None:
    board = small_and_fast(methods=("fast", "gone"))
    assert words.verdict(board).startswith("No method is shown to be better than fast or small")
    assert "Not asked for, and so not tested: poor." in words.why_missing(board)
    assert "Asked for, and nothing comparable is stored here: gone." in words.why_missing(board)
    best = build_board(selection(method("a", 190), method("b", 20), method("c", 30), reference="b"), methods=("a",))
    assert words.verdict(best).startswith("a is the best: it is told apart from every other method asked for.")
    assert words.score_cells(best.entries[1], best)[0:2] + words.score_cells(best.entries[1], best)[5:] == (
        "1-3",
        "—",
        "—",
        "not tested",
    )


def test_few_seeds_and_unlike_devices_are_warned_of() -> None:
    assert words.warnings(board_of(150, 160)) == []
    few = words.warnings(board_of(150, 160, seeds=(0, 1)))
    assert few[0].startswith("Fewer than 3 seeds: m1 (2), m0 (2).")
    sides = [method("a", 150), method("b", 160, environment__device="A100", cost__peak_gpu_memory_bytes=5)]
    device, memory = words.warnings(build_board(selection(*sides)))
    assert "(A100, cpu)" in device
    assert memory == "Peak memory is that of the GPU for b, and of the process for the others."


def test_every_dash_has_its_reason() -> None:
    board = small_board()
    cells = words.cost_cells(board.entries[-1], board)
    assert (cells[0], cells[6], cells[8:]) == ("bitfit", "—", ("no curve", "no curve", "—"))
    assert words.why_missing(board) == [
        "Processor time was not measured for lora, bitfit.",
        "No curve of accuracy is stored for bitfit: training.evaluate_every_steps makes one.",
        "Forgetting was not measured on every text for lora, bitfit.",
    ]
    lone = build_board(selection(method("a", 150), method("b", 150)))
    assert words.why_missing(lone)[0] == (
        "Nothing comparable is stored of frozen_body, the suite's default method, so there is no reference, and no "
        "target: give one with --target."
    )


def test_pairs_without_statistics_are_named_and_many_are_counted() -> None:
    sides = [
        type(one)(name=one.name, records=one.records, statistics={}, runs={})
        for one in (method(f"m{i}", 150) for i in range(5))
    ]
    found = words.why_missing(build_board(selection(*sides, reference="m0")))
    assert found[0] == "m0 and m1: m0 stores no statistics per example of seed 0."
    assert found[5] == "The same or the like holds of 5 pairs more."


def test_an_interval_of_another_confidence_is_said_to_be_one() -> None:
    bare = replace(method("bare", 150), statistics={})
    said = words.how_to_read(build_board(selection(bare, method("whole", 160)), confidence=0.9))
    assert said.startswith(
        "Mean over seeds, with its 90 % interval over seeds and examples (whole) and over seeds alone"
    )
    assert "That of bare is a 95 % one. Methods that share a letter were tested and not told apart" in said


def test_several_texts_have_a_column_each() -> None:
    board = board_of(150, 100, forgetting=forgotten(news=0.25, poems=-0.5))
    assert words.cost_headings(board)[-2:] == ("forgetting: news", "forgetting: poems")
    assert words.cost_cells(board.entries[0], board)[-2:] == ("+0.250 ± 0.000", "-0.500 ± 0.000")


# --- CSV and JSON ----------------------------------------------------------------------------------------------------


def test_csv_and_json_hold_the_rows_of_the_page_at_full_precision() -> None:
    board = golden_board()
    rows = list(csv.DictReader(io.StringIO(csv_text([board, board]))))
    assert len(rows) == 8
    stored = json.loads(canonical_json(values(board)))
    for row, one, entry in zip(rows, stored["rows"], board.entries, strict=False):
        assert (row["method"], one["method"]) == (entry.name, entry.name)
        assert float(row["score"]) == one["score"] == entry.level.value
        assert (int(row["rank_low"]), int(row["rank_high"])) == (entry.rank_low, entry.rank_high)
        assert (row["rank"], row["letters"]) == (words.rank_text(entry), entry.letters)
        for name, value in one.items():
            if name != "forgetting":
                assert row[name] == ("" if value is None else str(value))
    full, bias = stored["rows"][0], stored["rows"][3]
    assert full["forgetting"]["unrelated"]["mean_nats"] == pytest.approx(0.25)
    assert float(rows[0]["forgetting_nats unrelated"]) == full["forgetting"]["unrelated"]["mean_nats"]
    assert (bias["to_target"], bias["tokens_to_target"], rows[3]["cpu_s"]) == ("no curve", None, "")
    assert (full["to_target"], stored["rows"][2]["to_target"]) == ("reached", "not reached")
    assert [pair["told_apart"] for pair in stored["pairs"]] == [pair.is_told_apart for pair in board.pairs]
    assert stored["not_comparable"][0]["fields"] == [{"field": "training.epochs", "its": "5", "leaderboard": "3"}]


# --- several suites --------------------------------------------------------------------------------------------------


def timed(suite: str, *ends: float) -> Board:
    """Return methods m0, m1 ... that rise from 0.5 to these scores in 30 steps."""
    sides = [method(f"m{i}", 150, evaluations=curve(accuracy=(0.5, end))) for i, end in enumerate(ends)]
    return build_board(selection(*sides, suite=suite, profile="tiny"), target=0.75)


def test_the_time_to_target_over_suites_has_a_page_of_its_own(tmp_path: Path) -> None:
    boards = [timed("one", 0.8, 1.3, 0.6), timed("two", 0.8, 0.8)]
    (suites, profiles) = over_suites(boards)["tiny"]
    assert [board.selection.suite for board in suites] == ["one", "two"]
    assert [one.method for one in profiles] == ["m1", "m0"]
    assert [one.ratios for one in profiles] == [pytest.approx((1, 1)), pytest.approx((3, 1))]
    written = write(boards, reports_root=tmp_path)
    assert [path.name for path in written] == [
        "one-tiny-leaderboard.md",
        "two-tiny-leaderboard.md",
        "time-to-target-tiny.md",
    ]
    text = written[-1].read_text(encoding="utf-8")
    assert "| `m0`     | 0.667  | 3.00  | 1.00  |" in text
    assert "left out: `m2`" in text
    assert all((tmp_path / f"{path.stem}.svg").is_file() for path in written[-1:])


def test_one_suite_or_one_without_times_has_no_profile() -> None:
    assert over_suites([timed("one", 0.8, 0.9)]) == {}
    assert over_suites([timed("one", 0.8, 0.9), timed("two", 0.6, 0.6)]) == {}


def test_a_target_that_is_met_at_once_is_a_time_and_one_method_alone_is_no_profile() -> None:
    at_once = [method(f"m{i}", 150, evaluations=curve(accuracy=(0.9, 0.9))) for i in range(2)]
    board = build_board(selection(*at_once, suite="two", profile="tiny"), target=0.75)
    assert list(over_suites([timed("one", 0.8, 0.9), board])) == ["tiny"]
    assert over_suites([timed("one", 0.8), timed("two", 0.8)]) == {}


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with three methods of one suite, two seeds each, and no baselines but those."""
    monkeypatch.chdir(tmp_path)
    for name in ("frozen_body", "full", "lora"):
        write_cell(tmp_path / "runs", *(shipped(name, seed) for seed in (0, 1)))
    (tmp_path / "none").mkdir()
    return tmp_path


def command(*given: str) -> Result:
    return CliRunner().invoke(app, ["leaderboard", "--baselines", "none", *given])


def test_the_command_prints_the_board_and_writes_the_page(stored: Path) -> None:
    done = command("sentiment_sst2", "--profile", "tiny", "--csv", "rows.csv")
    assert done.exit_code == 0, done.output
    assert "the rows and seeds do not decide between" in " ".join(done.output.split())
    assert "reports/sentiment_sst2-tiny-leaderboard.md" in done.output
    assert sorted(path.name for path in (stored / "reports").iterdir()) == [
        "sentiment_sst2-tiny-leaderboard-parameters.svg",
        "sentiment_sst2-tiny-leaderboard-time.svg",
        "sentiment_sst2-tiny-leaderboard.md",
    ]
    assert len((stored / "rows.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert str(stored) not in (stored / "reports/sentiment_sst2-tiny-leaderboard.md").read_text(encoding="utf-8")


def test_the_command_needs_no_suite_and_prints_json_alone(stored: Path) -> None:
    done = command("--json", "--target", "0.5", "--metric", "f1", "--reports", "elsewhere")
    assert done.exit_code == 0, done.output
    (board,) = json.loads(done.output)["leaderboards"]
    assert (board["suite"], board["metric"], board["target"], len(board["rows"])) == ("sentiment_sst2", "f1", 0.5, 3)
    assert (stored / "elsewhere" / "sentiment_sst2-tiny-leaderboard.md").is_file()


def test_the_command_takes_a_margin_and_the_methods_to_test(stored: Path) -> None:
    done = command("--json", "--margin", "0.5", "--methods", "lora")
    assert done.exit_code == 0, done.output
    (board,) = json.loads(done.output)["leaderboards"]
    assert (board["margin"], board["methods"]) == (0.5, ["lora"])
    assert [{pair["first"], pair["second"]} for pair in board["pairs"]] == [{"frozen_body", "lora"}]
    assert {row["method"]: row["difference_is"] for row in board["rows"]}["full"] == "not tested"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--methods", "lorra"), "did you mean"),
        (("--methods", "lora,,full"), "a name is empty"),
        (("--margin", "0"), "above 0"),
        (("--margin", "nan"), "above 0"),
    ],
)
def test_the_command_refuses_names_and_margins_that_mean_nothing(
    stored: Path, given: tuple[str, ...], said: str
) -> None:
    done = command(*given)
    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)


def test_the_command_loads_no_torch(stored: Path) -> None:
    code = (
        "import sys; from bench.cli.app import app; "
        "app(['leaderboard', '--baselines', 'none', '--json'], standalone_mode=False); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    done = run_python(code, clean_env())
    assert (done.returncode, done.stderr.strip()) == (0, "")
