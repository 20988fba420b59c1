"""StudyResult -> Markdown that reads well on GitHub. Pure: the same result gives the same text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from pydantic import JsonValue

from bench import metrics
from bench.comparing.compare import MetricComparison
from bench.comparing.summary import estimate
from bench.core.wording import plural
from bench.experiments.study.config import StudyFile
from bench.experiments.study.result import ALPHA, Final, MethodResult, StudyResult, TrialCost, row_of, word_of
from bench.experiments.study.search import words_of
from bench.experiments.study.setup import value_of
from bench.reports.comparison import difference_text, over, p_text
from bench.reports.format import cell, code, count, estimated, number, seconds, table

ONE_UNTUNED = "best found, not both tuned"
"""What a difference is of, where only one side, or none, was tuned."""
_MAX_COLUMNS = 10
"""Numbers of trials that the table of best-of-k has room for."""


def render(result: StudyResult, *, figure: str | None = None) -> str:
    """Return the report of a study.

    Args:
        result: what was found.
        figure: path of the best-of-k picture, relative to the report.
    """
    sections = (
        ("What ran", _what_ran),
        ("Default and tuned", _default_and_tuned),
        (f"Against {result.study.reference}", _against_the_reference),
        ("Chosen settings", _chosen),
        ("Best of k trials", lambda r: _best_of_k(r, figure)),
        ("What it took", _cost),
        ("Failed", _failed),
        ("Run it again", _rerun),
    )
    blocks = [f"# Study {result.study.file.study}", verdict(result)]
    blocks += [f"**Beware**: {cell(warning)}." for warning in result.warnings]
    for heading, build in sections:
        body = list(build(result))
        if body:
            blocks += [f"## {heading}", *body]
    return "\n\n".join(blocks) + "\n"


def verdict(result: StudyResult) -> str:
    """Return what the study says, in a sentence for each fair pair."""
    metric, reference = result.study.metric, result.methods[0]
    clauses = []
    for method in result.methods:
        pairs = result.comparisons[method.name]
        if method.best is None:
            clauses.append(f"Every trial of {code(method.name)} failed")
        elif method.searched and method.best.number == 0:
            clauses.append(f"For {code(method.name)}, no trial did better than the default")
        elif method.searched:
            clauses.append(
                f"{code(method.name)}, tuned beside default: {_outcome(row_of(pairs.tuned_and_default, metric))}"
            )
        if method is not reference and method.is_tuned and reference.is_tuned:
            outcome = _outcome(row_of(pairs.tuned, metric))
            clauses.append(f"{code(method.name)} beside {code(reference.name)}, both tuned: {outcome}")
    text = ". ".join(clauses)
    return f"{text}." if text else "Only defaults were run."


def _outcome(row: MetricComparison | None) -> str:
    if row is None:
        return "not compared"
    return f"{word_of(row)}, {row.metric} {difference_text(row)}"


# --- sections --------------------------------------------------------------------------------------------------------


def _what_ran(result: StudyResult) -> Iterable[str]:
    file, config = result.study.file, result.study.defaults[result.study.reference]
    chosen = metrics.spec(result.study.metric)
    facts = [
        ("suite", f"{code(config.suite)}, profile {code(config.profile)}: {cell(config.title)}"),
        ("methods", ", ".join(code(name) for name in file.methods)),
        ("budget of every run", _budget(file)),
        ("trials", _trials(result)),
        (
            "chosen by",
            f"{cell(chosen.title)} on the validation rows, {'higher' if chosen.higher_is_better else 'lower'} is "
            f"better; trial {_seeds(file.trial_seeds)}",
        ),
        ("scored on", f"the test rows, which no trial has read; {_seeds(file.seeds)}"),
        ("search", f"Optuna's TPE, seed {file.sampler_seed}"),
    ]
    if file.set:
        facts.append(("set for all", ", ".join(code(setting) for setting in file.set)))
    if result.allowed:
        why = "the budget is of work, not of steps, so sides may differ in it"
        facts.append(("allowed to differ", f"{', '.join(code(field) for field in result.allowed)}: {why}"))
    yield table(("what", "value"), facts)


def _trials(result: StudyResult) -> str:
    text = f"{result.study.file.trials} a method, its default settings among them"
    alone = [code(method.name) for method in result.methods if not method.searched]
    return text + (f"; the default alone for {', '.join(alone)}" if alone else "")


def _budget(file: StudyFile) -> str:
    if file.budget.steps is not None:
        return f"{file.budget}"
    return f"{file.budget}, turned into steps by a short measured run of each configuration"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _default_and_tuned(result: StudyResult) -> Iterable[str]:
    rows = []
    for method in result.methods:
        for metric in result.study.metrics:
            row = row_of(result.comparisons[method.name].tuned_and_default, metric)
            scores = (_score(method.default, metric), _score(method.tuned, metric))
            beside = _cells(row, "tuned is the default" if _is_same(method) else "—")
            rows.append((code(method.name), _title(metric), *scores, *beside))
    yield table(("method", "metric", "default", "tuned", "tuned - default", "tuned is", "over", "adjusted p"), rows)
    yield (
        "Scores on the test rows: mean ± standard deviation over seeds; of one seed, its interval over examples. "
        f"{_family(result)}"
    )


def _against_the_reference(result: StudyResult) -> Iterable[str]:
    rows = []
    for method in result.methods[1:]:
        for metric in result.study.metrics:
            pairs = result.comparisons[method.name]
            tuned = "tuned" if method.is_tuned and result.methods[0].is_tuned else ONE_UNTUNED
            for name, comparison in (("defaults", pairs.defaults), (tuned, pairs.tuned)):
                rows.append((code(method.name), _title(metric), name, *_cells(row_of(comparison, metric), "—")))
    if rows:
        yield table(("method", "metric", "both at", "difference", "it is", "over", "adjusted p"), rows)
        unlike = any(ONE_UNTUNED in row for row in rows)
        text = f" A row that says *{ONE_UNTUNED}* is not fair to the side that was not tuned." if unlike else ""
        yield f"Like beside like: default minus default, tuned minus tuned.{text} {_family(result)}"


def _cells(row: MetricComparison | None, otherwise: str) -> tuple[str, ...]:
    if row is None:
        return (otherwise, "—", "—", "—")
    return (difference_text(row), word_of(row), over(row) or "—", cell(p_text(row)))


def _family(result: StudyResult) -> str:
    unique = {
        (table_.a.name, table_.b.name): table_
        for pairs in result.comparisons.values()
        for table_ in (pairs.tuned_and_default, pairs.defaults, pairs.tuned)
        if table_ is not None
    }
    n_cells = sum(row.p_adjusted is not None for table_ in unique.values() for row in table_.rows)
    return (
        f"95 % intervals, not corrected; p two-sided, adjusted by Holm over {plural(n_cells, 'cell')} of this report. "
        f"Better and worse are said where that p is below {ALPHA:g}."
    )


def _is_same(method: MethodResult) -> bool:
    return (
        method.default is not None and method.tuned is not None and method.default.config.key == method.tuned.config.key
    )


def _score(final: Final | None, metric: str) -> str:
    if final is None or final.side is None:
        return "failed"
    scores = [record.scores[metric] for record in final.side.records]
    return estimated(estimate(scores), scores[0].unit)


def _title(metric: str) -> str:
    spec = metrics.spec(metric)
    return f"{cell(spec.title)} {'↑' if spec.higher_is_better else '↓'}"


def _chosen(result: StudyResult) -> Iterable[str]:
    rows = []
    for method in result.methods:
        for key, values in result.study.file.methods[method.name].space.items():
            default = value_of(result.study.defaults[method.name], key)
            chosen = "—" if method.best is None else shown(method.best.settings.get(key, default))
            rows.append((code(method.name), code(key), cell(words_of(values)), shown(default), chosen))
    if rows:
        yield table(("method", "setting", "searched", "default", "chosen"), rows)


def shown(value: JsonValue) -> str:
    """Return a setting as a person would write it: numbers with four digits."""
    if value is None:
        return "—"
    return f"{value:.4g}" if isinstance(value, float) else cell(str(value))


def _best_of_k(result: StudyResult, figure: str | None) -> Iterable[str]:
    study = result.study
    if figure is not None:
        yield f"![Expected best validation score by number of trials]({figure})"
    unit = metrics.spec(study.metric).unit
    curves = {method.name: method.curve(higher_is_better=study.higher_is_better) for method in result.methods}
    n = max((len(curve) for curve in curves.values()), default=0)
    ks = sorted({1 + round(i * (n - 1) / (min(n, _MAX_COLUMNS) - 1 or 1)) for i in range(min(n, _MAX_COLUMNS))})
    if ks:
        rows = [
            (code(name), *(number(curve[k - 1], unit) if k <= len(curve) else "—" for k in ks))
            for name, curve in curves.items()
        ]
        yield table(("method", *(f"k = {k}" for k in ks)), rows)
        yield (
            f"{_title(study.metric)} on the validation rows: the mean, over all ways to draw k of the n trials without "
            "replacement, of the best of the k (Dodge et al. 2019, section 3; the unbiased form of Tang et al. 2020). "
            "Lines that cross mean that the better method depends on how much is spent on tuning. A failed trial "
            "counts as the worst of the others."
        )


def _cost(result: StudyResult) -> Iterable[str]:
    rows = []
    for method in result.methods:
        finals = sum((final.spent for final in method.finals), TrialCost())
        rows.append(
            (
                code(method.name),
                f"{len(method.trials)}",
                f"{method.n_failed}",
                _time(method.spent_on_trials),
                _time(finals),
                *(" / ".join(column) for column in zip(*map(_work, (method.default, method.tuned)), strict=True)),
            )
        )
    headings = ("method", "trials", "failed", "time of trials", "time of final runs", "steps", "tokens", "training")
    yield table(headings, rows)
    yield (
        "Time is of the processor where every run measured it, else by the clock. Steps, tokens and seconds of "
        "training are of one final run, as means over seeds: default / tuned."
    )


def _time(spent_: TrialCost) -> str:
    if spent_.cpu_time_s is None:
        return f"{seconds(spent_.wall_time_s)} (clock)"
    return seconds(spent_.cpu_time_s)


def _work(final: Final | None) -> tuple[str, str, str]:
    if final is None or final.side is None:
        return ("—", "—", "—")
    costs = [record.cost for record in final.side.records]
    return (
        count(final.config.training.steps or 0),
        count(fmean(cost.n_training_tokens for cost in costs)),
        seconds(fmean(cost.stages_s["training"] for cost in costs)),
    )


def _failed(result: StudyResult) -> Iterable[str]:
    lines = [
        f"- {code(method.name)}, trial {trial.number + 1}: {cell(trial.failure)}"
        for method in result.methods
        for trial in method.trials
        if trial.failure is not None
    ]
    lines += [f"- final run of {cell(line)}" for line in result.failures if ", seed " in line]
    if lines:
        yield "A failed trial has spent its share of the budget and is not tried again."
        yield "\n".join(lines)


def _rerun(result: StudyResult) -> Iterable[str]:
    yield f"```sh\nbench study {result.study.place}\n```"
    yield "Runs that are stored are read, so this continues a study that was cut off, and repeats a finished one free."
