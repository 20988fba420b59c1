"""Pictures: names that never cover each other, the front that is drawn, and equal bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from boards import method, selection, small_board
from hypothesis import given
from hypothesis import strategies as st

from bench.comparing.leaderboard.board import Board, build_board
from bench.comparing.leaderboard.targets import performance_profiles
from bench.reports.drawing import RED
from bench.reports.leaderboard.pictures import Against, draw_front, front_svg, height_for, profiles_svg, spread


@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=25), st.floats(0.1, 1))
def test_names_are_spread_as_far_as_they_must(places: list[float], share: float) -> None:
    gap = share / max(len(places) - 1, 1)
    found = spread(places, gap)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in found)
    for (a, x), (b, y) in combinations(zip(found, places, strict=True), 2):
        assert abs(a - b) >= gap - 1e-9
        assert x == y or (a < b) == (x < y)


def test_names_with_room_stay_where_their_points_are() -> None:
    assert spread([0.2, 0.9, 0.5], 0.1) == pytest.approx([0.2, 0.9, 0.5])
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 1.0, 0.0], 0.2) == pytest.approx([0.8, 1.0, 0.0])


def crowded() -> Board:
    """Return 18 methods, most of them with the same score and size."""
    sides = [
        method(f"a_rather_long_name_{i}", 150 + i % 2, (0,), model__trainable_parameters=1000 * (1 + i % 3))
        for i in range(18)
    ]
    return build_board(selection(*sides))


@pytest.mark.parametrize("against", ["parameters", "time"])
def test_no_name_covers_another_or_leaves_the_picture(against: Against) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    board = crowded()
    figure = Figure(figsize=(9.0, height_for(18)), layout="constrained")
    renderer = FigureCanvasAgg(figure).get_renderer()
    draw_front(figure, board, against)
    figure.draw(renderer)
    names = {one.name for one in board.entries}
    texts = [text for text in figure.axes[0].texts if text.get_text() in names]
    boxes = [Text.get_window_extent(text, renderer) for text in texts]  # without the line to the point
    assert len(boxes) == 18
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(
        box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes
    )


def test_the_front_is_in_red() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    draw_front(figure, small_board(), "parameters")
    colors = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    # frozen_body, lora and bitfit train equally much; full scores best of all
    assert {name for name, color in colors.items() if color == RED} == {"full", "frozen_body"}


def test_equal_boards_give_equal_bytes() -> None:
    profiles = performance_profiles([{"a": 1.0, "b": None}, {"a": 2.0, "b": 1.0}])
    for draw in (
        lambda: front_svg(small_board(), "parameters"),
        lambda: front_svg(small_board(), "time"),
        lambda: profiles_svg(profiles),
    ):
        text = draw()
        assert text == draw()
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own file
        assert "date" not in text
