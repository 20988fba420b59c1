"""The style duel's own sections: how far the judge can be trusted, and both writers side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.comparing.summary import RunSummary, estimate
from bench.core.wording import plural
from bench.records.record import JudgeSummary
from bench.reports.format import cell, code, count, estimated, number, share, table
from bench.reports.run.generated import STAGES, Generated


def judge_section(summary: RunSummary, generated: Generated | None) -> Iterable[str]:
    """Yield the judge's own record on human text, then whom it took the samples to be by."""
    judge, least = summary.records[0].judge, summary.config.task.least_judge_accuracy
    if judge is None or least is None:
        return
    yield table(
        ("what", "value"),
        [
            ("identity", code(judge.identity)),
            ("weights", code(judge.weights_sha256[:16])),
            ("labels", ", ".join(f"{i}: {cell(name)}" for i, name in enumerate(judge.labels))),
            ("training chunks", f"{count(judge.n_training_chunks)} of up to {judge.max_length_tokens} tokens"),
            ("accuracy, held-out chunks", _scored(judge, "accuracy")),
            ("least accuracy allowed", number(least, "fraction")),
            ("accuracy, their words shuffled", _scored(judge, "shuffled_accuracy")),
            ("expected calibration error", number(judge.calibration_error, "fraction")),
        ],
    )
    yield (
        "Every score of style is this judge's opinion. What is left of its accuracy when words are shuffled is "
        "vocabulary and not order. Shuffled or not, the chunks are human and held out."
    )
    yield "Held-out human chunks, by true author and by the author it chose:"
    yield _confusion(judge.labels, judge.confusion, "true author")
    yield "How sure it was, and how often it was right (Guo et al. 2017):"
    yield table(
        ("mean confidence", "accuracy", "chunks"),
        [
            (number(part.confidence, "fraction"), number(part.accuracy, "fraction"), count(part.n_chunks))
            for part in judge.calibration
        ],
    )
    if judge.others:
        yield "Texts by neither author, for which no answer is right, by the share of chunks given to each:"
        yield table(
            ("text", *(cell(name) for name in judge.labels)),
            [(cell(name), *(share(part) for part in parts)) for name, parts in judge.others.items()],
        )
    if generated is not None and generated.judged is not None:
        for stage in STAGES:
            yield f"Samples {stage} fine-tuning, seed {summary.records[0].seed}:"
            yield _confusion(judge.labels, getattr(generated.judged, stage), "writer of")


def _scored(judge: JudgeSummary, field: str) -> str:
    score = getattr(judge, field)
    return f"{estimated(estimate([score]), score.unit)} ({plural(score.n_examples, 'chunk')})"


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]], corner: str) -> str:
    names = [cell(name) for name in labels]
    rows = [(name, *(count(n) for n in line)) for name, line in zip(names, counts, strict=True)]
    return table((corner, *(f"judged {name}" for name in names)), rows)


def pair_table(summary: RunSummary, generated: Generated | None) -> Iterable[str]:
    """Yield samples of both writers, one column each."""
    if generated is None or not generated.pairs:
        return
    seed = summary.records[0].seed
    yield f"Seed {seed}: the first samples of each writer; none is picked by hand. Long texts are cut."
    authors = [f"writer of {cell(name)}" for name in summary.config.data.labels]
    yield table(("sample", *authors), [(part.name, *(cell(text) for text in part.texts)) for part in generated.pairs])
