"""What a reader should know of scores or files, on standard error: standard output stays what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import typer

from bench.records.score import Score
from bench.reports.score_notes import note_lines


def print_notes(texts: Iterable[str]) -> None:
    """Print each text once, a line each."""
    for text in dict.fromkeys(texts):
        typer.echo(f"note: {text}", err=True)


def print_score_notes(*scores: Mapping[str, Score]) -> None:
    """Print what metrics noted; see `bench.reports.score_notes.note_lines`.

    Args:
        scores: of each seed or file, metric -> score.
    """
    print_notes(note_lines(*scores))
