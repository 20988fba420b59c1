"""The page on methods of one's own, run as it stands from an empty folder."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from pages import DOCS, codes_of, commands_of, output_of, run_line

pytestmark = pytest.mark.integration


def test_the_page_works_as_written(tmp_path: Path) -> None:
    page = (DOCS / "own-method.md").read_text(encoding="utf-8")
    codes = codes_of(page)
    name = "rescale.py"
    assert list(codes) == [name, "distill.py", "sam.py", "gradient_lora.py"]
    assert all(len(code.splitlines()) < 40 for code in codes.values())
    for file, code in codes.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
    commands = commands_of(page)
    assert [shlex.split(line)[1] for line in commands] == [
        "run",
        "sweep",
        "compare",
        "leaderboard",
        "run",
        "run",
        "run",
    ]

    said = [output_of(line, tmp_path) for line in commands]

    assert len(list(tmp_path.rglob("record.json"))) == 15 + 3
    assert "accuracy" in said[2]
    board = (tmp_path / "reports" / "imdb-tiny-leaderboard.md").read_text(encoding="utf-8")
    assert all(f"| {method} " in board or f"{method}" in board for method in ("Rescale", "lora", "full"))
    assert len(list((tmp_path / "reports").glob("imdb-tiny-leaderboard*.svg"))) == 2
    refused = run_line(
        f"bench run suites/imdb --profile tiny --method ./{name}:Rescale --set method.settings.start=0.9", tmp_path
    )
    assert refused.returncode == 2
    assert "changes the model before the first step" in refused.stderr
    shown = json.loads(output_of("bench leaderboard suites/imdb --profile tiny --json", tmp_path))
    assert "Rescale" in json.dumps(shown)
