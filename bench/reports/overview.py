"""One page for everything that is stored: every suite, profile and method, and every documented claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Literal

from bench import metrics
from bench.comparing.claims.review import Review, StoredResults, review_all
from bench.comparing.summary import RunSummary, summarize
from bench.core.files import write_text
from bench.core.wording import plural
from bench.records.record import Cost
from bench.records.store import ResultName, Store, StoredBaseline
from bench.reports.comparison import difference_text, p_text
from bench.reports.format import cell, code, estimated, seconds, size, table
from bench.reports.naming import is_as_shipped, leaderboard_stem, report_stem
from bench.reports.run.claims import claim_table
from bench.reports.run.writing import assemble
from bench.suites.resolve import PROFILES

OVERVIEW_FILE = "README.md"
"""Its name in the folder of reports: what a repository's site shows of a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """What is stored of one suite, profile and method."""

    kind: Literal["runs", "baseline"]
    """`baseline` where no runs are stored: it is then set beside nothing."""
    summary: RunSummary
    report: str | None
    """File name of its report, in the folder of the overview; none where it is not there."""
    is_as_shipped: bool
    """Whether the suite resolves to this config by itself; another is named by its key."""


def render_overview(cells: Sequence[OverviewRow], reviews: Sequence[Review], leaderboards: Collection[str] = ()) -> str:
    """Return the overview as Markdown.

    Args:
        cells: in the order in which they are shown, those of a suite together.
        reviews: the claims about each suite.
        leaderboards: file names of those that lie in the folder of the overview.
    """
    blocks = ["# Overview", *_suites(cells, leaderboards), "## Documented claims", *_claims(reviews)]
    return "\n\n".join(blocks) + "\n"


# --- suites ----------------------------------------------------------------------------------------------------------


def _suites(cells: Sequence[OverviewRow], leaderboards: Collection[str]) -> Iterable[str]:
    if not cells:
        yield "Neither runs nor baselines are stored; `bench run` makes runs."
        return
    yield (
        "Each line is the newest config of a profile and method, by its primary metric. Before and after: mean ± "
        "standard deviation over seeds, or, of one number alone, its 95 % interval over examples. Change: the 95 % "
        "interval is over seeds and examples; of one seed over examples alone, and of a baseline without runs over "
        "seeds alone, for it keeps no statistics of before. p is adjusted by Holm over all metrics of the line's "
        "config. Baseline: what the runs are beside the measured one. Time and memory are means over seeds, and no two "
        "machines share them."
    )
    for suite, group in groupby(cells, key=lambda line: line.summary.config.suite):
        yield f"## {cell(suite)}"
        lines = list(group)
        yield f"{cell(lines[0].summary.config.title)}."
        yield table(
            (
                "profile", "method", "seeds", "metric", "before → after", "change", "p", "baseline", "gate", "time",
                "peak memory", "report",
            ),
            [_cells(line) for line in lines],
        )  # fmt: skip
        profiles = dict.fromkeys(line.summary.config.profile for line in lines)
        pages = [(profile, f"{leaderboard_stem(suite, profile)}.md") for profile in profiles]
        if links := [f"[{profile}]({page})" for profile, page in pages if page in leaderboards]:
            yield f"Leaderboards, methods side by side: {', '.join(links)}."


def _cells(line: OverviewRow) -> tuple[str, ...]:
    summary, row = line.summary, line.summary.primary
    config, costs = summary.config, [record.cost for record in summary.records]
    key = "" if line.is_as_shipped else f", {code(config.key)}"
    unit = "" if row.unit == "fraction" else f", {cell(row.unit)}"
    return (
        config.profile,
        code(config.method_name) + key,
        ", ".join(str(record.seed) for record in summary.records),
        f"{cell(metrics.spec_or_name(row.metric).title)} {'↑' if row.higher_is_better else '↓'}{unit}",
        f"{estimated(row.before, row.unit)} → {estimated(row.after, row.unit)}",
        difference_text(row.change),
        cell(p_text(row.change)),
        _beside_baseline(line),
        _gate(summary),
        seconds(fmean(cost.wall_time_s for cost in costs)),
        size(fmean(map(_memory, costs))),
        "—" if line.report is None else f"[report]({line.report})",
    )


