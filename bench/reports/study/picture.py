"""The picture of a study: for each method, what the best of k trials scores on the validation rows."""

from __future__ import annotations

from typing import Any

from bench import metrics
from bench.experiments.study.result import StudyResult
from bench.reports.drawing import svg

_COLORS = ("#4477aa", "#cc6677", "#117733", "#ddaa33", "#332288", "#88ccee", "#aa4499", "#999933")  # Tol's muted set
_DASHES = ("-", "--", ":", "-.")


def best_of_k_svg(result: StudyResult) -> str:
    """Draw the best-of-k curve of every method in one panel; a ring is what its default scores.

    Returns:
        The SVG document: the same text for the same result and matplotlib version.
    """

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        study = result.study
        for i, method in enumerate(result.methods):
            curve = method.curve(higher_is_better=study.higher_is_better)
            style = {"color": _COLORS[i % len(_COLORS)], "ls": _DASHES[i // len(_COLORS) % len(_DASHES)]}
            axes.plot(range(1, len(curve) + 1), curve, marker="o", ms=3, label=method.name, **style)
            if method.trials[0].value is not None:
                axes.plot([1], [method.trials[0].value], "o", ms=8, mfc="none", color=style["color"])
        spec = metrics.spec(study.metric)
        axes.set_title(f"Best of k trials, validation rows: {spec.title}; rings: defaults", loc="left")
        axes.set_xlabel("trials (k)")
        axes.set_ylabel(f"expected best, {spec.unit}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside right upper", frameon=False)

    return svg(draw, height=3.6)
