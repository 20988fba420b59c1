"""Generated texts: what run folders hold of them beyond the records, human texts beside them, and what was copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import metrics
from bench.comparing.summary import RunSummary, estimate
from bench.config import Memorisation
from bench.core.wording import plural
from bench.records.record import Stage
from bench.records.store import StoredRun
from bench.reports.format import cell, code, count, estimated, number, table
from bench.reports.run.curves import HELD_OUT
from bench.reports.run.samples import WriterSamples, side_by_side

STAGES: tuple[Stage, ...] = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Longest:
    """The longest run of training tokens in any sample, one number a seed, in the order of the seeds."""

    before: tuple[int, ...]
    """Before fine-tuning."""
    after: tuple[int, ...]
    """After it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whom the judge took the samples of the first seed to be by: (2, 2) counts, [meant author][author it chose]."""

    before: tuple[tuple[int, ...], ...]
    """Before fine-tuning."""
    after: tuple[tuple[int, ...], ...]
    """After it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What a report shows of generated texts beyond the records."""

    longest: Longest | None = None
    """None where `longest_overlap` is not scored."""
    judged: Judged | None = None
    """Style duels alone."""
    pairs: tuple[WriterSamples, ...] = ()
    """Samples of both writers, side by side; style duels alone."""


def read_generated(
    summary: RunSummary,
    runs: Mapping[int, StoredRun],
) -> Generated | None:
    """Read what a report shows of generated texts; none for a task that generates none to imitate an author.

    Args:
        summary: the runs.
        runs: seed -> stored run, for every seed of the summary.

    Raises:
        InputError: the statistics of a run cannot be read.
    """
    config = summary.config
    if config.task.memorisation is None:
        return None
    statistics = [runs[record.seed].statistics for record in summary.records]
    first = runs[summary.records[0].seed]
    before, after = first.predictions_before, first.predictions
    longest = judged = None
    if "longest_overlap" in config.metrics:
        by_stage = {
            stage: tuple(round(float(arrays[stage]["longest_overlap"][:, 0].max())) for arrays in statistics)
            for stage in STAGES
        }
        longest = Longest(**by_stage)
    if "style_judge_accuracy" in config.metrics:
        right = {stage: statistics[0][stage]["style_judge_accuracy"][:, 0] for stage in STAGES}
        judged = Judged(before=confusion(before, right["before"]), after=confusion(after, right["after"]))
    pairs = side_by_side(before, after) if config.task.n_writers > 1 else ()
    return Generated(longest=longest, judged=judged, pairs=pairs)


def confusion(rows: Sequence[Mapping[str, Any]], right: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Count meant author x chosen author; of two, a wrong choice is the other.

    Args:
        rows: predictions, whose `reference` is the number of the author meant.
        right: (n_scored,) 1 where the judge chose that author, else 0; the first rows, where fewer were scored.
    """
    counts = [[0, 0], [0, 0]]
    for row, is_right in zip(rows, right, strict=False):
        meant = int(row["reference"])
        counts[meant][meant if is_right else 1 - meant] += 1
    return tuple(tuple(line) for line in counts)


# --- sections --------------------------------------------------------------------------------------------------------


def human_text(summary: RunSummary) -> Iterable[str]:
    """Yield the scores before and after between those of texts by people."""
    first = summary.records[0]
    if not first.controls:
        return
    rows = [row for row in summary.rows if any(row.metric in scores for scores in first.controls.values())]
    titles = [f"{cell(metrics.spec_or_name(row.metric).title)} {'↑' if row.higher_is_better else '↓'}" for row in rows]
    lines = [
        ("before", *(estimated(row.before, row.unit) for row in rows)),
        ("after", *(estimated(row.after, row.unit) for row in rows)),
    ]
    lines += [
        (
            f"passages: {cell(name)}",
            *(estimated(estimate([scores[row.metric]]), row.unit) if row.metric in scores else "—" for row in rows),
        )
        for name, scores in first.controls.items()
    ]
    yield table(("text", *titles), lines)
    by_code = any(source.kind == "generated" for _, source in summary.config.data.sources())
    sentence = (
        f"Passages by people{' (here by code that stands in for them)' if by_code else ''}, scored in the place of "
        "samples: a score means something beside theirs."
    )
    if len(summary.records) > 1:
        sentence += (
            f" Theirs do not depend on the seed; brackets are over passages, as drawn for seed {first.seed}."
            if len({_values(record.controls) for record in summary.records}) == 1
            else f" **Theirs differ between seeds, which they should not**; seed {first.seed}'s are shown."
        )
    yield sentence


def _values(controls: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str, float], ...]:
    return tuple(sorted((name, m, score.value) for name, scores in controls.items() for m, score in scores.items()))


def memorised(summary: RunSummary, generated: Generated | None) -> Iterable[str]:
    """Yield whether the samples repeat the training text, by the rule of the suite."""
    rule, records = summary.config.task.memorisation, summary.records
    longest = generated.longest if generated is not None else None
    shares = {
        "before": [r.scores_before["copied_8grams"].value for r in records if "copied_8grams" in r.scores_before],
        "after": [r.scores["copied_8grams"].value for r in records if "copied_8grams" in r.scores],
    }
    if rule is None or (longest is None and not shares["after"]):
        return
    runs = {"before": () if longest is None else longest.before, "after": () if longest is None else longest.after}
    rows: list[tuple[str, ...]] = [
        (
            stage,
            ", ".join(count(n) for n in runs[stage]) or "not scored",
            ", ".join(number(share, "fraction") for share in shares[stage]) or "not scored",
            _flag(runs[stage], shares[stage], rule),
        )
        for stage in STAGES
    ]
    held_out = records[0].controls.get(HELD_OUT, {}).get("copied_8grams")
    if held_out is not None:  # what an author repeats of himself is no memory of a model's
        rows.append(("held-out passages, to compare", "—", number(held_out.value, "fraction"), "—"))
    yield table(
        ("text", "longest run of training tokens in a sample", "8-grams found in the training text", "verdict"), rows
    )
    each = f"One number a seed ({', '.join(str(record.seed) for record in records)}). " if len(records) > 1 else ""
    yield (
        f"{each}Rule: **memorised** where, in any seed, one sample repeats {rule.overlap_tokens} or more "
        f"training tokens in a row ({code('task.memorised_overlap_tokens')}), or {rule.share:g} or more of "
        f"the samples' 8-grams stand in the training text ({code('task.memorised_share')})."
    )


def _flag(runs: Sequence[int], shares: Sequence[float], rule: Memorisation) -> str:
    reasons = []
    if max(runs, default=0) >= rule.overlap_tokens:
        reasons.append(f"{plural(max(runs), 'token')} in a row, {rule.overlap_tokens} or more")
    if max(shares, default=0.0) >= rule.share:
        reasons.append(f"{number(max(shares), 'fraction')} of 8-grams, {rule.share:g} or more")
    return f"**memorised**: {'; '.join(reasons)}" if reasons else "not memorised"
