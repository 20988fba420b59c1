"""Why a row fails or is in doubt, as far as stored files tell: what differs between the sides, and which rows broke."""

from __future__ import annotations

from collections.abc import Iterator

from bench.comparing.broken import BrokenRows, broken_rows
from bench.comparing.gate.current import changed_settings, shown_value
from bench.comparing.gate.verdict import Explanation, GateRow, Origins, SettingChange
from bench.comparing.side import Side


def explain(row: GateRow, run: Side, baseline: Side, origins: Origins) -> Explanation | None:
    """Return what may have made a row what it is; none for a row that is neither a regression nor in doubt.

    Args:
        row: of a metric or a cost.
        run: what was gated.
        baseline: what it was held to.
        origins: of the two.
    """
    if row.outcome not in ("regression", "inconclusive"):
        return None
    settings = tuple(
        SettingChange(setting=path, baseline=shown_value(old), run=shown_value(new))
        for path, (old, new) in changed_settings(baseline.config, run.config).items()
    )
    broken: BrokenRows | str | None = None
    if row.kind == "metric" and row.drop is not None and row.drop > 0:
        seeds = [seed for seed in baseline.seeds if seed in run.seeds] if row.paired_seeds else None
        broken = broken_rows(run, baseline, row.name, seeds)
    return Explanation(
        settings=settings,
        code=tuple(_code(origins)),
        broken=None if isinstance(broken, str) else broken,
        rows_unknown=broken if isinstance(broken, str) else "",
    )


def _code(origins: Origins) -> Iterator[str]:
    """Yield what differs between the sides that is no setting: the code, and the libraries."""
    if origins.run is not None and origins.baseline is not None and origins.run.code != origins.baseline.code:
        yield f"{' and '.join(origins.baseline.code)} -> {' and '.join(origins.run.code)}"
    yield from origins.other_packages
