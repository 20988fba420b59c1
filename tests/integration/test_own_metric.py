"""The page on metrics of one's own, run as it stands from an empty folder."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from pages import DOCS, code_of, commands_of, output_of, run_line

pytestmark = pytest.mark.integration


def test_the_page_works_as_written(tmp_path: Path) -> None:
    page = (DOCS / "own-metric.md").read_text(encoding="utf-8")
    name, code = code_of(page)
    (tmp_path / name).write_text(code, encoding="utf-8")
    said = [output_of(line, tmp_path) for line in commands_of(page)]
    assert "WordsFound" in said[0]
    assert "equal" in said[1]
    assert "Words found" in said[3]


def test_a_file_that_is_gone_costs_its_own_metric_alone(tmp_path: Path) -> None:
    name, code = code_of((DOCS / "own-metric.md").read_text(encoding="utf-8"))
    file = tmp_path / name
    file.write_text(code, encoding="utf-8")

    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_line(shlex.join(["bench", *arguments]), tmp_path)

    fewer = ["--set", "training.steps=4", "--metric", "./words.py:WordsFound", "--offline", "--device", "cpu"]
    ran = bench("run", "suites/summarization", "--profile", "tiny", *fewer)
    assert ran.returncode == 0, ran.stderr[-2000:]
    file.unlink()
    (run,) = (tmp_path / "runs").glob("*/*/*/*/seed-0")
    again = bench("rescore", str(run))
    assert again.returncode == 2, again.stderr[-2000:]  # that one could not be scored
    assert "there is no such file" in again.stdout
    assert "rouge1" in again.stdout
    other = bench("rescore", str(run), "--metric", "rouge1")
    assert (other.returncode, "equal" in other.stdout) == (0, True), other.stderr[-2000:]
    page = bench("report", "suites/summarization")
    assert page.returncode == 0, page.stderr[-2000:]
    (written,) = (tmp_path / "reports").glob("*.md")
    assert "WordsFound" in written.read_text(encoding="utf-8")
