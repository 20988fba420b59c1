"""How much a learning curve swings around its own trend.

Two things go by the name of stability, and a method may have one without the other:

- `stability`: how restless one run is along the way. It says what stopping a little earlier or later would have cost,
  and it can be seen in a single run.
- The spread across seeds: the standard deviation of the final score (Mosbach, Andriushchenko and Klakow 2021, "On the
  Stability of Fine-tuning BERT", ICLR). It says what another run would have given. It takes several runs, so it is
  computed where records are together (`bench.comparing.claims.ordering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError

MIN_VALUES = 3
"""A pseudo-residual takes a point and both its neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """How restless one learning curve is, in the metric's unit."""

    swing: float
    """Standard deviation around the curve's own trend."""
    early_swing: float
    """The same over the first third of the evaluations, three at least."""
    late_swing: float | None
    """The same over the rest; none where the rest is fewer than three."""
    largest_fall: float
    """Largest worsening from one evaluation to the next, 0 or above."""


def stability(values: Sequence[float], *, higher_is_better: bool = True) -> Stability:
    """Return the local noise of a learning curve.

    Each inner point is set against the mean of its two neighbours, e_i = (x_(i-1) + x_(i+1)) / 2 - x_i, and the swing
    is sqrt(2/3 * mean(e_i ** 2)). A straight rise has no swing. White noise of standard deviation s has the swing s,
    since e_i then has the variance 3/2 * s ** 2. A bend counts with its curvature, so learning that is sudden swings.

    Args:
        values: (n,) one score an evaluation, evenly spaced, n >= 3.
        higher_is_better: direction of the score; a fall is a step the other way.

    Raises:
        InputError: there are fewer than three values, or one is not finite.

    Source:
        Gasser, Sroka and Jennen-Steinmetz 1986, "Residual variance and residual pattern in nonlinear regression",
        Biometrika 73(3), for even spacing.
    """
    curve = np.asarray(values, dtype=np.float64)
    if curve.size < MIN_VALUES or not np.isfinite(curve).all():
        raise InputError(f"stability needs {MIN_VALUES} or more finite values, got {list(values)!r}")
    n_early = max(MIN_VALUES, curve.size // 3)
    late = curve[n_early:]
    gains = np.diff(curve) if higher_is_better else -np.diff(curve)
    return Stability(
        swing=_swing(curve),
        early_swing=_swing(curve[:n_early]),
        late_swing=_swing(late) if late.size >= MIN_VALUES else None,
        largest_fall=max(0.0, float(-gains.min())),
    )


def _swing(curve: NDArray[np.float64]) -> float:
    residuals = (curve[:-2] + curve[2:]) / 2 - curve[1:-1]  # (n - 2,)
    return float(np.sqrt(2 / 3 * np.mean(residuals**2)))
