"""Reports of run folders, as tests name them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.comparing.summary import RunSummary
from bench.records.store import RECORD_FILE, Store, StoredRun, runs_root_of
from bench.reports import run as run_report


def stored_runs(folders: Sequence[Path]) -> list[StoredRun]:
    """Return the stored runs of run folders."""
    return [StoredRun(file=folder / RECORD_FILE) for folder in folders]


def assemble(folders: Sequence[Path], *, roots: Sequence[Path] | None = None) -> RunSummary:
    """Return what a report of run folders holds; the other runs are those beside them."""
    runs = stored_runs(folders)
    store = Store(runs_root=runs_root_of(runs[0]) if runs else None, roots=roots, known=runs)
    return run_report.assemble(runs, store)


def write_report(summary: RunSummary, folders: Sequence[Path], *, reports_root: Path) -> Path:
    """Write the report of run folders."""
    return run_report.write_report(summary, stored_runs(folders), reports_root=reports_root)
