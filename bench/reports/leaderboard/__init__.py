"""The pages of a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.comparing.leaderboard import over_suites
from bench.comparing.leaderboard.board import Board
from bench.core.files import write_text
from bench.reports.leaderboard.markdown import render, render_profiles
from bench.reports.leaderboard.pictures import front_svg, profiles_svg
from bench.reports.naming import leaderboard_stem


def write(boards: Sequence[Board], *, reports_root: Path) -> list[Path]:
    """Write each leaderboard with its two pictures, and a page on the time to target over suites where there is one.

    Args:
        boards: what `leaderboards` returned.
        reports_root: where the files go.

    Returns:
        The Markdown files.
    """
    written = []
    for board in boards:
        stem = leaderboard_stem(board.selection.suite, board.selection.profile)
        figures = {"parameters": f"{stem}-parameters.svg", "time": f"{stem}-time.svg"}
        write_text(reports_root / figures["parameters"], front_svg(board, "parameters"))
        write_text(reports_root / figures["time"], front_svg(board, "time"))
        written.append(reports_root / f"{stem}.md")
        write_text(written[-1], render(board, figures=figures))
    for profile, (timed, profiles) in over_suites(boards).items():
        stem = f"time-to-target-{profile}"
        write_text(reports_root / f"{stem}.svg", profiles_svg(profiles))
        written.append(reports_root / f"{stem}.md")
        write_text(written[-1], render_profiles(profile, timed, profiles, figure=f"{stem}.svg"))
    return written
