"""The statistics of every metric that is a mean of per-example values, and the text form of a signature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def mean_statistics(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (n_examples, 2): the value of each example, and 1 for the example itself."""
    column = np.asarray(values, dtype=np.float64)
    return np.stack([column, np.ones_like(column)], axis=1)


def mean_of(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sum / count, from totals (..., 2) to values (...)."""
    means: NDArray[np.float64] = totals[..., 0] / totals[..., 1]
    return means


def signature_of(name: str, **parts: str | int | bool) -> str:
    """Return `name|key:value|...`; truth values read `yes` and `no`."""
    shown = {key: ("yes" if value else "no") if isinstance(value, bool) else value for key, value in parts.items()}
    return "|".join([name, *(f"{key}:{value}" for key, value in shown.items())])
