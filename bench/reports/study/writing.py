"""Writes the pages of a study: Markdown, the same as JSON at full precision, and a picture."""

from __future__ import annotations

from pathlib import Path

from bench.core.files import canonical_json, write_text
from bench.experiments.study.result import StudyResult
from bench.reports.study.markdown import render
from bench.reports.study.picture import best_of_k_svg
from bench.reports.study.values import values_of


def write_report(result: StudyResult, *, reports_root: Path = Path("reports")) -> Path:
    """Write the report, its JSON and its picture.

    Returns:
        The Markdown file.
    """
    study = result.study
    stem = f"{study.suite.name}-{study.file.profile}-study-{study.file.study}"
    figure = f"{stem}-best-of-k.svg"
    write_text(reports_root / figure, best_of_k_svg(result))
    write_text(reports_root / f"{stem}.json", canonical_json(values_of(result)))
    write_text(reports_root / f"{stem}.md", render(result, figure=figure))
    return reports_root / f"{stem}.md"
