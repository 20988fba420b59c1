"""The page on methods of one's own, run as it stands from an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parent.parent.parent / "docs" / "own-method.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_works_as_written(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = FENCE.findall(page)
    (code,) = (block for language, block in blocks if language == "python")
    (name,) = re.findall(r"Save it as `(\w+\.py)`", page)
    assert len(code.splitlines()) < 30
    (tmp_path / name).write_text(code, encoding="utf-8")
    commands = [line for language, block in blocks if language == "sh" for line in block.splitlines()]
    assert [shlex.split(line)[1] for line in commands] == ["run", "sweep", "compare", "leaderboard"]

    said = [_said(line, tmp_path) for line in commands]

    assert len(list(tmp_path.rglob("record.json"))) == 15
    assert "accuracy" in said[2]
    board = (tmp_path / "reports" / "imdb-tiny-leaderboard.md").read_text(encoding="utf-8")
    assert all(f"| {method} " in board or f"{method}" in board for method in ("Rescale", "lora", "full"))
    assert len(list((tmp_path / "reports").glob("imdb-tiny-leaderboard*.svg"))) == 2
    refused = _bench(
        f"bench run suites/imdb --profile tiny --method ./{name}:Rescale --set method.settings.start=0.9", tmp_path
    )
    assert refused.returncode == 2
    assert "changes the model before the first step" in refused.stderr
    shown = json.loads(_said("bench leaderboard suites/imdb --profile tiny --json", tmp_path))
    assert "Rescale" in json.dumps(shown)


def _said(line: str, folder: Path) -> str:
    done = _bench(line, folder)
    assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
    return done.stdout


def _bench(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page in a shell, which spreads its stars, with this interpreter's bench."""
    bench = f"{shlex.quote(sys.executable)} -m bench"
    return subprocess.run(
        ["bash", "-c", re.sub(r"^bench\b", bench, line)],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
