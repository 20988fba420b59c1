"""Board -> Markdown. Pure: the same board gives the same text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.comparing.leaderboard.board import Board
from bench.comparing.leaderboard.targets import MOST_TIMES_THE_FASTEST, PerformanceProfile
from bench.core.wording import plural
from bench.reports.comparison import VALUE_CHARACTERS
from bench.reports.format import cell, code, number, table
from bench.reports.leaderboard import cells as words
from bench.reports.run.markdown import subject


def render(board: Board, *, figures: Mapping[str, str]) -> str:
    """Return a leaderboard.

    Args:
        board: what to show.
        figures: `parameters` and `time` -> path of the picture, relative to the page.
    """
    selection = board.selection
    config = board.entries[0].side.config
    blocks = [
        f"# Leaderboard: {cell(selection.suite)}, {selection.profile} profile",
        subject(config),
        f"**{words.verdict(board, code)}**",
        *(f"**Mind:** {text}" for text in words.warnings(board, code)),
        "## Scores",
        _scores(board),
        cell(words.how_to_read(board), max_characters=_LONG),
        f"![Score against trainable parameters, with the Pareto front]({figures['parameters']})",
        "## Cost and forgetting",
        _cost(board),
        cell(words.what_costs(board), max_characters=_LONG),
        *_reasons(board),
        f"![Score against training time, with the Pareto front]({figures['time']})",
        "In both pictures bars are the intervals of the scores. The front joins the methods that no other beats in "
        "mean score and mean cost; it does not ask whether they are told apart.",
        *_apart(board),
        *_left_out(board),
        "## Results used",
        _used(board),
    ]
    return "\n\n".join(blocks) + "\n"


_LONG = 2000
"""Characters of a sentence of ours, none of which is cut."""


def _scores(board: Board) -> str:
    rows = [_named(words.score_cells(entry, board), 2) for entry in board.entries]
    return table([cell(text) for text in words.score_headings(board)], rows)


def _cost(board: Board) -> str:
    rows = [_named(words.cost_cells(entry, board), 0) for entry in board.entries]
    return table([cell(text) for text in words.cost_headings(board)], rows)


def _named(cells: Sequence[str], place: int) -> tuple[str, ...]:
    """Return a row whose method, at `place`, is in code type; the rest are numbers and words of ours."""
    return tuple(code(text) if i == place else text for i, text in enumerate(cells))


def _reasons(board: Board) -> Iterable[str]:
    if sentences := words.why_missing(board):
        yield "\n".join(f"- {cell(text, max_characters=_LONG)}" for text in sentences)


def _apart(board: Board) -> Iterable[str]:
    if not board.selection.apart:
        return
    yield "## Not comparable with the rest"
    yield "These are stored too, and differ in what all methods of a leaderboard must share."
    rows = [
        (
            code(result.side.name),
            code(mismatch.field),
            cell(mismatch.ours, max_characters=VALUE_CHARACTERS),
            cell(mismatch.theirs, max_characters=VALUE_CHARACTERS),
        )
        for result in board.selection.apart
        for mismatch in result.mismatches
    ]
    yield table(("method", "field", "its value", "the leaderboard's"), rows)


def _left_out(board: Board) -> Iterable[str]:
    if board.selection.remarks:
        yield "## Left out"
        yield "\n".join(f"- {cell(text, max_characters=_LONG)}." for text in board.selection.remarks)


def _used(board: Board) -> str:
    rows = []
    for entry in board.entries:
        side = entry.side
        devices = dict.fromkeys(record.environment.device for record in side.records)
        kind = "runs" if side.created is None else f"baseline of {side.created}"
        seeds = ", ".join(map(str, side.seeds))
        rows.append((code(entry.name), kind, code(side.records[0].config_key), seeds, cell(", ".join(devices))))
    return table(("method", "from", "config key", "seeds", "device"), rows)


# --- several suites --------------------------------------------------------------------------------------------------


def render_profiles(
    profile: str, boards: Sequence[Board], profiles: Sequence[PerformanceProfile], *, figure: str
) -> str:
    """Return the page on the time to target over several suites.

    Args:
        profile: the suites' profile.
        boards: those with a time to target, in the order of `ratios`.
        profiles: one a method that was measured on all of them, the best first.
        figure: path of the picture, relative to the page.
    """
    names = [board.selection.suite for board in boards]
    rows = [
        (
            code(result.method),
            number(result.area),
            *("not reached" if ratio == float("inf") else f"{ratio:.2f}" for ratio in result.ratios),
        )
        for result in profiles
    ]
    measured = {entry.name for board in boards for entry in board.entries if entry.to_target is not None}
    missing = sorted(measured - {result.method for result in profiles})
    blocks = [
        f"# Time to target over {plural(len(boards), 'suite')}, {profile} profile",
        table(("method", "area", *map(cell, names)), rows),
        "A suite's column is the time to its target over that of the fastest method. Area: the share of suites in "
        "which a method takes at most so many times as long as the fastest, averaged over 1 to "
        f"{MOST_TIMES_THE_FASTEST:g} times; 1 is the fastest everywhere (Dahl et al. 2023, after Dolan and More 2002).",
        f"![Share of suites within a factor of the fastest]({figure})",
    ]
    if missing:
        blocks.append(f"Not measured on every suite, and so left out: {', '.join(map(code, missing))}.")
    return "\n\n".join(blocks) + "\n"
