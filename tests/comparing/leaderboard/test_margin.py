"""Good enough takes evidence: a method that is not is rarely called so, and the best one mostly is."""

from __future__ import annotations

import numpy as np
from boards import selection
from planted import means, side

from bench.comparing.leaderboard.board import Board, build_board

MARGIN = 0.1
N_BOARDS = 120


def drawn_board(generator: np.random.Generator, rates: dict[str, float], *, luck: float, n_rows: int = 200) -> Board:
    """Return a board of methods with these true rates of right answers, three seeds each, with luck of each seed."""
    sides = []
    for name, rate in rates.items():
        planted = {
            seed: {"accuracy": means(generator.random(n_rows) < rate + generator.normal(0, luck))} for seed in range(3)
        }
        sides.append(side(name, planted, config__method_name=name))
    return build_board(selection(*sides), margin=MARGIN)


def test_a_method_that_is_the_margin_below_the_best_is_rarely_called_good_enough() -> None:
    generator = np.random.default_rng(11)
    rates = {"best": 0.8, "other": 0.8 - MARGIN, "third": 0.8 - MARGIN}
    named = [{one.name for one in drawn_board(generator, rates, luck=0.02).good_enough} for _ in range(N_BOARDS)]
    wrong = sum(bool(names - {"best"}) for names in named)
    undecided = sum("best" not in names for names in named)
    assert wrong <= 13  # 5 % of 120 is 6, with a standard deviation of 2.4
    assert undecided <= 13  # the best is not missed either


def test_not_told_apart_from_the_best_would_call_most_of_them_good_enough() -> None:
    # what a board must not recommend by: with much luck of seeds a method that is far worse often shares a letter
    generator = np.random.default_rng(12)
    boards = [drawn_board(generator, {"best": 0.8, "poor": 0.8 - MARGIN}, luck=0.08, n_rows=50) for _ in range(40)]
    share_a_letter = sum(board.n_told_apart == 0 for board in boards)
    named = sum("poor" in {one.name for one in board.good_enough} for board in boards)
    assert share_a_letter > 20
    assert named <= 6
