"""What sides that are shown together tell of the luck of seeds, for the many pairs that they make. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.comparing.side import Side
from bench.statistics.spread import SeedSpread, seed_spread


def seed_spreads(sides: Sequence[Side], metrics: Sequence[str] | None = None) -> Mapping[str, SeedSpread]:
    """Return metric -> how far seeds move it, over all sides that are scored like the first one that has it.

    Args:
        sides: of a leaderboard, a study or one `bench compare`; a config that comes twice counts once.
        metrics: default: all that any side scored.

    Returns:
        Without the metrics that fewer than three configs have two seeds of: there a pair stands for itself.
    """
    configs = {side.records[0].config_key: side for side in reversed(sides)}
    names = metrics if metrics is not None else [*dict.fromkeys(name for side in sides for name in side.config.metrics)]
    spreads = {}
    for name in names:
        scored = [side for side in reversed(configs.values()) if side.values(name)]
        alike = [side for side in scored if _scored_by(name, side) == _scored_by(name, scored[0])]
        if (spread := seed_spread([[*side.values(name).values()] for side in alike])) is not None:
            spreads[name] = spread
    return spreads


def _scored_by(metric: str, side: Side) -> tuple[str, str]:
    """Return what two scores must share to be of one scale: signature and rows."""
    record = side.records[0]
    return record.scores[metric].signature, record.data.splits["test"].fingerprint
