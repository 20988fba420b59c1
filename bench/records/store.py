"""What is stored: which records stand for a suite, profile and method, and what they say of the recipe's claims."""

from __future__ import annotations

from pathlib import Path

from bench.core.errors import InputError, suggest
from bench.records.record import RECORD_FILE, RunRecord, read_record, run_folder

# --- stored runs -----------------------------------------------------------------------------------------------------


def find_runs(root: Path, suite: str, profile: str, method: str) -> list[Path]:
    """Return the run folders of the newest config key, in the order of their seeds.

    Newest is the config whose latest run started last.

    Raises:
        InputError: no run of that suite, profile and method is stored.
    """
    runs = newest_runs(root, suite, profile, method)
    if not runs:
        raise InputError(
            f"{root}/{suite}/{profile}/{method}: no run is stored here; "
            f"make one with `bench run suites/{suite} --profile {profile} --method {method}`"
        )
    return [folder for folder, _ in runs]


def newest_runs(root: Path, suite: str, profile: str, method: str) -> list[tuple[Path, RunRecord]]:
    """Return folder and record of each run of the newest config key, by seed; empty where none is stored."""
    by_key: dict[Path, list[tuple[Path, RunRecord]]] = {}
    for file in (root / suite / profile / method).glob(f"*/seed-*/{RECORD_FILE}"):
        by_key.setdefault(file.parent.parent, []).append((file.parent, read_record(file)))
    newest = max(by_key.values(), key=lambda runs: max(record.cost.started_at for _, record in runs), default=[])
    return sorted(newest, key=lambda run: run[1].seed)


def find_cells(root: Path, suite: str, *, profile: str | None, method: str | None) -> list[tuple[str, str]]:
    """Return the (profile, method) pairs of a suite that have stored runs.

    Args:
        root: the folder of runs.
        suite: name of the suite.
        profile: keep only this one.
        method: keep only this one.

    Raises:
        InputError: nothing is stored that fits.
    """
    stored = sorted({file.parts[-5:-3] for file in (root / suite).glob(f"*/*/*/seed-*/{RECORD_FILE}")})
    cells = [(p, m) for p, m in stored if profile in (None, p) and method in (None, m)]
    if not cells:
        names = ", ".join(f"{p}/{m}" for p, m in stored) or "nothing"
        wanted = f"{profile or '*'}/{method or '*'}"
        raise InputError(
            f"{root}/{suite}: no stored run of {wanted} (stored: {names}); make one with `bench run suites/{suite}`"
            + (suggest(method, [m for _, m in stored]) if method and stored else "")
        )
    return cells


# --- evidence --------------------------------------------------------------------------------------------------------


def runs_root_of(folder: Path, record: RunRecord) -> Path | None:
    """Return the folder of runs that a run folder stands in, or None where it is not where `bench run` puts it."""
    folder = folder.resolve()
    root = next(iter(folder.parents[4:5]), None)
    return root if root is not None and run_folder(root, record.config, record.seed) == folder else None


# --- claims ----------------------------------------------------------------------------------------------------------
