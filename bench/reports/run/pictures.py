"""The pictures of a run: its learning curve, and test scores along the way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from bench import metrics
from bench.comparing.summary import MetricSummary, RunSummary
from bench.reports.drawing import BLUE, RED, svg
from bench.reports.run.curves import HELD_OUT, curve_metrics

MAX_POINTS = 300
"""Points a line is thinned to, so that long runs give small files."""
MAX_PANELS = 4
"""Metrics that the picture of test scores along the way has room for."""


def curve_svg(summary: RunSummary, curves: Mapping[int, Sequence[Mapping[str, Any]]]) -> str:
    """Draw loss by step and by epoch, all seeds overlaid, beside the scores before and after.

    Args:
        summary: the runs and their scores.
        curves: seed -> rows of `curve.jsonl`; rows without a finite `loss` are left out.

    Returns:
        The SVG document: the same text for the same input and matplotlib version.
    """

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_losses(left, summary, curves)
        _draw_scores(right, summary)

    return svg(draw, height=max(3.4, 0.9 + 0.25 * len(_of_primary_unit(summary))))


def evaluations_svg(summary: RunSummary) -> str:
    """Draw the test scores along the way: one panel a metric, at most `MAX_PANELS`.

    Every seed is a thin line, their mean a bold one, the mean of their intervals over examples a band; a dotted line is
    what held-out human text scores.

    Args:
        summary: runs with `evaluations`.

    Returns:
        The SVG document: the same text for the same input and matplotlib version.
    """
    names = curve_metrics(summary)[:MAX_PANELS]
    n_rows = math.ceil(len(names) / 2)

    def draw(figure: Any) -> None:
        panels = list(figure.subplots(n_rows, min(2, len(names)), squeeze=False).flat)
        for panel, name in zip(panels, names, strict=False):
            _draw_evaluations(panel, summary, name)
        for panel in panels[len(names) :]:
            panel.remove()
        lines = {
            label: line for panel in figure.axes for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines), frameon=False)

    return svg(draw, height=3.4 * n_rows)


def _draw_evaluations(axes: Any, summary: RunSummary, metric: str) -> None:
    records = summary.records
    points = [[e.scores[metric] for e in record.evaluations] for record in records]  # (n_seeds, n_evaluations)
    steps = [e.step for e in records[0].evaluations]
    by_step = list(zip(*points, strict=True))
    axes.fill_between(
        steps,
        [fmean(p.low for p in at) for at in by_step],
        [fmean(p.high for p in at) for at in by_step],
        color=BLUE,
        alpha=0.15,
        lw=0,
        label="interval over examples",
    )
    if len(records) > 1:
        for i, curve in enumerate(points):
            values = [p.value for p in curve]
            axes.plot(steps, values, color=BLUE, alpha=0.5, lw=0.7, label="a seed" if i == 0 else None)
    label = f"mean of {len(records)} seeds" if len(records) > 1 else f"seed {records[0].seed}"
    axes.plot(steps, [fmean(p.value for p in at) for at in by_step], color=BLUE, lw=2, label=label)
    human = records[0].controls.get(HELD_OUT, {}).get(metric)
    if human is not None:
        axes.axhline(human.value, color=RED, ls=":", lw=1.5, label="held-out human text")
    spec = metrics.spec_or_name(metric)
    axes.set_title(spec.title, loc="left")
    axes.set_xlabel("optimiser step")
    axes.set_ylabel(spec.unit)


def _draw_losses(axes: Any, summary: RunSummary, curves: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    for i, record in enumerate(summary.records):
        points = [
            (int(row["step"]), float(row["loss"]))
            for row in curves.get(record.seed, ())
            if row.get("loss") is not None and math.isfinite(row["loss"])
        ]
        steps, losses = thin(points)
        axes.plot(steps, losses, color=BLUE, alpha=0.35, lw=0.8, label="train, by step" if i == 0 else None)
        ends = [epoch.step for epoch in record.epochs]
        for values, color, name in (
            ([epoch.train_loss for epoch in record.epochs], BLUE, "train, by epoch"),
            ([epoch.validation_loss for epoch in record.epochs], RED, "validation"),
        ):
            axes.plot(ends, values, color=color, marker="o", ms=3.5, lw=1.2, label=name if i == 0 else None)
    n_seeds = len(summary.records)
    axes.set_title(f"Loss ({n_seeds} seed{'s' if n_seeds > 1 else ''})", loc="left")
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("loss (nats)")
    axes.legend(frameon=False)


def _draw_scores(axes: Any, summary: RunSummary) -> None:
    """Draw the metrics that share the primary metric's unit, as dots with their intervals."""
    rows = _of_primary_unit(summary)
    for place, row in enumerate(reversed(rows)):
        _draw_pair(axes, place, row)
    axes.set_yticks(range(len(rows)), [metrics.spec_or_name(row.metric).title for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_title("Test scores: before ○, after ●", loc="left")
    axes.set_xlabel(summary.primary.unit)


def _of_primary_unit(summary: RunSummary) -> list[MetricSummary]:
    return [row for row in summary.rows if row.unit == summary.primary.unit]


def _draw_pair(axes: Any, place: int, row: MetricSummary) -> None:
    for estimate, fill, nudge in ((row.before, "white", 0.12), (row.after, BLUE, -0.12)):
        axes.plot([estimate.low, estimate.high], [place + nudge] * 2, color=BLUE, lw=1)
        axes.plot([estimate.value], [place + nudge], "o", color=BLUE, mfc=fill, ms=5)


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
