"""Sample predictions: which test rows a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.records.predictions import label_or_text

N_SAMPLES = 6
N_PAIRS = {"before": 2, "after": 3}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterSamples:
    """One sample of each writer of a style duel; text not yet escaped."""

    name: str
    """Such as `before 1`."""
    texts: tuple[str, ...]
    """One an author, in the order of the labels."""


def choose(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> tuple[Sample, ...]:
    """Return the rows that a report shows.

    Labels: the first three wrong and the first three right ones, in the order of the split; where one kind is short,
    the other fills up. Texts beside a reference: the first rows of the split. Texts meant for an author have none, and
    are for `side_by_side`. Nothing is picked for looking well.

    Args:
        before: rows of `predictions-before.jsonl`.
        after: rows of `predictions.jsonl`.
        labels: class names by number; not looked at where predictions are texts.
    """
    earlier = {row["id"]: row for row in before}
    rows = [row for row in after if row["id"] in earlier]
    if not rows:
        return ()
    labelled = isinstance(rows[0]["prediction"], int)
    if not labelled and isinstance(rows[0]["reference"], int):
        return ()
    if labelled:
        wrong = [row for row in rows if row["prediction"] != row["reference"]]
        right = [row for row in rows if row["prediction"] == row["reference"]]
        n_wrong = min(len(wrong), max(N_SAMPLES // 2, N_SAMPLES - len(right)))
        rows = wrong[:n_wrong] + right[: N_SAMPLES - n_wrong]
    return tuple(_sample(row, earlier[row["id"]], labels) for row in rows[:N_SAMPLES])


def side_by_side(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> tuple[WriterSamples, ...]:
    """Return the first samples of each writer of a style duel, before and after.

    Args:
        before: rows of `predictions-before.jsonl`, whose `reference` is the number of the author meant.
        after: rows of `predictions.jsonl`.
    """
    pairs = []
    for stage, rows in (("before", before), ("after", after)):
        authors = sorted({row["reference"] for row in rows})
        texts = [[str(row["prediction"]) for row in rows if row["reference"] == author] for author in authors]
        for i, both in enumerate(islice(zip(*texts, strict=False), N_PAIRS[stage])):
            pairs.append(WriterSamples(name=f"{stage} {i + 1}", texts=both))
    return tuple(pairs)


def _sample(after: Mapping[str, Any], before: Mapping[str, Any], labels: Sequence[str]) -> Sample:
    labelled = isinstance(after["prediction"], int)
    return Sample(
        id=str(after["id"]),
        input=str(after["input"]),
        reference=label_or_text(after["reference"], labels),
        before=label_or_text(before["prediction"], labels),
        after=label_or_text(after["prediction"], labels),
        right=after["prediction"] == after["reference"] if labelled else None,
    )
