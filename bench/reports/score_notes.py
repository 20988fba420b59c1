"""What metrics noted beside their scores, a line for each thing noted: for the terminal and for the report."""

from __future__ import annotations

from collections.abc import Mapping

from bench.records.score import Score


def note_lines(*scores: Mapping[str, Score]) -> list[str]:
    """Return a line for each thing that metrics noted, however many metrics and seeds note the same.

    Args:
        scores: of each seed, metric -> score.
    """
    metrics: dict[str, dict[str, None]] = {}
    for of_seed in scores:
        for name, score in of_seed.items():
            for note in score.notes or ():
                metrics.setdefault(note.text, {})[name] = None
    return [f"{', '.join(names)}: {text}" for text, names in metrics.items()]
