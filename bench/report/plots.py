"""The learning-curve picture: an SVG whose bytes depend on the results alone.

matplotlib is imported when a picture is drawn, never with this module.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench import metrics
from bench.compare import Comparison, Row

MAX_POINTS = 300
"""Points a line is thinned to, so that long runs give small files."""

_STYLE = {"svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
_TRAIN, _VALIDATION = "#4477aa", "#cc6677"  # told apart by colour-blind readers too (Tol's bright and muted sets)


def curve_svg(comparison: Comparison, curves: Mapping[int, Sequence[Mapping[str, Any]]]) -> str:
    """Draw loss by step and by epoch, all seeds overlaid, beside the scores before and after.

    Args:
        comparison: the runs and their scores.
        curves: seed -> rows of `curve.jsonl`; rows without a finite `loss` are left out.

    Returns:
        The SVG document: the same text for the same input and matplotlib version.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_losses(left, comparison, curves)
        _draw_scores(right, comparison)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib ends some lines in spaces, which version control and editors would complain of.
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _draw_losses(axes: Any, comparison: Comparison, curves: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    for i, record in enumerate(comparison.records):
        points = [
            (int(row["step"]), float(row["loss"]))
            for row in curves.get(record.seed, ())
            if row.get("loss") is not None and math.isfinite(row["loss"])
        ]
        steps, losses = thin(points)
        axes.plot(steps, losses, color=_TRAIN, alpha=0.35, lw=0.8, label="train, by step" if i == 0 else None)
        ends = [epoch.step for epoch in record.epochs]
        for values, color, name in (
            ([epoch.train_loss for epoch in record.epochs], _TRAIN, "train, by epoch"),
            ([epoch.validation_loss for epoch in record.epochs], _VALIDATION, "validation"),
        ):
            axes.plot(ends, values, color=color, marker="o", ms=3.5, lw=1.2, label=name if i == 0 else None)
    n_seeds = len(comparison.records)
    axes.set_title(f"Loss ({n_seeds} seed{'s' if n_seeds > 1 else ''})", loc="left")
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("loss (nats)")
    axes.legend(frameon=False)


def _draw_scores(axes: Any, comparison: Comparison) -> None:
    """Draw the metrics that share the primary metric's unit, as dots with their intervals."""
    rows = [row for row in comparison.rows if row.unit == comparison.primary.unit]
    for place, row in enumerate(reversed(rows)):
        _draw_pair(axes, place, row)
    axes.set_yticks(range(len(rows)), [metrics.spec(row.metric).title for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title("Test scores: before ○, after ●", loc="left")
    axes.set_xlabel(comparison.primary.unit)


def _draw_pair(axes: Any, place: int, row: Row) -> None:
    for estimate, fill, nudge in ((row.before, "white", 0.12), (row.after, _TRAIN, -0.12)):
        axes.plot([estimate.low, estimate.high], [place + nudge] * 2, color=_TRAIN, lw=1)
        axes.plot([estimate.value], [place + nudge], "o", color=_TRAIN, mfc=fill, ms=5)


def thin(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Average neighbouring steps until at most `MAX_POINTS` are left.

    Args:
        points: (step, loss), in order.

    Returns:
        Mean steps and mean losses, of equal length.
    """
    width = max(1, math.ceil(len(points) / MAX_POINTS))
    groups = [points[i : i + width] for i in range(0, len(points), width)]
    return (
        [sum(step for step, _ in group) / len(group) for group in groups],
        [sum(loss for _, loss in group) / len(group) for group in groups],
    )
