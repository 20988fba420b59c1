"""Run summary -> Markdown that reads well on GitHub. Pure: the same summary gives the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.comparing.summary import RunSummary
from bench.config import SuiteConfig
from bench.records.other_code import mixed_note
from bench.reports.format import cell, code
from bench.reports.run.claims import claims
from bench.reports.run.curves import scores_by_step, steadiness
from bench.reports.run.details import (
    choices,
    cost,
    metric_notes,
    parameters,
    provenance,
    rerun,
    sample_table,
    signatures,
    soundness,
)
from bench.reports.run.generated import Generated, human_text, memorised
from bench.reports.run.results import gate, measured_baseline, results, verdict
from bench.reports.run.samples import Sample
from bench.reports.run.style_duel import judge_section, pair_table
from bench.reports.run.what_ran import what_ran


def render(
    summary: RunSummary,
    *,
    samples: Sequence[Sample] = (),
    generated: Generated | None = None,
    figure: str | None = None,
    evaluations_figure: str | None = None,
) -> str:
    """Return the report of one suite, profile and method.

    Args:
        summary: the runs, beside baseline and claims.
        samples: predictions to show, of the first seed.
        generated: what was read of generated texts; none for a task without.
        figure: path of the learning-curve picture, relative to the report; none leaves its section out.
        evaluations_figure: path of the picture of test scores by step; none leaves it out of its section.
    """
    sections: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("What ran", lambda: what_ran(summary)),
        ("Results", lambda: results(summary)),
        ("Notes on the scores", lambda: metric_notes(summary)),
        ("Measured baseline", lambda: measured_baseline(summary)),
        ("Gate", lambda: gate(summary)),
        ("Documented claims", lambda: claims(summary)),
        ("Human text", lambda: human_text(summary)),
        ("Scores by step", lambda: scores_by_step(summary, evaluations_figure)),
        ("Stability", lambda: steadiness(summary)),
        ("Memorised?", lambda: memorised(summary, generated)),
        ("Judge", lambda: judge_section(summary, generated)),
        ("Parameters", lambda: parameters(summary)),
        ("Cost", lambda: cost(summary)),
        ("Learning curve", lambda: _figure(summary, figure)),
        ("Sample predictions", lambda: sample_table(summary, samples)),
        ("Samples side by side", lambda: pair_table(summary, generated)),
        ("Soundness", lambda: soundness(summary)),
        ("Metric signatures", lambda: signatures(summary)),
        ("Choices where the recipe is silent", lambda: choices(summary)),
        ("Provenance", lambda: provenance(summary)),
        ("Run it again", lambda: rerun(summary)),
    ]
    config = summary.config
    title = f"# {cell(config.suite)}: {config.profile} profile, method {code(config.method_name)}"
    blocks = [title, subject(config), verdict(summary)]
    if note := mixed_note(summary.records):
        blocks.append(f"**{cell(note)}**")
    for heading, build in sections:
        body = list(build())
        if body:
            blocks += [f"## {heading}", *body]
    return "\n\n".join(blocks) + "\n"


def subject(config: SuiteConfig) -> str:
    """Return what the numbers are of: the recipe, or its stand-in."""
    recipe = f"Recipe: {cell(config.title)}."
    if config.profile == "documented":
        return recipe
    return (
        f"{recipe} The {code(config.profile)} profile is a stand-in: it follows the recipe's steps with other weights "
        "and other text, so its numbers are not the recipe's."
    )


def _figure(summary: RunSummary, figure: str | None) -> Iterable[str]:
    if figure is not None:
        yield f"![Loss by step and by epoch, and test scores before and after]({figure})"