def _beside_baseline(line: OverviewRow) -> str:
    row = line.summary.primary
    if line.kind == "baseline":
        return "is the baseline"
    if line.summary.baseline is None:
        return "none stored"
    if row.against is None:
        return "incomparable: " + ", ".join(code(mismatch.field) for mismatch in row.mismatches)
    return row.against.standing


def _gate(summary: RunSummary) -> str:
    verdict = summary.gate
    if verdict is None:
        return "—"
    return "cannot say" if isinstance(verdict, str) else verdict.outcome


def _memory(cost: Cost) -> float:
    """Return the peak memory of the GPU where there is one, else of the process."""
    return cost.peak_memory_bytes if cost.peak_gpu_memory_bytes is None else cost.peak_gpu_memory_bytes


# --- claims ----------------------------------------------------------------------------------------------------------


def _claims(reviews: Sequence[Review]) -> Iterable[str]:
    yield "Judged by the stored runs, or else the baseline, of the profile that is nearest to the recipe."
    for review in reviews:
        yield f"### {cell(review.suite)}"
        if not review.verdicts:
            yield "No claims are written down for this suite."
            continue
        counts = Counter(verdict.outcome for verdict in review.verdicts)
        outcomes = ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
        yield f"{cell(review.recipe or review.suite)}: {plural(len(review.verdicts), 'claim')}, {outcomes}."
        yield "Nothing is stored to judge them by." if review.evidence is None else _judged_by(review.evidence)
        yield claim_table(review.verdicts)


def _judged_by(evidence: StoredResults) -> str:
    first = evidence.records[0]
    seeds = ", ".join(str(record.seed) for record in evidence.records)
    kind = "stored runs" if evidence.kind == "run" else "the measured baseline"
    return f"By {kind}: profile {code(first.profile)}, method {code(first.method)}, seeds {seeds}."


def write_overview(*, runs_root: Path, reports_root: Path, roots: Sequence[Path] | None = None) -> Path:
    """Write one page on all suites, profiles and methods that have stored runs or a baseline, and on all claims.

    Args:
        runs_root: where runs are stored.
        reports_root: where the page goes, as `README.md`; reports and leaderboards that lie there already are linked.
        roots: folders of baselines; default: `bench.records.store.default_roots()`.

    Returns:
        The Markdown file.

    Raises:
        InputError: a file cannot be read.
    """
    store = Store(runs_root=runs_root, roots=roots)
    names, baselines = set(store.names()), {stored.name: stored for stored in store.baselines()}
    rows = []
    for name in sorted({*names, *baselines}, key=_place):
        summary = assemble(store.newest_runs(name), store) if name in names else _of_baseline(baselines[name])
        report = f"{report_stem(summary.config)}.md"
        rows.append(
            OverviewRow(
                kind="runs" if name in names else "baseline",
                summary=summary,
                report=report if (reports_root / report).is_file() else None,
                is_as_shipped=is_as_shipped(summary.config),
            )
        )
    path = reports_root / OVERVIEW_FILE
    leaderboards = [page.name for page in reports_root.glob("*-leaderboard.md")]
    write_text(path, render_overview(rows, review_all(store), leaderboards))
    return path


def _place(name: ResultName) -> tuple[str, int, str]:
    """Return the order of suite, profile and method: the profile nearest to the recipe first."""
    suite, profile, method = name
    return suite, PROFILES.index(profile) if profile in PROFILES else len(PROFILES), method


def _of_baseline(stored: StoredBaseline) -> RunSummary:
    """Return a baseline's own results; it keeps no statistics of before fine-tuning."""
    return summarize(
        stored.records,
        statistics={seed: {"after": by_metric} for seed, by_metric in stored.statistics_by_group.items()},
    )
