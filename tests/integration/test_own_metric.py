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
