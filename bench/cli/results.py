"""What a run found, as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.cli.tables import print_table
from bench.comparing.summary import RunSummary
from bench.records.other_code import mixed_note
from bench.reports.comparison import difference_text, p_text
from bench.reports.format import estimated


def print_results(summary: RunSummary) -> None:
    """Print metric | before | after | change | p, as the report shows them."""
    if note := mixed_note(summary.records):
        Console(soft_wrap=True).print(note, markup=False, highlight=False)
    seeds = [record.seed for record in summary.records]
    config = summary.config
    table = Table(
        "metric",
        "before",
        "after",
        "change",
        "p",
        title=f"{config.suite} · {config.profile} · {config.method_name} · seed{'s' if len(seeds) > 1 else ''} "
        + ", ".join(map(str, seeds)),
    )
    for row in summary.rows:
        table.add_row(
            f"{row.metric} {'↑' if row.higher_is_better else '↓'}",
            estimated(row.before, row.unit),
            estimated(row.after, row.unit),
            difference_text(row.change),
            p_text(row.change),
            style="bold" if row.metric == config.primary_metric else "",
        )
    print_table(table)
