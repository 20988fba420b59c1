"""Reports: stored runs -> Comparison -> Markdown and a picture, with neither torch nor a GPU.

>>> from pathlib import Path
>>> from bench import report
>>> report.rebuild("summarization", runs_root=Path("runs"), reports_root=Path("reports"))  # doctest: +SKIP
[PosixPath('reports/summarization-offline.md')]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import baseline
from bench.compare import Comparison, compare
from bench.errors import InputError, suggest
from bench.record import RECORD_FILE, read_record, read_rows, write_text
from bench.report.markdown import render
from bench.report.naming import report_stem
from bench.report.plots import curve_svg
from bench.report.samples import Sample, choose
from bench.suite import load_suite

__all__ = ["assemble", "find_cells", "find_runs", "rebuild", "render", "write_report"]


def find_runs(root: Path, suite: str, profile: str, method: str) -> list[Path]:
    """Return the run folders of the newest config key, in the order of their seeds.

    Newest is the config whose latest run started last.

    Raises:
        InputError: no run of that suite, profile and method is stored.
    """
    by_key: dict[Path, list[tuple[int, str, Path]]] = {}
    for file in (root / suite / profile / method).glob(f"*/seed-*/{RECORD_FILE}"):
        record = read_record(file)
        by_key.setdefault(file.parent.parent, []).append((record.seed, record.cost.started_at, file.parent))
    if not by_key:
        raise InputError(
            f"{root}/{suite}/{profile}/{method}: no run is stored here; "
            f"make one with `bench run suites/{suite} --profile {profile} --method {method}`"
        )
    newest = max(by_key.values(), key=lambda runs: max(started_at for _, started_at, _ in runs))
    return [folder for _, _, folder in sorted(newest)]


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


def assemble(runs: Sequence[Path], *, roots: Sequence[Path] | None = None) -> Comparison:
    """Load runs, and set them beside the stored baseline and the documented claims.

    Args:
        runs: run folders of one config, one a seed.
        roots: folders of baselines; default: `bench.baseline.default_roots()`.

    Raises:
        InputError: a file cannot be read, or the runs are not of one config.
    """
    if not runs:
        raise InputError("no run folder was given; `bench run` makes one")
    records = [read_record(folder) for folder in runs]
    first = records[0]
    path = baseline.find(first.suite, first.profile, first.method, roots=roots)
    return compare(
        records,
        baseline=None if path is None else baseline.load(path),
        documented=baseline.documented(first.suite, roots=roots),
    )


def write_report(comparison: Comparison, runs: Sequence[Path], *, reports_root: Path) -> Path:
    """Write `<stem>.md` and `<stem>-curve.svg`; `naming.report_stem` says what the stem is.

    Args:
        comparison: what to report.
        runs: the folders of its runs; predictions and curves are read from them.
        reports_root: where the two files go.

    Returns:
        The Markdown file.

    Raises:
        InputError: a run folder lacks its predictions or its curve.
    """
    config = comparison.config
    stem = report_stem(config)
    folders = {read_record(folder).seed: folder for folder in runs}
    missing = [record.seed for record in comparison.records if record.seed not in folders]
    if missing:
        raise InputError(f"no run folder was given for seed {missing[0]}; give one for every seed of the comparison")
    curves = {seed: _rows(folder, "curve.jsonl") for seed, folder in sorted(folders.items())}
    figure = f"{stem}-curve.svg"
    write_text(reports_root / figure, curve_svg(comparison, curves))
    samples = _samples(comparison, folders[comparison.records[0].seed])
    path = reports_root / f"{stem}.md"
    write_text(path, render(comparison, samples=samples, figure=figure))
    return path


def rebuild(
    suite: str,
    *,
    profile: str | None = None,
    method: str | None = None,
    runs_root: Path,
    reports_root: Path,
    roots: Sequence[Path] | None = None,
) -> list[Path]:
    """Write the reports of a suite again, from stored runs of the newest config keys.

    Args:
        suite: its folder or name.
        profile: only this profile; default: all that are stored.
        method: only this method; default: all that are stored.
        runs_root: where runs are stored.
        reports_root: where reports go.
        roots: folders of baselines; default: `bench.baseline.default_roots()`.

    Returns:
        The Markdown files.

    Raises:
        InputError: the suite is not known, nothing fitting is stored, or a file cannot be read.
    """
    file = load_suite(suite)
    written = []
    for one_profile, one_method in find_cells(runs_root, file.name, profile=profile, method=method):
        runs = find_runs(runs_root, file.name, one_profile, one_method)
        written.append(write_report(assemble(runs, roots=roots), runs, reports_root=reports_root))
    return written


def _samples(comparison: Comparison, folder: Path) -> tuple[Sample, ...]:
    before, after = (_rows(folder, f"{name}.jsonl") for name in ("predictions-before", "predictions"))
    return choose(before, after, comparison.config.data.labels)


def _rows(folder: Path, name: str) -> list[dict[str, object]]:
    try:
        return read_rows(folder / name)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name}: cannot be read ({error}); run again with --force to replace it") from None
