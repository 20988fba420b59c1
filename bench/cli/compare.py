"""`bench compare`: what differs between runs or baselines, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table
from rich.text import Text

from bench.cli.command import give_json
from bench.cli.options import Confidence, Json, JsonFile, Runs
from bench.cli.tables import print_table
from bench.comparing.comparable import Mismatch
from bench.comparing.compare import MetricComparison
from bench.comparing.flips import Flips, flips
from bench.comparing.side import Side, load_side
from bench.comparing.stored import compare_sides
from bench.core.errors import InputError, NotComparableError
from bench.core.files import write_text
from bench.records.store import Store
from bench.reports import comparison as words
from bench.reports.comparison import OUTPUT_CHARACTERS, VALUE_CHARACTERS, ComparedPair
from bench.statistics.tests import Correction

_MANY = 4
"""Fields that an error names; the table has all."""
_STYLES = {"better": "green", "worse": "red"}


def compare(
    side: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...",
            help="Run folders, record.json files, config-key folders (all seeds) or baselines, suite/profile/method. "
            "The others are compared with the first.",
        ),
    ],
    metric: Annotated[list[str] | None, typer.Option(help="Repeatable; only this metric. Default: all.")] = None,
    confidence: Confidence = 0.95,
    correction: Annotated[
        str, typer.Option(help="Of the p-values, over all cells shown: holm, benjamini-hochberg or none.")
    ] = "holm",
    allow_mismatch: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Repeatable; a field that may differ, which every output then says."),
    ] = None,
    n_flips: Annotated[
        int, typer.Option("--flips", min=0, help="Rows to show that got worse, and as many that got better.")
    ] = 3,
    runs: Runs = Path("runs"),
    json: Json = False,
    json_file: JsonFile = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the comparison as Markdown.")
    ] = None,
) -> None:
    """Show for each metric the difference, its interval and p-values: the other side minus the first; needs no torch.

    Ends with 4 where a side, or a metric that was asked for, is not comparable.
    """
    if len(side) < 2:
        raise InputError(f"{side[0]}: a comparison needs two sides or more; name another after it")
    store = Store(runs_root=runs)
    sides = [load_side(given, store) for given in side]
    tables = compare_sides(
        sides,
        metrics=metric or None,
        confidence=confidence,
        correction=cast(Correction, correction),
        allow=allow_mismatch or (),
    )
    pairs = [
        ComparedPair(comparison=table, flips=_flips(table.a, table.b, metric, n_flips) if table.is_comparable else None)
        for table in tables
    ]
    if not give_json(_values(sides, pairs), json=json, file=json_file):
        _print(sides, pairs)
    if markdown is not None:
        write_text(markdown, words.render(sides[0], pairs))
    _check_comparable(pairs, metric or ())


def _flips(a: Side, b: Side, metrics: list[str] | None, n: int) -> Flips | str | None:
    return flips(a, b, metric=metrics[0] if metrics else None, n=n) if n else None


def _check_comparable(pairs: Sequence[ComparedPair], asked: Sequence[str]) -> None:
    """Raise where a side, or a metric that was asked for, could not be compared."""
    for pair in pairs:
        table = pair.comparison
        if table.mismatches and (asked or not table.is_comparable):
            fields = [mismatch.field for mismatch in table.mismatches]
            remaining = f" and {len(fields) - _MANY} more" if len(fields) > _MANY else ""
            raise NotComparableError(
                f"{table.a.name} and {table.b.name} are not comparable: {', '.join(fields[:_MANY])}{remaining} "
                f"differ{'s' if len(fields) == 1 else ''}; run both alike, or waive a field by name with "
                "--allow-mismatch FIELD"
            )


# --- terminal --------------------------------------------------------------------------------------------------------


def _print(sides: Sequence[Side], pairs: Sequence[ComparedPair]) -> None:
    names = words.letters(len(sides))
    for letter, side in zip(names, sides, strict=True):
        typer.echo(f"{letter}  {side.name}  ({words.describe(side)})")
    for letter, pair in zip(names[1:], pairs, strict=True):
        _print_one(letter, pair)
    if any(pair.comparison.rows for pair in pairs):
        typer.echo(f"{words.family(pairs)}.")


def _print_one(letter: str, pair: ComparedPair) -> None:
    comparison = pair.comparison
    if comparison.mismatches:
        title = "metrics that are not comparable" if comparison.rows else "not comparable"
        _print_fields(f"{letter} beside A: {title}", letter, comparison.mismatches, flags=True)
    if comparison.waived:
        _print_fields(f"{letter} beside A: allowed to differ", letter, comparison.waived, flags=False)
    if comparison.rows:
        typer.echo(f"{letter} beside A:")
        table = Table(*words.headings(letter), show_lines=True)
        table.columns[0].overflow = "fold"
        for row in comparison.rows:
            table.add_row(*words.row_cells(row), style=_STYLES.get(row.outcome, ""))
        print_table(table)
    for remark in words.remarks(comparison):
        typer.echo(f"- {remark}")
    if isinstance(pair.flips, str):
        typer.echo(f"No flips: {pair.flips}.")
    elif pair.flips is not None:
        _print_flips(letter, pair.flips)


def _print_fields(title: str, letter: str, mismatches: Sequence[Mismatch], *, flags: bool) -> None:
    typer.echo(f"{title}:")
    table = Table("field", "A", letter, *(["waived by"] if flags else []))
    for m in mismatches:
        values = [_cut(value, VALUE_CHARACTERS) for value in (m.theirs, m.ours)]
        table.add_row(m.field, *values, *([words.waiver(m)] if flags else []))
    print_table(table)


def _print_flips(letter: str, flipped: Flips) -> None:
    typer.echo(f"Flips, {words.flip_summary(flipped, letter)}.")
    table = Table(*words.flip_headings(flipped, letter), show_lines=True)
    for name, _, group in words.flip_groups(flipped):
        for flip in group:
            table.add_row(name, *(_cut(text, OUTPUT_CHARACTERS) for text in words.flip_cells(flip, flipped)))
    if table.row_count:
        print_table(table)


def _cut(text: str, max_characters: int) -> Text:
    """Return text from outside on one line, shortened; rich markup and control characters in it do nothing."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return Text(line if len(line) <= max_characters else f"{line[: max_characters - 1]}…")


