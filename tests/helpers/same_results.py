"""Run the same cells with the code of a commit and with this checkout's, and say in what their results differ.

    python tests/helpers/same_results.py COMMIT
    python tests/helpers/same_results.py COMMIT --suites imdb --methods full,lora --seeds 0-4
    python tests/helpers/same_results.py COMMIT --suites sentiment_sst2 --profile offline --methods frozen_body

Each code runs `bench sweep` in processes of its own: that of the commit in a git worktree, which is removed afterwards.
What may differ is `cost`, which code ran it (`commit`, `dirty`, `bench_version`, `code_sha256`), the schema version,
and how a config is spelled: both records are read by this checkout, which knows the old spellings. All else has to be
equal to the last bit, and every file beside the record byte by byte.
Ends with 1 where something differs or a run is missing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.records.store import RECORD_FILE, read_record

ROOT = Path(__file__).parents[2]
_WHO = ("commit", "dirty", "bench_version", "code_sha256")
_NEW = ("model.new_modules", "data.labels_are")
"""What older records do not say."""
MAY_DIFFER = {"cost", "schema_version", *_NEW, *(f"environment.{name}" for name in _WHO)}
FILES = ("predictions.jsonl", "predictions-before.jsonl", "statistics.safetensors", "curve.jsonl")
MOST_SHOWN = 8
Cell = tuple[str, str, str, int]
"""Suite, profile, method, seed."""


def differences(before: Path, after: Path) -> Iterator[str]:
    """Yield one line for each run that differs or is missing.

    Args:
        before: folder of runs by the code of the commit.
        after: folder of runs by this checkout's.
    """
    then, now = _records(before), _records(after)
    for cell in sorted(then.keys() | now.keys()):
        name = "{}/{}/{}, seed {}".format(*cell)
        if cell not in then or cell not in now:
            yield f"{name}: only {'this checkout' if cell in now else 'the commit'} ran it"
            continue
        found = [*_unlike(_values(then[cell]), _values(now[cell])), *_other_files(then[cell], now[cell])]
        if found:
            more = f"; and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
            yield f"{name}: {'; '.join(found[:MOST_SHOWN])}{more}"


def _records(root: Path) -> dict[Cell, Path]:
    records = {}
    for file in root.rglob(RECORD_FILE):
        record = read_record(file)
        records[record.suite, record.profile, record.method, record.seed] = file.parent
    return records


def _values(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = read_record(folder / RECORD_FILE).model_dump(mode="json", exclude_none=True)
    return values


def _unlike(then: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield the places of two JSON values at which they differ, with both."""
    if place in MAY_DIFFER:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*then, *now)):
            yield from _unlike(then.get(name), now.get(name), f"{place}.{name}".lstrip("."))
    elif then != now:
        yield f"{place} was {_short(then)}, is {_short(now)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _other_files(then: Path, now: Path) -> Iterator[str]:
    for name in FILES:
        contents = [(folder / name).read_bytes() if (folder / name).is_file() else None for folder in (then, now)]
        if contents[0] != contents[1]:
            yield f"{name} differs"


# --- running ---------------------------------------------------------------------------------------------------------


def run(checkout: Path, runs: Path, given: argparse.Namespace) -> None:
    """Run every cell with the code of a checkout.

    Raises:
        subprocess.CalledProcessError: a cell failed, or the command line was refused.
    """
    every = sorted(path.parent.name for path in checkout.glob("suites/*/suite.toml"))
    suites = given.suites.split(",") if given.suites else every
    words = ["--profile", given.profile, "--method", given.methods, "--seeds", given.seeds, "--slots", given.slots]
    fetch = ["--offline"] if given.profile == "tiny" else []
    command = [sys.executable, "-m", "bench", "sweep", *suites, *words, "--device", "cpu", *fetch, "--runs", str(runs)]
    subprocess.run(command, cwd=checkout, env={"OMP_NUM_THREADS": "1", **os.environ}, check=True)


def main() -> int:
    """Run both codes and print what differs; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", help="its code is run first")
    parser.add_argument("--suites", help="names with commas between; default: every suite")
    parser.add_argument("--methods", default="all", help="names with commas between; default: all that apply")
    parser.add_argument("--seeds", default="0-1", help="as `bench sweep`; default: 0-1")
    parser.add_argument("--profile", default="tiny", help="default: tiny")
    parser.add_argument("--slots", default=str(os.cpu_count() or 1), help="cells at a time; default: one a core")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        before, after, worktree = (Path(scratch) / name for name in ("before", "after", "worktree"))
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(worktree), given.commit], check=True)
        try:
            run(worktree, before, given)
        finally:
            subprocess.run([*git, "remove", "--force", str(worktree)], check=True)
        run(ROOT, after, given)
        lines = [*differences(before, after)]
        print(*lines, f"{len(_records(after))} runs, {len(lines)} differ from {given.commit}", sep="\n")  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
