"""The style duel's own sections: how far the judge can be trusted, and both writers side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.comparing.summary import RunSummary, estimate
from bench.core.wording import plural
from bench.records.record import JudgeSummary
from bench.reports.numbers import count, estimated, number, share
from bench.reports.run.generated import STAGES, Generated
from bench.reports.samples import cell
from bench.reports.tables import code, table


def judge_section(comparison: RunSummary, generated: Generated | None) -> Iterable[str]:
    """Yield the judge's own record on human text, then whom it took the samples to be by."""
    summary, least = comparison.records[0].judge, comparison.config.task.least_judge_accuracy
    if summary is None or least is None:
        return
    yield table(
        ("what", "value"),
        [
            ("identity", code(summary.identity)),
            ("weights", code(summary.weights_sha256[:16])),
            ("labels", ", ".join(f"{i}: {cell(name)}" for i, name in enumerate(summary.labels))),
            ("training chunks", f"{count(summary.n_training_chunks)} of up to {summary.max_length_tokens} tokens"),
            ("accuracy, held-out chunks", _scored(summary, "accuracy")),
            ("least accuracy allowed", number(least, "fraction")),
            ("accuracy, their words shuffled", _scored(summary, "shuffled_accuracy")),
            ("expected calibration error", number(summary.calibration_error, "fraction")),
        ],
    )
    yield (
        "Every score of style is this judge's opinion. What is left of its accuracy when words are shuffled is "
        "vocabulary and not order. Shuffled or not, the chunks are human and held out."
    )
    yield "Held-out human chunks, by true author and by the author it chose:"
    yield _confusion(summary.labels, summary.confusion, "true author")
    yield "How sure it was, and how often it was right (Guo et al. 2017):"
    yield table(
        ("mean confidence", "accuracy", "chunks"),
        [
            (number(one.confidence, "fraction"), number(one.accuracy, "fraction"), count(one.n_chunks))
            for one in summary.calibration
        ],
    )
    if summary.others:
        yield "Texts by neither author, for which no answer is right, by the share of chunks given to each:"
        yield table(
            ("text", *(cell(name) for name in summary.labels)),
            [(cell(name), *(share(part) for part in parts)) for name, parts in summary.others.items()],
        )
    if generated is not None and generated.judged is not None:
        for stage in STAGES:
            yield f"Samples {stage} fine-tuning, seed {comparison.records[0].seed}:"
            yield _confusion(summary.labels, getattr(generated.judged, stage), "writer of")


def _scored(summary: JudgeSummary, field: str) -> str:
    score = getattr(summary, field)
    return f"{estimated(estimate([score]), score.unit)} ({plural(score.n_examples, 'chunk')})"


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], corner: str) -> str:
    names = [cell(name) for name in labels]
    rows = [(name, *(count(n) for n in line)) for name, line in zip(names, counts, strict=True)]
    return table((corner, *(f"judged {name}" for name in names)), rows)


def pair_table(comparison: RunSummary, generated: Generated | None) -> Iterable[str]:
    """Yield samples of both writers, one column each."""
    if generated is None or not generated.pairs:
        return
    seed = comparison.records[0].seed
    yield f"Seed {seed}: the first samples of each writer; none is picked by hand. Long texts are cut."
    authors = [f"writer of {cell(name)}" for name in comparison.config.data.labels]
    yield table(("sample", *authors), [(one.name, *(cell(text) for text in one.texts)) for one in generated.pairs])