# --- JSON ------------------------------------------------------------------------------------------------------------


def _values(sides: Sequence[Side], pairs: Sequence[ComparedPair]) -> dict[str, Any]:
    first = pairs[0].comparison
    return {
        "confidence": first.confidence,
        "correction": first.correction,
        "allowed_mismatches": list(first.allowed),
        "sides": [
            {
                "name": side.name,
                "kind": side.kind,
                "suite": side.config.suite,
                "profile": side.config.profile,
                "method": side.config.method_name,
                "config_key": side.records[0].config_key,
                "seeds": list(side.seeds),
                "reason": side.reason,
                "created": side.created,
            }
            for side in sides
        ],
        "comparisons": [_one(pair) for pair in pairs],
    }


def _one(pair: ComparedPair) -> dict[str, Any]:
    comparison, flipped = pair.comparison, pair.flips
    return {
        "first": comparison.b.name,
        "other": comparison.a.name,
        "comparable": comparison.is_comparable,
        "mismatches": [_field(m) | {"waived_by": words.waiver(m)} for m in comparison.mismatches],
        "waived": [_field(m) for m in comparison.waived],
        "notes": list(comparison.notes),
        "metrics": [metric_values(row) for row in comparison.rows],
        "flips": asdict(flipped) if isinstance(flipped, Flips) else None,
        "why_no_flips": flipped if isinstance(flipped, str) else None,
    }


def _field(mismatch: Mismatch) -> dict[str, Any]:
    return {"field": mismatch.field, "first": mismatch.theirs, "other": mismatch.ours}


def metric_values(row: MetricComparison) -> dict[str, Any]:
    """Return one metric as JSON holds it."""
    return {
        "metric": row.metric,
        "unit": row.unit,
        "higher_is_better": row.higher_is_better,
        "signature": row.signature,
        "first": row.b,
        "other": row.a,
        "difference": None if row.difference is None else asdict(row.difference),
        "outcome": row.outcome,
        "p_adjusted": row.p_adjusted,
        "p_values": dict(row.p_values),
        "noise": row.noise,
        "why": row.why,
    }
