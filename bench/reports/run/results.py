"""The results: what fine-tuning changed, how that stands beside the measured baseline, and what the gate says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench import metrics
from bench.comparing.compare import MetricComparison
from bench.comparing.failed_seeds import in_words as failures_in_words
from bench.comparing.failed_seeds import training_of
from bench.comparing.summary import MetricSummary, RunSummary
from bench.core.wording import plural
from bench.reports.comparison import VALUE_CHARACTERS, difference_text, p_text
from bench.reports.format import cell, code, estimated, number, table
from bench.reports.run.claims import documented
from bench.reports.run.what_ran import example_of


def verdict(summary: RunSummary) -> str:
    """Return in words whether fine-tuning moved the primary metric, and how that stands against the baseline."""
    row = summary.primary
    change, name = row.change, metrics.spec_or_name(row.metric).title
    unit = "" if row.unit == "fraction" else f" {cell(row.unit)}"
    moved = (
        f"{number(row.before.value, row.unit)} → {number(row.after.value, row.unit)}{unit}, "
        f"a change of {difference_text(change)}"
    )
    if change.difference is None:
        effect = f"Fine-tuning moved {name}, and **how sure that is cannot be said**: {moved}; {cell(change.why or '')}"
    else:
        away = change.outcome != "not told apart"
        how = f"made {name} **{change.outcome}**" if away else f"moved {name} **too little to tell**"
        ending = "the interval is away from zero" if away else "the interval holds zero"
        over = f"{_percent(change)} interval over {_over(change, example_of(summary.config, row.metric))}"
        effect = f"Fine-tuning {how}: {moved}; {ending} ({over})"
    return f"{effect}. {_baseline_sentence(summary)}"


def _baseline_sentence(summary: RunSummary) -> str:
    row, baseline = summary.primary, summary.baseline
    if baseline is None:
        return "No measured baseline is stored to compare it with."
    if row.against is None:
        fields = ", ".join(code(mismatch.field) for mismatch in row.mismatches)
        return f"The stored baseline is **incomparable**: {fields} differ{'s' if len(row.mismatches) == 1 else ''}."
    standing = {
        "identical": "**equal**, to the last digit of every seed",
        "better": "**better** (the interval of the difference is away from zero)",
        "worse": "**worse** (the interval of the difference is away from zero)",
        "not told apart": "**not told apart** (the interval of the difference holds zero)",
        "no interval": "compared by value alone, for nothing that is stored gives an interval",
    }[row.against.standing]
    difference = "" if row.against.is_identical else f", difference {difference_text(row.against.comparison)}"
    return f"Against the measured baseline of {plural(len(baseline.seeds), 'seed')}: {standing}{difference}."


def _percent(row: MetricComparison) -> str:
    return "95 %" if row.difference is None else f"{100 * row.difference.confidence:g} %"


def _over(row: MetricComparison, example: str) -> str:
    """Return what an interval would let vary: `872 test rows, 1 seed`, `5 seeds`, `5 and 3 seeds and 872 test rows`."""
    difference = row.difference
    if difference is None:
        return ""
    a, b = difference.n_seeds_a, difference.n_seeds_b
    seeds = plural(b, "seed") if a == b else f"{a} and {plural(b, 'seed')}"
    examples = plural(difference.n_examples, example)
    if row.counts == "group":
        examples = f"{plural(difference.n_examples, 'group')} of {example}s"
    return {"examples": f"{examples}, {seeds}", "seeds": seeds, "both": f"{seeds} and {examples}"}[difference.over]


# --- what fine-tuning changed ----------------------------------------------------------------------------------------


def results(summary: RunSummary) -> Iterable[str]:
    """Yield every metric before and after, the change with its interval and p, and what is documented."""
    outcomes = {verdict.claim.id: verdict for verdict in summary.claims}
    yield table(
        ("metric", "before", "after", "change", "p", "documented"),
        [
            (
                _name(row, summary),
                estimated(row.before, row.unit),
                estimated(row.after, row.unit),
                difference_text(row.change),
                cell(p_text(row.change)),
                documented([outcomes[claim.id] for claim in row.documented]),
            )
            for row in summary.rows
        ],
    )
    yield _legend(summary)
    said = failures_in_words(training_of(summary.records))
    yield f"{cell(said[0].upper() + said[1:], max_characters=1000)}."
    yield from _without_evidence([row.change for row in summary.rows])


def _name(row: MetricSummary, summary: RunSummary) -> str:
    arrow = "↑" if row.higher_is_better else "↓"
    name = f"{cell(metrics.spec_or_name(row.metric).title)} {arrow}"
    return f"**{name}**" if row is summary.primary else name


def _legend(summary: RunSummary) -> str:
    units: dict[str, list[str]] = {}
    for row in summary.rows:
        examples = plural(row.n_examples, example_of(summary.config, row.metric))
        if row.n_groups is not None:
            examples += f" in {plural(row.n_groups, 'group')}"
        units.setdefault(f"{row.unit}, {examples}", []).append(metrics.spec_or_name(row.metric).title)
    counted = "; ".join(f"{', '.join(names)} in {unit}" for unit, names in units.items())
    several = len(summary.records) > 1
    scores = (
        "Before and after: mean ± standard deviation over seeds, or, where all seeds give one number, its 95 % "
        "interval over examples."
        if several
        else "Before and after: one seed, with the 95 % interval over examples."
    )
    return (
        f"{scores} {_brackets('Change', [row.change for row in summary.rows])} ↑ higher is better, ↓ lower is "
        f"better; bold is the primary metric. {cell(counted, max_characters=1000)}."
    )


def _brackets(title: str, comparisons: list[MetricComparison]) -> str:
    """Return what the brackets and the p of a column cover."""
    known = [row for row in comparisons if row.difference is not None]
    if not known:
        return f"{title}: nothing that is stored gives an interval."
    over = {
        "examples": "examples, which leaves out the choice of seeds",
        "seeds": "seeds, which leaves out the choice of examples",
        "both": "seeds and examples",
    }
    covers = dict.fromkeys(over[row.difference.over] for row in known if row.difference is not None)
    adjusted = f"adjusted by Holm over {plural(len(known), 'metric')}" if len(known) > 1 else "of one metric"
    return (
        f"{title}: {_percent(known[0])} interval over {', or over '.join(covers)}; p is two-sided, for no difference, "
        f"{adjusted}."
    )


def _without_evidence(comparisons: Iterable[MetricComparison]) -> Iterable[str]:
    """Yield the metrics whose interval leaves something out, and why."""
    lines = [f"\n- {cell(metrics.spec_or_name(c.metric).title)}: {cell(c.why)}" for c in comparisons if c.why]
    if lines:
        yield f"Not all brackets are over seeds and examples:\n{''.join(lines)}"


# --- measured baseline -----------------------------------------------------------------------------------------------


def measured_baseline(summary: RunSummary) -> Iterable[str]:
    """Yield the difference from the measured baseline, the noise floor beside it, and what else differs."""
    baseline = summary.baseline
    if baseline is None:
        yield "None is stored for this suite, profile and method; `bench baseline promote` makes one."
        return
    compared = [row.against.comparison for row in summary.rows if row.against is not None]
    if compared:
        noise = () if baseline.noise is None else ("device noise", "seed noise")
        yield table(
            ("metric", "these runs", "baseline", "difference", "p", "these runs are", *noise),
            [(_name(row, summary), *_against_cells(row), *_noise_cells(row, summary)) for row in summary.rows],
        )
        yield f"{_brackets('Difference, these runs minus the baseline', compared)} {_noise_sentence(summary)}"
        yield from _without_evidence(compared)
    if summary.mismatches:
        yield "The stored baseline differs in what both sides must share:"
        yield table(
            ("field", "these runs", "baseline"),
            [
                (
                    code(m.field),
                    cell(m.ours, max_characters=VALUE_CHARACTERS),
                    cell(m.theirs, max_characters=VALUE_CHARACTERS),
                )
                for m in summary.mismatches
            ],
        )
    yield _origin(summary)
    if summary.notes:
        notes = "".join(f"\n- {cell(note)}" for note in summary.notes)
        yield f"Other differences from the baseline, which do not stand in the way:\n{notes}"


def _against_cells(row: MetricSummary) -> tuple[str, ...]:
    against = row.against
    if against is None:
        fields = ", ".join(code(mismatch.field) for mismatch in row.mismatches)
        return (estimated(row.after, row.unit), "—", "—", "—", f"incomparable: {fields}")
    return (
        estimated(row.after, row.unit),
        estimated(against.baseline, row.unit),
        difference_text(against.comparison),
        cell(p_text(against.comparison)),
        against.standing,
    )


def _noise_cells(row: MetricSummary, summary: RunSummary) -> tuple[str, ...]:
    floor = None if summary.baseline is None else summary.baseline.noise
    if floor is None:
        return ()
    noise = floor.metrics.get(row.metric)
    if noise is None:
        return ("—", "—")
    return (number(noise.device, row.unit), "—" if noise.seeds is None else number(noise.seeds, row.unit))


def _noise_sentence(summary: RunSummary) -> str:
    floor = None if summary.baseline is None else summary.baseline.noise
    if floor is None:
        return "No noise floor is stored with the baseline; `bench noise --store` measures it."
    return (
        f"Noise of the baseline's config, on {cell(floor.device)}: device noise is how far apart the scores of "
        f"{floor.n_repeats} runs of one seed lie ({'bitwise equal' if floor.bitwise else 'not bitwise equal'}), seed "
        f"noise their standard deviation over {plural(floor.n_seeds, 'seed')}."
    )


def _origin(summary: RunSummary) -> str:
    """Return what the baseline is, who made it of what, and why."""
    baseline = summary.baseline
    if baseline is None:
        return ""
    by = "" if baseline.promoted_by is None else f" by {cell(baseline.promoted_by)}"
    commit = baseline.promoted_from_commit
    waived = "".join(f" Allowed: {cell(sentence)}." for sentence in baseline.waived)
    return (
        f"Baseline: config key {code(baseline.config_key)}, seeds {', '.join(str(s.seed) for s in baseline.seeds)}, "
        f"stored {baseline.created}{by}{'' if commit is None else f' from commit {code(commit[:12])}'}. "
        f"Reason: {cell(baseline.reason)}{waived}"
    )


# --- gate ------------------------------------------------------------------------------------------------------------


def gate(summary: RunSummary) -> Iterable[str]:
    """Yield what the policy says of these runs; nothing where it does not name them."""
    from bench.reports import gate as outputs  # it needs the tables of this package

    verdict = summary.gate
    if verdict is None:
        return
    if isinstance(verdict, str):
        yield f"The policy can say nothing of these runs: {cell(verdict, max_characters=400)}"
        return
    yield f"**{outputs.summary(verdict)}**"
    rows = [[cell(text) for text in outputs.cells(row)[1:]] for row in verdict.rows]
    yield table(outputs.HEADERS[1:], rows)
    yield (
        f"{outputs.method_note(verdict)} These are the rows of this suite; `bench gate` corrects over all suites. "
        f"Policy: {code(Path(verdict.policy_path).name)}, profile {code(verdict.policy.profile)}."
    )
