"""Leaderboards: the stored methods of a suite by score, with the pairs that the rows and seeds tell apart.

    >>> from pathlib import Path
    >>> from bench.comparing.leaderboard import leaderboards
    >>> from bench.reports.leaderboard import write
    >>> boards = leaderboards(["imdb"], profile="tiny")                    # doctest: +SKIP
    >>> write(boards, reports_root=Path("reports"))                        # doctest: +SKIP
    [PosixPath('reports/imdb-tiny-leaderboard.md')]

`selection` finds what is stored and can be compared, `board` sets it side by side, `targets` says what a target score
cost, and `bench.reports.leaderboard` shows it. It reads stored files and loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.comparing.leaderboard.board import Board, build_board
from bench.comparing.leaderboard.selection import find_methods, select
from bench.comparing.leaderboard.targets import PerformanceProfile, performance_profiles
from bench.comparing.side import Side, load_side
from bench.core.errors import InputError, suggest
from bench.records.store import Store
from bench.suites.resolve import PROFILES, SuiteFile, load_suite

__all__ = ["Board", "leaderboards", "over_suites"]


def leaderboards(
    suites: Sequence[str | Path] = (),
    *,
    profile: str | None = None,
    named: Sequence[str] = (),
    metric: str | None = None,
    target: float | None = None,
    confidence: float = 0.95,
    margin: float | None = None,
    methods: Sequence[str] = (),
    runs_root: Path = Path("runs"),
    roots: Sequence[Path] | None = None,
) -> tuple[Board, ...]:
    """Build a leaderboard for each suite and profile.

    Args:
        suites: folders or names; default: all of which two methods or more are stored.
        profile: only this one; default: all of which two methods or more are stored.
        named: sides to show beside those that are chosen, as `bench.comparing.side.load_side` takes them.
        metric: what methods are ranked by; default: each suite's primary metric.
        target: the score whose cost is asked for; default: the mean score of each suite's default method.
        confidence: coverage the intervals aim at, in (0, 1).
        margin: how far below the best is good enough, in the metric's unit; default: no method is called so.
        methods: names of those to set against each other and the reference, as the boards have them; default: all. The
            fewer they are, the smaller the difference that can be found.
        runs_root: where runs are stored.
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Returns:
        The boards, those of a suite together, the profile nearest to the recipe first.

    Raises:
        InputError: nothing fitting is stored, a suite, profile, metric, side or method is not known, a side or method
            is of no board, the margin is not above 0, or a file cannot be read.
    """
    if profile is not None and profile not in PROFILES:
        raise InputError(f"profile {profile!r} is not known{suggest(profile, PROFILES)}")
    store = Store(runs_root=runs_root, roots=roots)
    sides = [load_side(name, store) for name in named]
    files = [load_suite(suite) for suite in suites or _stored_suites(store)]
    boards = []
    for file in files:
        own = [side for side in sides if side.config.suite == file.name]
        for name in [profile] if profile and suites else _profiles(file, profile, store):
            beside = [side for side in own if side.config.profile == name]
            selection = select(file, name, store, metric=metric, named=beside)
            boards.append(build_board(selection, target=target, confidence=confidence, margin=margin, methods=methods))
    if not boards:
        raise InputError(
            f"{runs_root}: no suite has results of two methods or more of one profile; run another method, such as "
            "`bench run suites/imdb --method full`, or name a suite and its profile to see its one method"
        )
    _check_named(sides, boards)
    _check_methods(methods, boards)
    return tuple(boards)


def _stored_suites(store: Store) -> list[str]:
    """Return the suites with stored results that this bench still knows."""
    known = []
    for suite in sorted({name.suite for name in (*store.names(), *(stored.name for stored in store.baselines()))}):
        try:
            known.append(load_suite(f"suites/{suite}").name)
        except InputError:
            continue  # its folder has moved since the run; it can be named by path
    return known


def _profiles(file: SuiteFile, profile: str | None, store: Store) -> list[str]:
    names = [name for name in PROFILES if name in file.profiles and profile in (None, name)]
    return [name for name in names if len(find_methods(file.name, name, store)) > 1]


def _check_named(sides: Sequence[Side], boards: Sequence[Board]) -> None:
    asked = {(board.selection.suite, board.selection.profile) for board in boards}
    for side in sides:
        if (side.config.suite, side.config.profile) not in asked:
            names = ", ".join(f"{suite} {profile}" for suite, profile in sorted(asked))
            raise InputError(
                f"--side {side.name}: it is of {side.config.suite} {side.config.profile}, and the leaderboards are of "
                f"{names}; ask for its suite and profile too"
            )


def _check_methods(methods: Sequence[str], boards: Sequence[Board]) -> None:
    known = dict.fromkeys(entry.name for board in boards for entry in board.entries)
    for method in methods:
        if method not in known:
            raise InputError(
                f"--methods: {method!r} is on no leaderboard asked for{suggest(method, known)}; on them are "
                f"{', '.join(known)}"
            )


def over_suites(boards: Sequence[Board]) -> dict[str, tuple[tuple[Board, ...], tuple[PerformanceProfile, ...]]]:
    """Return the performance profiles of each profile with two suites that have a time to target, and two methods.

    Args:
        boards: what `leaderboards` returned.

    Returns:
        Profile -> the boards with a time, and one performance profile for each method measured on all of them.
    """
    by_profile = {}
    for profile in dict.fromkeys(board.selection.profile for board in boards):
        timed = tuple(board for board in boards if board.selection.profile == profile and _has_time(board))
        profiles = performance_profiles([_seconds(board) for board in timed])
        if len(timed) > 1 and len(profiles) > 1:
            by_profile[profile] = (timed, profiles)
    return by_profile


def _has_time(board: Board) -> bool:
    return any(seconds is not None for seconds in _seconds(board).values())


def _seconds(board: Board) -> dict[str, float | None]:
    return {entry.name: entry.to_target.seconds for entry in board.entries if entry.to_target is not None}
