"""Reports: stored runs -> Comparison -> Markdown and a picture, with neither torch nor a GPU.

>>> from pathlib import Path
>>> from bench import report
>>> report.rebuild("summarization", runs_root=Path("runs"), reports_root=Path("reports"))  # doctest: +SKIP
[PosixPath('reports/summarization-offline.md')]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.comparing.claims.review import find_siblings, load_documented, review_all
from bench.comparing.summary import RunSummary, summarize
from bench.core.errors import InputError
from bench.core.files import read_rows, write_text
from bench.records import baselines as baseline
from bench.records.baselines import STATISTICS_FILE
from bench.records.record import RECORD_FILE, RunRecord, read_record
from bench.records.store import find_cells, find_runs, runs_root_of
from bench.reports.naming import is_as_shipped, report_stem
from bench.reports.overview import OVERVIEW_FILE, OverviewRow, render_overview
from bench.reports.plots import curve_svg, evaluations_svg
from bench.reports.run.curves import curve_metrics
from bench.reports.run.generated import read_generated, stored_statistics
from bench.reports.run.markdown import render
from bench.reports.samples import choose
from bench.suites.resolve import PROFILES, load_suite

if TYPE_CHECKING:
    from bench.comparing.gate import Verdict

__all__ = ["assemble", "find_cells", "find_runs", "rebuild", "render", "write_overview", "write_report"]


def assemble(runs: Sequence[Path], *, roots: Sequence[Path] | None = None) -> RunSummary:
    """Load runs, and set them beside the stored baseline and the documented claims.

    Claims that order methods need runs of the others: those stored beside these, or else their baselines.

    Args:
        runs: run folders of one config, one a seed.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Raises:
        InputError: a file cannot be read, or the runs are not of one config.
    """
    if not runs:
        raise InputError("no run folder was given; `bench run` makes one")
    records = [read_record(folder) for folder in runs]
    first = records[0]
    path = baseline.find(first.suite, first.profile, first.method, roots=roots)
    documented = load_documented(first.suite, roots=roots)
    with_statistics = [run for run in zip(records, runs, strict=True) if (run[1] / STATISTICS_FILE).is_file()]
    return summarize(
        records,
        statistics={record.seed: stored_statistics(folder) for record, folder in with_statistics},
        baseline=None if path is None else baseline.load(path),
        baseline_statistics=None if path is None else baseline.load_statistics(path),
        gate=_gated(runs, first, roots),
        documented=documented,
        siblings=find_siblings(documented, first, runs_root=runs_root_of(runs[0], first), roots=roots),
    )


def _gated(runs: Sequence[Path], first: RunRecord, roots: Sequence[Path] | None) -> Verdict | str | None:
    """Return what the policy says of runs, or why it cannot; none where it does not name their suite and profile."""
    from bench.comparing.gate import decide_pairs, find_policy, load_policy  # it needs the tables of this package
    from bench.comparing.gate.pairs import find_pairs

    try:
        path = find_policy(roots)
    except InputError:
        return None
    try:
        policy = load_policy(path)
        if first.profile != policy.profile or first.suite not in policy.suites:
            return None
        pairs = find_pairs(runs, policy, runs_root=Path(), roots=roots)
        return decide_pairs(pairs, policy, policy_path=str(path))
    except InputError as error:
        return str(error)


def write_report(comparison: RunSummary, runs: Sequence[Path], *, reports_root: Path) -> Path:
    """Write `<stem>.md`, `<stem>-curve.svg` and, where test rows were scored along the way, `<stem>-evaluations.svg`.

    `naming.report_stem` says what the stem is.

    Args:
        comparison: what to report.
        runs: the folders of its runs; predictions, statistics and curves are read from them.
        reports_root: where the files go.

    Returns:
        The Markdown file.

    Raises:
        InputError: a run folder lacks its predictions, its statistics or its curve.
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
    evaluations_figure = None
    if curve_metrics(comparison):
        evaluations_figure = f"{stem}-evaluations.svg"
        write_text(reports_root / evaluations_figure, evaluations_svg(comparison))
    first = folders[comparison.records[0].seed]
    before, after = (_rows(first, f"{name}.jsonl") for name in ("predictions-before", "predictions"))
    text = render(
        comparison,
        samples=choose(before, after, config.data.labels),
        generated=read_generated(comparison, folders, before, after),
        figure=figure,
        evaluations_figure=evaluations_figure,
    )
    path = reports_root / f"{stem}.md"
    write_text(path, text)
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
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

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


def write_overview(*, runs_root: Path, reports_root: Path, roots: Sequence[Path] | None = None) -> Path:
    """Write one page on all suites, profiles and methods that have stored runs or a baseline, and on all claims.

    Args:
        runs_root: where runs are stored.
        reports_root: where the page goes, as `README.md`; reports and leaderboards that lie there already are linked.
        roots: folders of baselines; default: `bench.records.baselines.default_roots()`.

    Returns:
        The Markdown file.

    Raises:
        InputError: a file cannot be read.
    """
    stored = {file.parts[-6:-3] for file in runs_root.glob(f"*/*/*/*/seed-*/{RECORD_FILE}")}
    kept = {tuple(baseline.name_of(path).split("/")): path for path in baseline.find_all(roots=roots)}
    cells = []
    for suite, profile, method in sorted({*stored, *kept}, key=_place):
        if (suite, profile, method) in stored:
            comparison = assemble(find_runs(runs_root, suite, profile, method), roots=roots)
        else:
            comparison = _of_baseline(kept[suite, profile, method])
        report = f"{report_stem(comparison.config)}.md"
        cells.append(
            OverviewRow(
                kind="runs" if (suite, profile, method) in stored else "baseline",
                comparison=comparison,
                report=report if (reports_root / report).is_file() else None,
                is_as_shipped=is_as_shipped(comparison.config),
            )
        )
    path = reports_root / OVERVIEW_FILE
    leaderboards = [page.name for page in reports_root.glob("*-leaderboard.md")]
    write_text(path, render_overview(cells, review_all(runs_root=runs_root, roots=roots), leaderboards))
    return path


def _place(name: tuple[str, ...]) -> tuple[str, int, str]:
    """Return the order of suite, profile and method: the profile nearest to the recipe first."""
    suite, profile, method = name
    return suite, PROFILES.index(profile) if profile in PROFILES else len(PROFILES), method


def _of_baseline(path: Path) -> RunSummary:
    """Return a baseline's own results; it keeps no statistics of before fine-tuning."""
    statistics = baseline.load_statistics(path)
    return summarize(
        baseline.load(path).records(), statistics={seed: {"after": by_metric} for seed, by_metric in statistics.items()}
    )


def _rows(folder: Path, name: str) -> list[dict[str, object]]:
    try:
        return read_rows(folder / name)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / name}: cannot be read ({error}); run again with --force to replace it") from None


def write_cell_report(cell: Path, *, reports_root: Path = Path("reports")) -> tuple[RunSummary, Path]:
    """Write the report of all seeds that are stored for one config.

    Args:
        cell: the config-key folder, the parent of the `seed-<n>` folders.
        reports_root: where the report goes.

    Returns:
        What the report shows, and its Markdown file.
    """
    runs = sorted((file.parent for file in cell.glob(f"seed-*/{RECORD_FILE}")), key=lambda run: read_record(run).seed)
    comparison = assemble(runs)
    return comparison, write_report(comparison, runs, reports_root=reports_root)
