"""How a picture is drawn: as SVG whose bytes depend on the results and the matplotlib version alone.

matplotlib is imported when a picture is drawn, never with this module.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

_STYLE = {"svg.hashsalt": "bench", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}

BLUE = "#4477aa"
"""Told apart from `RED` by colour-blind readers too (Tol's bright and muted sets)."""
RED = "#cc6677"


def svg(draw: Callable[[Any], None], *, height: float) -> str:
    """Return what `draw` puts on a figure of this height in inches."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.0, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib ends some lines in spaces, which version control and editors would complain of.
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
