"""Comparisons of what is stored, named as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.comparing.compare import Comparison, adjusted_together
from bench.comparing.compare import compare as compare_pair
from bench.comparing.family import seed_spreads
from bench.comparing.side import Side, load_side
from bench.core.errors import InputError
from bench.records.store import Store
from bench.statistics.spread import SeedSpread
from bench.statistics.tests import Correction


def compare(
    first: str | Path | Side,
    other: str | Path | Side,
    *,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    correction: Correction = "holm",
    allow: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    roots: Sequence[Path] | None = None,
) -> Comparison:
    """Compare two sides, metric by metric: the other minus the first, as `bench compare FIRST OTHER`; loads no torch.

    Args:
        first: the side that the other is compared with; see `bench.comparing.side.load_side`.
        other: the side that is looked at.
        metrics: which to compare; default: all that either side scored.
        confidence: coverage the intervals aim at, in (0, 1).
        correction: of the p-values over all rows: `holm`, `benjamini-hochberg` or `none`.
        allow: fields that may differ, such as `training.batch_size`.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Returns:
        The rows, whose `b` is the first side and whose `a` is the other; or the fields in which the two are unlike.

    Raises:
        InputError: a side cannot be read, or a name or setting is wrong.
    """
    return compare_sides(
        (first, other),
        metrics=metrics,
        confidence=confidence,
        correction=correction,
        allow=allow,
        runs_root=runs_root,
        roots=roots,
    )[0]


def compare_sides(
    sides: Sequence[str | Path | Side],
    *,
    metrics: Sequence[str] | None = None,
    confidence: float = 0.95,
    correction: Correction = "holm",
    allow: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    roots: Sequence[Path] | None = None,
    spreads: Mapping[str, SeedSpread] | None = None,
) -> tuple[Comparison, ...]:
    """Compare the first side with each of the others; loads no torch.

    Args:
        sides: two or more; see `bench.comparing.side.load_side`.
        metrics: which to compare; default: all that either side scored.
        confidence: coverage the intervals aim at, in (0, 1).
        correction: of the p-values over all rows of all tables: `holm`, `benjamini-hochberg` or `none`.
        allow: fields that may differ, such as `training.batch_size`.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.store.default_roots()`.
        spreads: metric -> how far seeds move it, from a larger family that these sides are of; default: what these
            sides show together, where they are three or more.

    Returns:
        One table for each of the others: that side minus the first.

    Raises:
        InputError: there are fewer sides than two, one cannot be read, or a name or setting is wrong.
    """
    if len(sides) < 2:
        raise InputError(f"{len(sides)} side(s) were given; a comparison needs two or more")
    store = Store(runs_root=runs_root, roots=roots)
    first, *others = (side if isinstance(side, Side) else load_side(side, store) for side in sides)
    spreads = seed_spreads([first, *others]) if spreads is None else spreads
    tables = [
        compare_pair(
            other,
            first,
            metrics=metrics,
            confidence=confidence,
            correction=correction,
            allow=allow,
            spreads=spreads,
        )
        for other in others
    ]
    return adjusted_together(tables, correction)
