"""What a board says: order, ranks, letters, differences, cost, targets and forgetting."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from boards import N, forgotten, method, selection, small_board
from factories import curve
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import right, side
from scipy.special import stdtrit

from bench.comparing.leaderboard.board import Board, BoardEntry, build_board
from bench.core.errors import InputError
from bench.metrics.base import mean_of
from bench.statistics.differences import mean_difference
from bench.statistics.spread import seed_spread
from bench.statistics.tests import adjusted_pairs


def entry(board: Board, name: str) -> BoardEntry:
    return next(one for one in board.entries if one.name == name)


def ranks(one: BoardEntry) -> tuple[int, int]:
    return one.rank_low, one.rank_high


def test_methods_stand_in_the_order_of_their_scores() -> None:
    board = small_board()
    assert [(one.name, ranks(one), one.letters, one.word) for one in board.entries] == [
        ("full", (1, 2), "a", "not told apart"),
        ("frozen_body", (1, 2), "a", "reference"),
        ("lora", (3, 3), "b", "worse"),
        ("bitfit", (4, 4), "c", "worse"),
    ]
    assert [one.level.value for one in board.entries] == pytest.approx([0.9, 0.89, 0.75, 0.6])
    assert [one.name for one in board.unbeaten] == ["full", "frozen_body"]
    assert (board.n_told_apart, board.n_tested, len(board.pairs)) == (5, 6, 6)


def test_where_lower_is_better_the_least_comes_first() -> None:
    values = np.linspace(0.1, 0.3, 40)
    sides = [
        side(name, {seed: {"loss": np.stack([values + shift, np.ones(40)], axis=1)} for seed in range(3)})
        for name, shift in (("worse", 0.5), ("good", 0.0))
    ]
    board = build_board(selection(*sides, reference="worse", metric="loss"))
    assert [(one.name, ranks(one), one.word) for one in board.entries] == [
        ("good", (1, 1), "better"),
        ("worse", (2, 2), "reference"),
    ]


def test_a_pair_is_the_calibrated_interval_and_all_pairs_are_corrected_together() -> None:
    board = small_board()
    sides = {one.name: one.side for one in board.entries}

    def found(a: str, b: str) -> Any:
        ours, theirs = ({s: by["accuracy"] for s, by in sides[name].statistics.items()} for name in (a, b))
        spread = seed_spread([[*one.side.values("accuracy").values()] for one in board.entries])
        return mean_difference(mean_of, ours, theirs, pair_seeds=False, spread=spread, decisions=True)

    names = [one.name for one in board.entries]
    expected = [found(a, b) for a, b in combinations(names, 2)]
    assert [pair.comparison.difference for pair in board.pairs] == expected
    assert [pair.comparison.p_adjusted for pair in board.pairs] == adjusted_pairs(
        [one.p_value for one in expected], len(names)
    )
    difference = entry(board, "bitfit").difference
    assert difference is not None
    assert difference.difference is not None
    turned = found("bitfit", "frozen_body")
    assert (difference.difference.value, difference.difference.low, difference.difference.high) == pytest.approx(
        (turned.value, turned.low, turned.high)
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(60, 140), min_size=2, max_size=6))
def test_ranks_letters_and_pairs_agree(n_right: list[int]) -> None:
    generator = np.random.default_rng(n_right)
    sides = [
        side(f"m{i}", {seed: {"accuracy": right(n, N, seed=int(generator.integers(99)))} for seed in range(2)})
        for i, n in enumerate(n_right)
    ]
    board = build_board(selection(*sides, reference="m0"))
    by_name = {one.name: one for one in board.entries}
    better, worse = dict.fromkeys(by_name, 0), dict.fromkeys(by_name, 0)
    for pair in board.pairs:
        a, b = by_name[pair.a], by_name[pair.b]
        assert pair.is_told_apart == (not set(a.letters) & set(b.letters))
        if pair.is_told_apart:
            above, below = (a, b) if a.level.value > b.level.value else (b, a)
            better[below.name] += 1
            worse[above.name] += 1
    for name, one in by_name.items():
        assert ranks(one) == (1 + better[name], len(by_name) - worse[name])
    values = [one.level.value for one in board.entries]
    assert values == sorted(values, reverse=True)
    for one in board.entries:
        shares = set(one.letters) & set(by_name["m0"].letters)
        assert (one.word in ("reference", "not told apart")) == bool(shares)


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "keep", "over"), [((0, 1, 2), True, "both"), ((0, 1, 2), False, "seeds"), ((0,), False, "examples")]
)
def test_the_interval_of_a_score_uses_what_is_stored(seeds: tuple[int, ...], keep: bool, over: str) -> None:
    one = method("one", 150, seeds)
    if not keep:
        one = type(one)(name="one", records=one.records, statistics={}, runs={})
    level = build_board(selection(one)).entries[0].level
    assert level.over == over
    assert level.low <= level.value <= level.high


def test_statistics_of_another_run_are_not_used() -> None:
    one, other = method("one", 150), method("one", 100)
    mixed = type(one)(name="one", records=one.records, statistics=other.statistics, runs={})
    assert build_board(selection(mixed)).entries[0].level.over == "seeds"


def test_of_a_pair_without_any_interval_nothing_is_known() -> None:
    sides = [
        type(one)(name=one.name, records=one.records, statistics={}, runs={})
        for one in (method("a", 190, (0,)), method("b", 20, (0,)))
    ]
    board = build_board(selection(*sides, reference="a"))
    assert [(ranks(one), one.letters, one.word) for one in board.entries] == [
        ((1, 2), "", "reference"),
        ((1, 2), "", "no interval"),
    ]
    assert (board.n_tested, board.unbeaten) == (0, ())


# --- pairs that are tested -------------------------------------------------------------------------------------------


def test_a_pair_that_was_not_tested_shares_no_letter() -> None:
    # a and b are alike; bare stores no statistics and one seed, as one does: nothing is known of those two
    bare, one = (replace(method(name, n, (0,)), statistics={}) for name, n in (("bare", 150), ("one", 151)))
    board = build_board(selection(method("a", 150), method("b", 150), bare, one))
    untested = [{pair.a, pair.b} for pair in board.pairs if not pair.is_tested]
    assert {"bare", "one"} in untested
    for pair in board.pairs:
        shares = set(entry(board, pair.a).letters) & set(entry(board, pair.b).letters)
        assert bool(shares) == (pair.is_tested and not pair.is_told_apart)
    assert set(entry(board, "a").letters) & set(entry(board, "b").letters)


def test_methods_that_are_asked_for_are_tested_with_each_other_and_the_reference_alone() -> None:
    counts = {"ref": 150, "good": 190, "poor": 100, "x": 151, "y": 152, "z": 20}
    board = build_board(
        selection(*(method(name, n) for name, n in counts.items()), reference="ref"), methods=("poor", "good")
    )
    assert [(pair.a, pair.b) for pair in board.pairs] == [("good", "ref"), ("good", "poor"), ("ref", "poor")]
    # of six: good is better than two, poor worse than two; of x, y and z nothing is known
    assert {one.name: (ranks(one), one.letters, one.word) for one in board.entries} == {
        "good": ((1, 4), "a", "better"),
        "ref": ((2, 5), "b", "reference"),
        "poor": ((3, 6), "c", "worse"),
        **dict.fromkeys("xyz", ((1, 6), "", "not tested")),
    }
    assert [one.name for one in board.not_asked] == ["y", "x", "z"]


def test_the_correction_is_over_what_was_tested() -> None:
    sides = [method(f"m{i}", 150 + i) for i in range(6)]
    (pair,) = build_board(selection(*sides, reference="m0"), methods=("m5",)).pairs
    assert pair.comparison.difference is not None
    assert pair.comparison.p_adjusted == pair.comparison.difference.p_value
    whole = build_board(selection(*sides, reference="m0"))
    (same,) = (one for one in whole.pairs if one.has("m0") and one.has("m5"))
    assert same.comparison.difference == pair.comparison.difference  # the luck of seeds is learned from all
    assert same.comparison.p_adjusted is not None
    assert same.comparison.p_adjusted > pair.comparison.p_adjusted


# --- a margin --------------------------------------------------------------------------------------------------------


def test_how_far_below_the_best_is_the_largest_one_sided_end_over_the_others() -> None:
    board = build_board(selection(method("a", 180), method("b", 178), method("c", 120)), margin=0.2)
    level = 1 - 0.05 / 2  # two others
    for one in board.entries:
        ends = []
        for pair in board.pairs:
            if pair.has(one.name):
                found = pair.comparison.difference
                assert found is not None
                shortfall = -found.value if one.name == pair.a else found.value
                error = max(found.standard_error, math.sqrt(0.2 * 0.8 / N))
                ends.append(shortfall + float(stdtrit(found.degrees_of_freedom, level)) * error)
        assert one.shortfall == pytest.approx(max(0.0, *ends))
    assert [one.name for one in board.good_enough] == ["a", "b"]
    assert build_board(selection(*(one.side for one in board.entries))).good_enough == ()


@pytest.mark.parametrize(("margin", "shown"), [(0.01, []), (0.3, ["a", "b"])])
def test_undecided_is_not_good_enough(margin: float, shown: list[str]) -> None:
    # both are right of 150 rows, each of others: the standard error is about sqrt(2 * 0.75 * 0.25 / 200) = 0.04
    sides = [
        side(
            name, {seed: {"accuracy": right(150, N, seed=first + seed)} for seed in range(3)}, config__method_name=name
        )
        for name, first in (("a", 10), ("b", 20))
    ]
    board = build_board(selection(*sides), margin=margin)
    assert board.n_told_apart == 0
    assert [one.name for one in board.good_enough] == shown


@pytest.mark.parametrize(("n_rows", "shown"), [(30, []), (2000, ["a", "b"])])
def test_rows_that_are_all_right_by_chance_prove_little(n_rows: int, shown: list[str]) -> None:
    # 30 of 30 on both sides: t(0.95; 33) = 1.69 times sqrt(0.02 * 0.98 / 30) = 0.043, more than 0.02; of 2,000: 0.005
    planted = {seed: {"accuracy": right(n_rows, n_rows)} for seed in range(3)}
    sides = [side(name, planted, config__method_name=name) for name in "ab"]
    assert [one.name for one in build_board(selection(*sides), margin=0.02).good_enough] == shown


def test_one_seed_on_either_side_shows_no_method_to_be_good_enough() -> None:
    board = build_board(selection(method("a", 150, (0,)), method("b", 150, (0,))), margin=0.9)
    assert [one.shortfall for one in board.entries] == [None, None]


def test_a_method_that_was_not_tested_with_one_other_is_not_known_to_be_good_enough() -> None:
    bare, one = (replace(method(name, 150, (0,)), statistics={}) for name in ("bare", "one"))
    board = build_board(selection(method("a", 150), method("b", 150), bare, one), margin=0.9)
    assert entry(board, "bare").shortfall is None
    assert {found.name for found in board.good_enough} >= {"a", "b"}


# --- cost, targets, forgetting ---------------------------------------------------------------------------------------


def test_costs_are_means_over_seeds_and_missing_ones_stay_missing() -> None:
    board = small_board()
    full, bias = entry(board, "full").spent, entry(board, "bitfit").spent
    assert (full.training_s, full.wall_s, full.cpu_s, full.saved_bytes) == (181.0, 201.0, 400.0, 268_000_000)
    assert (bias.cpu_s, bias.memory_of, bias.peak_memory_bytes) == (None, "process", 1_500_000_000)
    on_gpu = build_board(selection(method("one", 150, cost__peak_gpu_memory_bytes=9_000))).entries[0].spent
    assert (on_gpu.memory_of, on_gpu.peak_memory_bytes) == ("GPU", 9_000)


def test_the_target_is_the_references_score_unless_one_is_given() -> None:
    board = small_board()
    assert board.target == pytest.approx(0.89)
    # curves rise from 0.5 at step 0 to 0.9 (lora: 0.75) at step 30, scored every 10 steps
    reached = entry(board, "full").to_target
    assert reached is not None
    assert (reached.steps, reached.tokens, reached.seconds) == (30, 9_000_000, 181.0)
    lora = entry(board, "lora").to_target
    assert lora is not None
    assert (lora.n_reached, lora.steps) == (0, None)
    assert entry(board, "bitfit").to_target is None
    points = {"evaluations": curve(accuracy=(0.5, 0.8))}
    given = build_board(selection(method("one", 160, **points)), target=0.7).entries[0].to_target
    assert given is not None
    assert (given.steps, given.tokens) == (20, 6_000_000)


def test_without_a_reference_there_is_neither_target_nor_difference() -> None:
    board = build_board(selection(method("one", 150, evaluations=curve(accuracy=(0.5, 0.8))), method("two", 160)))
    assert board.target is None
    assert {(one.word, one.difference, one.to_target) for one in board.entries} == {("no reference", None, None)}


def test_forgetting_is_the_mean_rise_on_each_text() -> None:
    records = [forgotten(news=0.1 * seed, poems=0.5) for seed in (1, 2, 3)]
    sides = [method("one", 150, (seed,), forgetting=one) for seed, one in enumerate(records)]
    joined = type(sides[0])(name="one", records=tuple(s.records[0] for s in sides), statistics={}, runs={})
    board = build_board(selection(joined, method("two", 100, forgetting=forgotten(news=0.3))))
    found = entry(board, "one").forgetting
    assert found["news"].mean_nats == pytest.approx(0.2)
    assert found["news"].standard_deviation_nats == pytest.approx(0.1)
    assert (found["poems"].mean_nats, found["poems"].standard_deviation_nats) == pytest.approx((0.5, 0.0))
    assert board.forgotten_texts == ("news", "poems")
    assert set(entry(board, "two").forgetting) == {"news"}


def test_a_text_that_one_seed_lacks_is_not_averaged() -> None:
    first, second = method("one", 150, (0,), forgetting=forgotten(news=0.1)), method("one", 150, (1,))
    joined = type(first)(name="one", records=(*first.records, *second.records), statistics={}, runs={})
    assert build_board(selection(joined)).entries[0].forgetting == {}


@pytest.mark.parametrize(
    "settings", [{"target": math.nan}, {"confidence": 1.5}, {"margin": 0.0}, {"margin": -0.1}, {"margin": math.nan}]
)
def test_refuses(settings: dict[str, float]) -> None:
    for sides in ([method("one", 150)], [method("one", 150), method("two", 160)]):
        with pytest.raises(InputError):
            build_board(selection(*sides), **settings)


def test_pairs_do_not_wait_for_resampling(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("paired_bootstrap", "approximate_randomization"):
        monkeypatch.setattr(f"bench.comparing.compare.{name}", None)
    board = build_board(selection(method("a", 150, (0,)), method("b", 120, (0,))))
    assert board.pairs[0].is_told_apart
