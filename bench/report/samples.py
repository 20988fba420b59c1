"""Sample predictions: which test rows a report shows, and how their text is made safe for Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_CHARACTERS = 280
N_SAMPLES = 6
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One test row beside what the model said of it; text not yet escaped."""

    id: str
    input: str
    """The beginning of what the model read."""
    reference: str
    before: str
    """Prediction before fine-tuning."""
    after: str
    """Prediction after it."""
    right: bool | None
    """Whether the label after fine-tuning is the reference's; none for text."""


def choose(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> tuple[Sample, ...]:
    """Return the rows that a report shows.

    Labels: the first three wrong and the first three right ones, in the order of the split; where one kind is short,
    the other fills up. Texts: the first rows of the split. Nothing is picked for looking well.

    Args:
        before: rows of `predictions-before.jsonl`.
        after: rows of `predictions.jsonl`.
        labels: class names by number; empty for text.
    """
    earlier = {row["id"]: row for row in before}
    rows = [row for row in after if row["id"] in earlier]
    if labels:
        wrong = [row for row in rows if row["prediction"] != row["reference"]]
        right = [row for row in rows if row["prediction"] == row["reference"]]
        n_wrong = min(len(wrong), max(N_SAMPLES // 2, N_SAMPLES - len(right)))
        rows = wrong[:n_wrong] + right[: N_SAMPLES - n_wrong]
    return tuple(_sample(row, earlier[row["id"]], labels) for row in rows[:N_SAMPLES])


def _sample(after: Mapping[str, Any], before: Mapping[str, Any], labels: Sequence[str]) -> Sample:
    return Sample(
        id=str(after["id"]),
        input=str(after["input"]),
        reference=_named(after["reference"], labels),
        before=_named(before["prediction"], labels),
        after=_named(after["prediction"], labels),
        right=after["prediction"] == after["reference"] if labels else None,
    )


def _named(value: Any, labels: Sequence[str]) -> str:
    """Return a label's name, its number where it has none, or the text itself."""
    if isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    return str(value)


def cell(text: str, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return text as one table cell: on one line, shortened, every character of Markdown and HTML made plain.

    Args:
        text: anything a model or a person wrote.
        max_characters: longer text is cut at a word and ends in an ellipsis.
    """
    line = " ".join(text.split())
    if len(line) > max_characters:
        cut = line[: max_characters - 1]
        line = (cut[: cut.rfind(" ")] if " " in cut[max_characters // 2 :] else cut) + "…"
    return _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;")) or "*(empty)*"
