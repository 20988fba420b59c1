"""The pictures: score against cost with the Pareto front, and performance profiles over suites, as SVG.

Names of methods stand in a column beside the points, one a line, so that none covers another however near the points
are. matplotlib is imported when a picture is drawn, never with this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from bench import metrics
from bench.comparing.leaderboard.board import Board, BoardEntry
from bench.comparing.leaderboard.targets import MOST_TIMES_THE_FASTEST, PerformanceProfile
from bench.reports.drawing import BLUE, RED, svg
from bench.statistics.front import pareto_front

Against = Literal["parameters", "time"]
_LINE = 0.19
"""Height of a name with the space around it, in inches."""
_MARGINS = 1.1
"""Height of title, ticks and legend, in inches."""
_HEIGHT = 3.4
"""Least height of a picture, in inches."""
_COST: dict[Against, tuple[str, Callable[[BoardEntry], float]]] = {
    "parameters": ("trainable parameters", lambda entry: entry.spent.trainable_parameters),
    "time": ("training time (s, mean over seeds)", lambda entry: entry.spent.training_s),
}


def front_svg(board: Board, against: Against) -> str:
    """Draw score against cost: every method with its interval and name, and the front of those that no other beats.

    Args:
        board: one method or more.
        against: `parameters` (trainable, on a logarithmic axis) or `time` (of training).

    Returns:
        The SVG document: the same text for the same input and matplotlib version.
    """
    return svg(lambda figure: draw_front(figure, board, against), height=height_for(len(board.entries)))


def height_for(n_names: int) -> float:
    """Return how high a picture must be, in inches, for this many names below one another."""
    return max(_HEIGHT, _MARGINS + _LINE * n_names)


def draw_front(figure: Any, board: Board, against: Against) -> None:
    """Draw what `front_svg` shows on a figure of matplotlib."""
    title, cost_of = _COST[against]
    costs = [cost_of(entry) for entry in board.entries]
    axes = figure.subplots()
    axes.set_xscale("log" if against == "parameters" else "linear")
    sign = 1 if board.higher_is_better else -1
    front = pareto_front([(cost, sign * e.level.value) for cost, e in zip(costs, board.entries, strict=True)])
    for i, (cost, entry) in enumerate(zip(costs, board.entries, strict=True)):
        color = RED if i in front else BLUE
        level = entry.level
        axes.plot([cost, cost], [level.low, level.high], color=color, lw=1)
        axes.plot([cost], [level.value], "o", color=color, ms=5)
    axes.plot(
        [costs[i] for i in front],
        [board.entries[i].level.value for i in front],
        color=RED,
        lw=1,
        drawstyle="steps-post",
        label="Pareto front",
    )
    if against == "time":
        axes.set_xlim(left=0)
    spec = metrics.spec(board.metric)
    arrow = "↑" if board.higher_is_better else "↓"
    axes.set_title(f"{spec.title} {arrow} against {title.partition(' (')[0]}", loc="left")
    axes.set_xlabel(title)
    axes.set_ylabel(spec.unit)
    figure.legend(loc="outside lower center", frameon=False)
    _name(axes, board.entries, costs, [RED if i in front else BLUE for i in range(len(costs))])


def _name(axes: Any, entries: Sequence[BoardEntry], costs: Sequence[float], colors: Sequence[str]) -> None:
    """Write each name in a column right of the axes, as near to its point's height as its neighbours allow."""
    low, high = axes.get_ylim()
    heights = [(entry.level.value - low) / (high - low) for entry in entries]  # as shares of the axes
    gap = min(_LINE / (height_for(len(entries)) - _MARGINS), 1 / max(len(entries) - 1, 1))
    for entry, cost, color, place in zip(entries, costs, colors, spread(heights, gap), strict=True):
        axes.annotate(
            entry.name,
            xy=(cost, entry.level.value),
            xytext=(1.04, place),
            textcoords="axes fraction",
            fontsize=8,
            va="center",
            color=color,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.4, "alpha": 0.6, "shrinkA": 1, "shrinkB": 3},
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return places in [0, 1] in the same order, at least `gap` apart, each as near to its own as that allows.

    Args:
        places: where each would like to be; ones outside [0, 1] are moved in.
        gap: at most 1 / (number of places - 1).
    """
    from scipy.optimize import isotonic_regression

    order = sorted(range(len(places)), key=lambda i: places[i])
    # With the gaps taken out, "far enough apart" is "rising": the nearest rising row is that of isotonic regression.
    room = 1 - gap * (len(places) - 1)
    heights = [min(max(places[i], 0.0), 1.0) - gap * rank for rank, i in enumerate(order)]
    apart = [0.0] * len(places)
    for rank, (i, place) in enumerate(zip(order, isotonic_regression(heights).x.tolist(), strict=True)):
        apart[i] = min(max(place, 0.0), max(room, 0.0)) + gap * rank
    return apart


# --- several suites --------------------------------------------------------------------------------------------------


def profiles_svg(profiles: Sequence[PerformanceProfile]) -> str:
    """Draw how often each method is within a factor of the fastest.

    Args:
        profiles: one method or more, the best first.

    Returns:
        The SVG document: the same text for the same input and matplotlib version.
    """

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        factors = sorted({1.0, MOST_TIMES_THE_FASTEST, *_turns(profiles)})
        for i, result in enumerate(profiles):
            axes.step(
                factors,
                [result.share_within(factor) for factor in factors],
                where="post",
                color=f"C{i % 10}",
                ls=("-", "--", ":", "-.")[i // 10 % 4],
                label=f"{result.method} ({result.area:.3f})",
            )
        axes.set_xlim(1, MOST_TIMES_THE_FASTEST)
        axes.set_ylim(-0.03, 1.03)
        axes.set_title("Time to target: share of suites within a factor of the fastest", loc="left")
        axes.set_xlabel("factor")
        axes.set_ylabel("share of suites")
        figure.legend(loc="outside right upper", frameon=False, title="method (area)")

    return svg(draw, height=height_for(len(profiles)))


def _turns(profiles: Sequence[PerformanceProfile]) -> list[float]:
    return [ratio for result in profiles for ratio in result.ratios if ratio < MOST_TIMES_THE_FASTEST]
