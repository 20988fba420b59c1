"""The page on metrics of one's own, run as it stands from an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parent.parent.parent / "docs" / "own-metric.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_works_as_written(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = FENCE.findall(page)
    (code,) = (block for language, block in blocks if language == "python")
    (name,) = re.findall(r"Save it as `(\w+\.py)`", page)
    (tmp_path / name).write_text(code, encoding="utf-8")
    bench = f"{shlex.quote(sys.executable)} -m bench"
    said = []
    for line in (line for language, block in blocks if language == "sh" for line in block.splitlines()):
        done = subprocess.run(
            ["bash", "-c", re.sub(r"^bench\b", bench, line)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
        said.append(done.stdout)
    assert "WordsFound" in said[0]
    assert "equal" in said[1]
    assert "Words found" in said[3]


def test_a_file_that_is_gone_costs_its_own_metric_alone(tmp_path: Path) -> None:
    code = next(block for language, block in FENCE.findall(PAGE.read_text(encoding="utf-8")) if language == "python")
    file = tmp_path / "words.py"
    file.write_text(code, encoding="utf-8")

    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

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
