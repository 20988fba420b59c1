"""The test scores along the way: their table, and how steady they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from bench import metrics
from bench.comparing.summary import RunSummary
from bench.core.wording import plural
from bench.reports.format import cell, count, number, table
from bench.reports.run.what_ran import example_of
from bench.statistics.stability import MIN_VALUES, stability

MAX_ROWS = 12
"""Rows of the table of steps; the picture has every step."""
HELD_OUT = "held-out"
"""The control that is by the authors themselves."""


def curve_metrics(summary: RunSummary) -> tuple[str, ...]:
    """Return the metrics scored along the way; none where the test rows were scored before and after alone."""
    if not summary.records[0].evaluations:
        return ()
    config = summary.config
    return config.training.evaluate_metrics or (config.primary_metric,)


def values_of(summary: RunSummary, metric: str) -> list[list[float]]:
    """Return one curve a seed, in the metric's unit: (n_seeds, n_evaluations)."""
    return [[e.scores[metric].value for e in record.evaluations] for record in summary.records]


def scores_by_step(summary: RunSummary, figure: str | None) -> Iterable[str]:
    """Yield the picture of the curves, and a table of steps x metrics."""
    names = curve_metrics(summary)
    if not names:
        return
    records = summary.records
    if figure is not None:
        yield f"![Test scores by optimiser step]({figure})"
        yield _caption(summary, names)
    columns = {name: [fmean(at) for at in zip(*values_of(summary, name), strict=True)] for name in names}
    evaluations = records[0].evaluations
    losses = [[e.train_loss for e in record.evaluations if e.train_loss is not None] for record in records]
    rows = []
    for i in thinned(len(evaluations)):
        at_step = [record.evaluations[i].train_loss for record in records]
        known = [loss for loss in at_step if loss is not None]
        rows.append(
            (
                count(evaluations[i].step),
                *(number(columns[name][i], metrics.spec_or_name(name).unit) for name in names),
                *([number(fmean(known)) if known else "—"] if any(losses) else []),
            )
        )
    titles = [cell(metrics.spec_or_name(name).title) for name in names]
    yield table(("step", *titles, *(["train loss"] if any(losses) else [])), rows)
    over = f"Means over {plural(len(records), 'seed')}" if len(records) > 1 else "One seed"
    selection = (
        "every evaluation" if len(rows) == len(evaluations) else f"{len(rows)} of {len(evaluations)} evaluations"
    )
    since = "; train loss is the mean since the evaluation before" if any(losses) else ""
    yield f"{over}; {selection}{since}."


def _caption(summary: RunSummary, names: Sequence[str]) -> str:
    first = summary.records[0]
    several = len(summary.records) > 1
    lines = "Thin lines: seeds; bold line: their mean" if several else "Line: the one seed"
    whose = "the mean of the seeds' intervals" if several else "the interval"
    examples = " and ".join(dict.fromkeys(f"{example_of(summary.config, name)}s" for name in names))
    human = any(name in first.controls.get(HELD_OUT, {}) for name in names)
    return (
        f"{lines}; band: {whose} ({100 * first.scores[names[0]].confidence:g} %) over {examples}, "
        f"which says nothing of other seeds{'; dotted line: held-out human text' if human else ''}."
    )


def thinned(n: int, limit: int = MAX_ROWS) -> list[int]:
    """Return up to `limit` positions out of n, evenly spread, the first and the last among them."""
    if n <= limit:
        return list(range(n))
    return [round(i * (n - 1) / (limit - 1)) for i in range(limit)]


def steadiness(summary: RunSummary) -> Iterable[str]:
    """Yield how much the primary metric swings along the way, and how much its end differs between seeds."""
    row, records = summary.primary, summary.records
    if row.metric not in curve_metrics(summary) or len(records[0].evaluations) < MIN_VALUES:
        return
    curves = [stability(values, higher_is_better=row.higher_is_better) for values in values_of(summary, row.metric)]
    measures = (
        ("swing", [curve.swing for curve in curves]),
        ("early swing", [curve.early_swing for curve in curves]),
        ("late swing", [curve.late_swing for curve in curves]),
        ("largest fall", [curve.largest_fall for curve in curves]),
    )
    facts = [(name, _mean(values, row.unit)) for name, values in measures]
    spread = row.after.standard_deviation
    facts.append(
        ("standard deviation of the final score over seeds", "—" if spread is None else number(spread, row.unit))
    )
    yield table((f"{cell(metrics.spec_or_name(row.metric).title)}, {cell(row.unit)}", "value"), facts)
    over = f", as means over {plural(len(records), 'seed')}" if len(records) > 1 else ""
    yield f"{_STEADINESS}{over}."


_STEADINESS = (
    "Swing is the standard deviation of the curve about its own trend, each evaluation set against the mean of its two "
    "neighbours (Gasser et al. 1986): a straight rise has none. Early is the first third of the evaluations, late the "
    "rest; a fall is a worsening from one evaluation to the next. The spread of final scores over seeds is what "
    "Mosbach et al. (2021) call the stability of fine-tuning: a method may have the one kind without the other. "
    "The first four are of one run"
)


def _mean(values: Sequence[float | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    return number(fmean(known), unit) if known else "—"
