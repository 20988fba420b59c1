"""One page for everything that is stored: every suite, profile and method, and every documented claim. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Literal

from bench import metrics
from bench.comparing.claims.review import Review, StoredResults
from bench.comparing.summary import RunSummary
from bench.core.wording import plural
from bench.records.record import Cost
from bench.reports.comparison import difference_text, p_text
from bench.reports.naming import leaderboard_stem
from bench.reports.numbers import estimated, seconds, size
from bench.reports.run.claims import claim_table
from bench.reports.samples import cell
from bench.reports.tables import code, table

OVERVIEW_FILE = "README.md"
"""Its name in the folder of reports: what a repository's site shows of a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """What is stored of one suite, profile and method."""

    kind: Literal["runs", "baseline"]
    """`baseline` where no runs are stored: it is then set beside nothing."""
    comparison: RunSummary
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
    for suite, group in groupby(cells, key=lambda one: one.comparison.config.suite):
        yield f"## {cell(suite)}"
        rows = list(group)
        yield f"{cell(rows[0].comparison.config.title)}."
        yield table(
            (
                "profile", "method", "seeds", "metric", "before → after", "change", "p", "baseline", "gate", "time",
                "peak memory", "report",
            ),
            [_cells(one) for one in rows],
        )  # fmt: skip
        profiles = dict.fromkeys(one.comparison.config.profile for one in rows)
        pages = [(profile, f"{leaderboard_stem(suite, profile)}.md") for profile in profiles]
        if found := [f"[{profile}]({page})" for profile, page in pages if page in leaderboards]:
            yield f"Leaderboards, methods side by side: {', '.join(found)}."


def _cells(one: OverviewRow) -> tuple[str, ...]:
    comparison, row = one.comparison, one.comparison.primary
    config, costs = comparison.config, [record.cost for record in comparison.records]
    key = "" if one.is_as_shipped else f", {code(config.key)}"
    unit = "" if row.unit == "fraction" else f", {cell(row.unit)}"
    return (
        config.profile,
        code(config.method_name) + key,
        ", ".join(str(record.seed) for record in comparison.records),
        f"{cell(metrics.spec(row.metric).title)} {'↑' if row.higher_is_better else '↓'}{unit}",
        f"{estimated(row.before, row.unit)} → {estimated(row.after, row.unit)}",
        difference_text(row.change),
        cell(p_text(row.change)),
        _beside_baseline(one),
        _gate(comparison),
        seconds(fmean(cost.wall_time_s for cost in costs)),
        size(fmean(map(_memory, costs))),
        "—" if one.report is None else f"[report]({one.report})",
    )


def _beside_baseline(one: OverviewRow) -> str:
    row = one.comparison.primary
    if one.kind == "baseline":
        return "is the baseline"
    if one.comparison.baseline is None:
        return "none stored"
    if row.against is None:
        return "incomparable: " + ", ".join(code(mismatch.field) for mismatch in row.mismatches)
    return row.against.standing


def _gate(comparison: RunSummary) -> str:
    found = comparison.gate
    if found is None:
        return "—"
    return "cannot say" if isinstance(found, str) else found.outcome


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
        said = ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
        yield f"{cell(review.recipe or review.suite)}: {plural(len(review.verdicts), 'claim')}, {said}."
        yield "Nothing is stored to judge them by." if review.evidence is None else _judged_by(review.evidence)
        yield claim_table(review.verdicts)


def _judged_by(evidence: StoredResults) -> str:
    first = evidence.records[0]
    seeds = ", ".join(str(record.seed) for record in evidence.records)
    kind = "stored runs" if evidence.kind == "run" else "the measured baseline"
    return f"By {kind}: profile {code(first.profile)}, method {code(first.method)}, seeds {seeds}."
