"""What a reader should know of scores or files, on standard error: standard output stays what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import typer

from bench.records.record import Score


def print_notes(texts: Iterable[str]) -> None:
    """Print each text once, a line each."""
    for text in dict.fromkeys(texts):
        typer.echo(f"note: {text}", err=True)


def print_score_notes(scores: Mapping[str, Score]) -> None:
    """Print what metrics noted: a line each, however many metrics note the same.

    Args:
        scores: metric -> score.
    """
    metrics: dict[str, list[str]] = {}
    for name, score in scores.items():
        for note in score.notes or ():
            metrics.setdefault(note.text, []).append(name)
    print_notes(f"{', '.join(names)}: {text}" for text, names in metrics.items())
