"""Stored runs -> what a report of them holds -> Markdown and pictures, with neither torch nor a GPU.

>>> from pathlib import Path
>>> from bench.reports.run import rebuild
>>> rebuild("summarization", runs_root=Path("runs"), reports_root=Path("reports"))  # doctest: +SKIP
[PosixPath('reports/summarization-offline.md')]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.comparing.claims.review import find_siblings, load_documented
from bench.comparing.gate import Verdict, find_policy, judge, load_policy
from bench.comparing.gate.pairs import find_pairs
from bench.comparing.summary import RunSummary, summarize
from bench.core.errors import InputError
from bench.core.files import write_text
from bench.records.provenance import Code
from bench.records.store import ResultName, Store, StoredRun, runs_root_of
from bench.reports.naming import report_stem
from bench.reports.run.curves import curve_metrics
from bench.reports.run.generated import read_generated
from bench.reports.run.markdown import render
from bench.reports.run.pictures import curve_svg, evaluations_svg
from bench.reports.run.samples import choose
from bench.suites.resolve import load_suite


def assemble(runs: Sequence[StoredRun], store: Store) -> RunSummary:
    """Set runs beside the stored baseline and the documented claims.

    Claims that order methods need runs of the others: those stored beside these, or else their baselines.

    Args:
        runs: of one config, one a seed.
        store: where the other runs and the baselines are.

    Raises:
        InputError: a file cannot be read, or the runs are not of one config.
    """
    if not runs:
        raise InputError("no run folder was given; `bench run` makes one")
    first = runs[0].record
    stored = store.baseline_of(ResultName(first.suite, first.profile, first.method))
    documented = load_documented(first.suite, store)
    return summarize(
        [run.record for run in runs],
        statistics={run.record.seed: run.statistics_by_group for run in runs if run.has_statistics},
        baseline=None if stored is None else stored.baseline,
        baseline_statistics=None if stored is None else stored.statistics_by_group,
        gate=_gated(runs, store),
        documented=documented,
        siblings=find_siblings(documented, first, store),
    )


def _gated(runs: Sequence[StoredRun], store: Store) -> Verdict | str | None:
    """Return what the policy says of runs, or why it cannot; none where it does not name their suite and profile."""
    first = runs[0].record
    try:
        path = find_policy(store.roots)
    except InputError:
        return None
    try:
        policy = load_policy(path)
        if first.profile != policy.profile or first.suite not in policy.suites:
            return None
        # A page is about the runs as they were made; `bench gate` alone asks whether that is the code at hand.
        made_by = Code.of(first.environment)
        pairs = find_pairs([run.folder for run in runs], policy, store, made_by)
        return judge(pairs, policy, policy_path=str(path))
    except InputError as error:
        return str(error)


def write_report(summary: RunSummary, runs: Sequence[StoredRun], *, reports_root: Path) -> Path:
    """Write `<stem>.md`, `<stem>-curve.svg` and, where test rows were scored along the way, `<stem>-evaluations.svg`.

    `naming.report_stem` says what the stem is.

    Args:
        summary: what to report.
        runs: its runs; predictions, statistics and curves are read from them.
        reports_root: where the files go.

    Returns:
        The Markdown file.

    Raises:
        InputError: a run folder lacks its predictions, its statistics or its curve.
    """
    config = summary.config
    stem = report_stem(config)
    by_seed = {run.record.seed: run for run in sorted(runs, key=lambda run: run.record.seed)}
    missing = [record.seed for record in summary.records if record.seed not in by_seed]
    if missing:
        raise InputError(f"no run folder was given for seed {missing[0]}; give one for every seed of the comparison")
    figure = f"{stem}-curve.svg"
    write_text(reports_root / figure, curve_svg(summary, {seed: run.curve for seed, run in by_seed.items()}))
    evaluations_figure = None
    if curve_metrics(summary):
        evaluations_figure = f"{stem}-evaluations.svg"
        write_text(reports_root / evaluations_figure, evaluations_svg(summary))
    first = by_seed[summary.records[0].seed]
    text = render(
        summary,
        samples=choose(first.predictions_before, first.predictions, config.data.labels),
        generated=read_generated(summary, by_seed),
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
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Returns:
        The Markdown files.

    Raises:
        InputError: the suite is not known, nothing fitting is stored, or a file cannot be read.
    """
    store = Store(runs_root=runs_root, roots=roots)
    written = []
    for name in store.names_of_suite(load_suite(suite).name, profile=profile, method=method):
        runs = store.newest_runs(name)
        written.append(write_report(assemble(runs, store), runs, reports_root=reports_root))
    return written


def write_cell_report(
    cell: Path, *, reports_root: Path = Path("reports"), known: Sequence[StoredRun] = ()
) -> tuple[RunSummary, Path]:
    """Write the report of all seeds that are stored for one config.

    Args:
        cell: the config-key folder, the parent of the `seed-<n>` folders.
        reports_root: where the report goes.
        known: runs of the folder that have been read already.

    Returns:
        What the report shows, and its Markdown file.

    Raises:
        InputError: no run is stored in the folder, or a file cannot be read.
    """
    runs = sorted(Store(known=known).runs_in(cell), key=lambda run: run.record.seed)
    store = Store(runs_root=runs_root_of(runs[0]) if runs else None, known=runs)
    summary = assemble(runs, store)
    return summary, write_report(summary, runs, reports_root=reports_root)
