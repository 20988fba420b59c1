"""A row of a verdict in words for someone who knows no statistics: what moved, what differs, which rows broke. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bench.comparing.broken import BrokenRow
from bench.comparing.gate.verdict import Explanation, GateRow
from bench.core.wording import plural
from bench.reports.format import count, number, seconds, size

INPUT_CHARACTERS: Final = 80
"""Of what a row asked or was answered, in a sentence."""
_COSTS: Final = {
    "max_time_ratio": "training time",
    "max_memory_ratio": "peak memory",
    "max_trainable_ratio": "the number of trainable parameters",
    "max_size_ratio": "the size of the saved weights",
}


def in_words(row: GateRow) -> str:
    """Return what a row says, and why, as one line; what could not be judged says its reason."""
    if row.kind == "suite" or row.run is None or row.baseline is None or row.drop is None:
        return f"{row.name}: {row.reason}" if row.kind != "suite" else row.reason
    settle = [f"what would settle it: {row.reason}"] if row.outcome == "inconclusive" else []
    return "; ".join([_moved(row), *settle, *_why(row.explanation, row)])


def _moved(row: GateRow) -> str:
    """Return how a value moved, and whether that is allowed."""
    before, now = _shown(row, row.baseline), _shown(row, row.run)
    name = _COSTS.get(row.name, row.name)
    if before == now:
        return f"{name} is unchanged at {now}" + _allowed(row)
    direction = "rose" if (row.run or 0.0) > (row.baseline or 0.0) else "fell"
    worse = "" if row.higher_is_better or row.kind == "cost" else ", where lower is better"
    return f"{name} {direction} from {before} to {now}{worse}{_allowed(row)}"


def _allowed(row: GateRow) -> str:
    if row.margin is None:
        return " (no limit is set)"
    limit = f"{row.margin:g} times the baseline" if row.kind == "cost" else number(row.margin, row.unit)
    doubt = ""
    if row.outcome == "inconclusive":
        doubt = ", but chance may move it as far, so it is not settled whether the loss is within what is allowed"
    return f" (allowed: {limit}){doubt}"


def _shown(row: GateRow, value: float | None) -> str:
    if value is None:
        return "nothing"
    if row.kind == "cost":
        return {"bytes": size, "s": seconds}.get(row.unit, count)(value)
    return number(value, row.unit)


def _why(explanation: Explanation | None, row: GateRow) -> Iterator[str]:
    if explanation is None:
        return
    changes = [f"{change.setting} {change.baseline} -> {change.run}" for change in explanation.settings]
    yield f"settings that differ: {', '.join(changes) or 'none'}"
    yield f"code and libraries that differ: {', '.join(explanation.code) or 'none'}"
    if explanation.rows_unknown:
        yield f"which rows broke is not known: {explanation.rows_unknown}"
    broken = explanation.broken
    if broken is not None:
        rows = " ".join(f"({i}) {_row(row, broken_row)}" for i, broken_row in enumerate(broken.rows, 1))
        which = f": {rows}" if rows else ""
        yield (
            f"of {plural(broken.n_rows, 'test row')}, {broken.n_broken:,} score worse and {broken.n_mended:,} better; "
            f"{plural(len(broken.rows), 'row')} that broke most{which}"
        )


def _row(row: GateRow, broken: BrokenRow) -> str:
    """Return one row that broke: what it asks, what the run says, and how it scored before and now."""
    scores = f"{row.name} {number(broken.before, row.unit)} -> {number(broken.now, row.unit)}"
    if not broken.input and not broken.reference:
        return f"row {broken.id}, {scores} (the run keeps no predictions)"
    asked = f" {_cut(broken.input)!r}" if broken.input else ""
    return f"row {broken.id}{asked}, expected {_cut(broken.reference)!r}, got {_cut(broken.prediction)!r}, {scores}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= INPUT_CHARACTERS else f"{line[: INPUT_CHARACTERS - 1]}…"
