"""Board -> values for JSON and CSV, at full precision: the rows of the page. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.comparing.leaderboard.board import Board, BoardEntry
from bench.comparing.leaderboard.targets import PerformanceProfile
from bench.reports.leaderboard import cells as words
from bench.statistics.differences import MeanDifference

_NO_DIFFERENCE = {"value": None, "low": None, "high": None, "p_value": None}


def values(board: Board) -> dict[str, Any]:
    """Return everything that a board says, for JSON."""
    selection = board.selection
    return {
        "suite": selection.suite,
        "profile": selection.profile,
        "metric": board.metric,
        "unit": board.unit,
        "higher_is_better": board.higher_is_better,
        "confidence": board.confidence,
        "correction": "shaffer",
        "reference": selection.reference,
        "target": board.target,
        "margin": board.margin,
        "methods": list(board.methods) or None,
        "good_enough": None if board.margin is None else [entry.name for entry in board.good_enough],
        "verdict": words.verdict(board),
        "warnings": words.warnings(board),
        "missing": words.why_missing(board),
        "left_out": list(selection.remarks),
        "n_tested": board.n_tested,
        "n_told_apart": board.n_told_apart,
        "rows": [_row(entry, board) | {"forgetting": _forgetting(entry)} for entry in board.entries],
        "pairs": [
            {
                "first": pair.a,
                "second": pair.b,
                "difference": _difference(pair.comparison.difference),
                "p_adjusted": pair.comparison.p_adjusted,
                "tested": pair.is_tested,
                "told_apart": pair.is_told_apart,
                "why": pair.comparison.why,
            }
            for pair in board.pairs
        ],
        "not_comparable": [
            {
                "method": result.side.name,
                "fields": [{"field": m.field, "its": m.ours, "leaderboard": m.theirs} for m in result.mismatches],
            }
            for result in selection.apart
        ],
    }


def profile_values(result: PerformanceProfile) -> dict[str, Any]:
    """Return a performance profile for JSON; the ratio of a suite whose target it did not reach is null."""
    ratios = [ratio if math.isfinite(ratio) else None for ratio in result.ratios]
    return {"method": result.method, "area": result.area, "ratios": ratios}


def csv_text(boards: Sequence[Board]) -> str:
    """Return the rows of several boards as one CSV table; a value that is missing is empty.

    Each unrelated text has two columns, `forgetting_nats TITLE` and `forgetting_sd_nats TITLE`.
    """
    rows = []
    for board in boards:
        for entry in board.entries:
            row = _row(entry, board)
            for title, rise in entry.forgetting.items():
                row[f"forgetting_nats {title}"] = rise.mean_nats
                row[f"forgetting_sd_nats {title}"] = rise.standard_deviation_nats
            rows.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*dict.fromkeys(name for row in rows for name in row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(entry: BoardEntry, board: Board) -> dict[str, Any]:
    level, comparison, reached = entry.level, entry.difference, entry.to_target
    difference = _difference(None if comparison is None else comparison.difference)
    return {
        "suite": board.selection.suite,
        "profile": board.selection.profile,
        "method": entry.name,
        "config_key": entry.side.records[0].config_key,
        "from": entry.side.kind,
        "rank": words.rank_text(entry),
        "rank_low": entry.rank_low,
        "rank_high": entry.rank_high,
        "letters": entry.letters,
        "metric": board.metric,
        "score": level.value,
        "score_low": level.low,
        "score_high": level.high,
        "score_over": level.over,
        "n_seeds": entry.n_seeds,
        "difference": difference["value"]
        if comparison is None or comparison.difference
        else comparison.a - comparison.b,
        "difference_low": difference["low"],
        "difference_high": difference["high"],
        "difference_p": difference["p_value"],
        "difference_p_adjusted": None if comparison is None else comparison.p_adjusted,
        "difference_is": entry.word,
        "margin": board.margin,
        "below_best_at_most": entry.shortfall,
        **asdict(entry.spent),
        "target": board.target,
        "to_target": _standing(entry, board),
        "seeds_at_target": None if reached is None else reached.n_reached,
        "steps_to_target": None if reached is None else reached.steps,
        "tokens_to_target": None if reached is None else reached.tokens,
        "seconds_to_target": None if reached is None else reached.seconds,
    }


def _difference(difference: MeanDifference | None) -> dict[str, Any]:
    return dict(_NO_DIFFERENCE) if difference is None else asdict(difference)


def _standing(entry: BoardEntry, board: Board) -> str:
    if board.target is None:
        return "no target"
    if entry.to_target is None:
        return "no curve"
    return "not reached" if entry.to_target.steps is None else "reached"


def _forgetting(entry: BoardEntry) -> dict[str, Any]:
    return {title: asdict(rise) for title, rise in entry.forgetting.items()}
