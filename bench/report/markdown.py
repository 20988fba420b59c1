"""Comparison -> Markdown that reads well on GitHub. Pure: the same comparison gives the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from bench import metrics
from bench.claims import ClaimVerdict
from bench.compare import AgainstBaseline, Comparison, Estimate, Row
from bench.config import SuiteConfig
from bench.report.curves import scores_by_step, steadiness, thinned
from bench.report.details import (
    choices,
    cost,
    parameters,
    provenance,
    rerun,
    sample_table,
    signatures,
    soundness,
)
from bench.report.generated import Generated, human_text, memorised
from bench.report.numbers import bounded, count, interval, number, plain, seconds
from bench.report.samples import Sample, cell
from bench.report.style import judge, pair_table
from bench.report.tables import code, plural, table
from bench.report.what_ran import example_of, what_ran

MAX_MEASURED = 8
"""Values of a series that the table of claims shows."""


def render(
    comparison: Comparison,
    *,
    samples: Sequence[Sample] = (),
    generated: Generated | None = None,
    figure: str | None = None,
    evaluations_figure: str | None = None,
) -> str:
    """Return the report of one suite, profile and method.

    Args:
        comparison: the runs, beside baseline and claims.
        samples: predictions to show, of the first seed.
        generated: what was read of generated texts; none for a task without.
        figure: path of the learning-curve picture, relative to the report; none leaves its section out.
        evaluations_figure: path of the picture of test scores by step; none leaves it out of its section.
    """
    sections: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("What ran", lambda: what_ran(comparison)),
        ("Results", lambda: _results(comparison)),
        ("Documented claims", lambda: _claims(comparison)),
        ("Human text", lambda: human_text(comparison)),
        ("Scores by step", lambda: scores_by_step(comparison, evaluations_figure)),
        ("Stability", lambda: steadiness(comparison)),
        ("Memorised?", lambda: memorised(comparison, generated)),
        ("Judge", lambda: judge(comparison, generated)),
        ("Parameters", lambda: parameters(comparison)),
        ("Cost", lambda: cost(comparison)),
        ("Learning curve", lambda: _figure(comparison, figure)),
        ("Sample predictions", lambda: sample_table(comparison, samples)),
        ("Samples side by side", lambda: pair_table(comparison, generated)),
        ("Soundness", lambda: soundness(comparison)),
        ("Metric signatures", lambda: signatures(comparison)),
        ("Choices where the recipe is silent", lambda: choices(comparison)),
        ("Provenance", lambda: provenance(comparison)),
        ("Run it again", lambda: rerun(comparison)),
    ]
    config = comparison.config
    title = f"# {cell(config.suite)}: {config.profile} profile, method {code(config.method_name)}"
    blocks = [title, _subject(config), verdict(comparison)]
    for heading, build in sections:
        body = list(build())
        if body:
            blocks += [f"## {heading}", *body]
    return "\n\n".join(blocks) + "\n"


def _subject(config: SuiteConfig) -> str:
    recipe = f"Recipe: {cell(config.title)}."
    if config.profile == "documented":
        return recipe
    return (
        f"{recipe} The {code(config.profile)} profile is a stand-in: it follows the recipe's steps with other weights "
        "and other text, so its numbers are not the recipe's."
    )


# --- verdict ---------------------------------------------------------------------------------------------------------


def verdict(comparison: Comparison) -> str:
    """Return in words whether fine-tuning moved the primary metric, and how that stands against the baseline."""
    row = comparison.primary
    change, name = row.change, metrics.spec(row.metric).title
    example = example_of(comparison.config, row.metric)
    improved = (change.value > 0) == row.higher_is_better
    if change.excludes_zero:
        effect = f"Fine-tuning made {name} **{'better' if improved else 'worse'}**"
        ending = "the interval is away from zero"
    else:
        effect = f"Fine-tuning moved {name} **too little to tell**"
        ending = "the interval holds zero"
    unit = "" if row.unit == "fraction" else f" {cell(row.unit)}"
    return (
        f"{effect}: {number(row.before.value, row.unit)} → {number(row.after.value, row.unit)}{unit}, "
        f"a change of {bounded(change, row.unit, signed=True)}; {ending} ({_coverage(change, example)}). "
        f"{_baseline_sentence(comparison)}"
    )


def _baseline_sentence(comparison: Comparison) -> str:
    row, baseline = comparison.primary, comparison.baseline
    if baseline is None:
        return "No measured baseline is stored to compare it with."
    if row.against is None:
        fields = ", ".join(code(mismatch.field) for mismatch in row.mismatches)
        return f"The stored baseline is **incomparable**: {fields} differ{'s' if len(row.mismatches) == 1 else ''}."
    said = {
        "identical": "**equal**, to the last digit of every seed",
        "not told apart": "**not told apart** (the interval of the difference holds zero)",
        "different": "**different** (the interval of the difference is away from zero)",
        "no interval": "compared by value alone: with one seed on a side, seed noise is unknown",
    }[row.against.agreement]
    return f"Against the measured baseline of {plural(len(baseline.seeds), 'seed')}: {said}{_difference(row)}."


def _difference(row: Row) -> str:
    against = row.against
    if against is None or against.agreement == "identical":
        return ""
    return f", {_difference_text(against, row.unit)}"


def _difference_text(against: AgainstBaseline, unit: str) -> str:
    shown = f"difference {number(against.difference, unit, signed=True)}"
    if against.low is None or against.high is None:
        return shown
    return f"{shown} {interval(against.low, against.high, unit, signed=True)}"


def _coverage(estimate: Estimate, example: str) -> str:
    seeds = plural(estimate.n_seeds, "seed")
    over = f"{example}s, {seeds}" if estimate.over == "examples" else seeds
    return f"{100 * estimate.confidence:g} % interval over {over}"


# --- results ---------------------------------------------------------------------------------------------------------


def _results(comparison: Comparison) -> Iterable[str]:
    outcomes = {verdict.claim.id: verdict for verdict in comparison.claims}
    yield table(
        ("metric", "before", "after", "change", "measured baseline", "documented"),
        [
            (
                _name(row, primary=row is comparison.primary),
                bounded(row.before, row.unit),
                bounded(row.after, row.unit),
                bounded(row.change, row.unit, signed=True),
                _baseline_cell(row, comparison),
                _documented_cell(row, [outcomes[claim.id] for claim in row.documented]),
            )
            for row in comparison.rows
        ],
    )
    yield _legend(comparison)
    if comparison.mismatches:
        yield "The stored baseline differs in what both sides must share:"
        yield table(
            ("field", "these runs", "baseline"),
            [
                (code(m.field), cell(m.ours, max_characters=80), cell(m.theirs, max_characters=80))
                for m in comparison.mismatches
            ],
        )
    if comparison.baseline is not None:
        baseline = comparison.baseline
        yield (
            f"Baseline: config key {code(baseline.config_key)}, seeds "
            f"{', '.join(str(seed.seed) for seed in baseline.seeds)}, stored {baseline.created}. "
            f"Reason: {cell(baseline.reason)}"
        )
    if comparison.notes:
        notes = "".join(f"\n- {cell(note)}" for note in comparison.notes)
        yield f"Other differences from the baseline, which do not stand in the way:\n{notes}"


def _name(row: Row, *, primary: bool) -> str:
    arrow = "↑" if row.higher_is_better else "↓"
    name = f"{cell(metrics.spec(row.metric).title)} {arrow}"
    return f"**{name}**" if primary else name


def _legend(comparison: Comparison) -> str:
    units: dict[str, list[str]] = {}
    for row in comparison.rows:
        examples = plural(row.n_examples, example_of(comparison.config, row.metric))
        units.setdefault(f"{row.unit}, {examples}", []).append(metrics.spec(row.metric).title)
    change, example = comparison.primary.change, example_of(comparison.config, comparison.primary.metric)
    spread = (
        ""
        if change.n_seeds == 1
        else f" ± is the standard deviation over seeds. Brackets over seeds do not cover the choice of {example}s; "
        f"where all seeds give one number, the bracket is over {example}s instead."
    )
    counted = "; ".join(f"{', '.join(names)} in {unit}" for unit, names in units.items())
    return (
        f"Brackets: {_coverage(change, example)}.{spread} ↑ higher is better, ↓ lower is better; "
        "bold is the primary metric. "
        f"{cell(counted, max_characters=1000)}."
    )


def _baseline_cell(row: Row, comparison: Comparison) -> str:
    if comparison.baseline is None:
        return "none stored"
    if row.against is None:
        return "incomparable: " + ", ".join(code(mismatch.field) for mismatch in row.mismatches)
    against = row.against
    shown = f"{bounded(against.baseline, row.unit)} ({plural(against.baseline.n_seeds, 'seed')})"
    if against.agreement == "identical":
        return f"{shown}; identical"
    return f"{shown}; {_difference_text(against, row.unit)}, {against.agreement}"


def _documented_cell(row: Row, verdicts: Sequence[ClaimVerdict]) -> str:
    return "<br>".join(f"{_said(verdict)} ({verdict.outcome})" for verdict in verdicts) or "—"


def _said(verdict: ClaimVerdict) -> str:
    """Return the number or direction that a claim gives."""
    claim = verdict.claim
    if claim.kind == "value":
        return plain(claim.value)
    if claim.kind == "ordering":
        return " > ".join(cell(method) for method in claim.methods)
    return f"{plain(claim.low)} to {plain(claim.high)}" if claim.kind == "range" else claim.direction


# --- claims ----------------------------------------------------------------------------------------------------------


def _claims(comparison: Comparison) -> Iterable[str]:
    if not comparison.claims:
        yield "No claims are written down for this suite."
        return
    yield f"Claims of the recipe, {cell(comparison.recipe or comparison.config.suite)}."
    yield table(
        ("claim", "measured", "verdict", "seeds that agree", "why"),
        [
            (cell(v.claim.text), _measured(v), _outcome(v), _agreeing(v), cell(v.reason, max_characters=400))
            for v in comparison.claims
        ],
    )
    if comparison.departures:
        lines = [f"- {cell(departure)}" for departure in comparison.departures]
        yield _folded("Where these runs are not the recipe", lines)
    if len(comparison.records) > 1:
        yield "The mean over seeds is judged."
    choices = [
        f"- {cell(v.claim.text)} {why}"
        for v in comparison.claims
        if (why := getattr(v.claim, "tolerance_why", None) or getattr(v.claim, "bounds_why", None))
    ]
    if choices:
        yield _folded("How far a number may be off, and why", choices)


def _folded(summary: str, lines: Sequence[str]) -> str:
    return "\n".join(chain(("<details>", f"<summary>{summary}</summary>", ""), lines, ("", "</details>")))


def _measured(verdict: ClaimVerdict) -> str:
    if verdict.measured is None:
        return "—"
    if verdict.claim.quantity.startswith(("cost.wall_time_s", "cost.stages_s.")):
        return seconds(verdict.measured[0])
    shown = [count(value) if abs(value) >= 1000 else number(value) for value in verdict.measured]
    if verdict.claim.kind == "ordering":
        return ", ".join(f"{cell(name)} {value}" for name, value in zip(verdict.claim.methods, shown, strict=True))
    places = thinned(len(shown), MAX_MEASURED)
    return " → ".join(shown[i] for i in places) + (
        f" ({len(places)} of {len(shown)})" if len(places) < len(shown) else ""
    )


def _outcome(verdict: ClaimVerdict) -> str:
    strong = verdict.outcome in ("reproduced", "not reproduced")
    return f"**{verdict.outcome}**" if strong else verdict.outcome


def _agreeing(verdict: ClaimVerdict) -> str:
    return "—" if verdict.n_agree is None else f"{verdict.n_agree} of {verdict.n_seeds}"


def _figure(comparison: Comparison, figure: str | None) -> Iterable[str]:
    if figure is not None:
        yield f"![Loss by step and by epoch, and test scores before and after]({figure})"
