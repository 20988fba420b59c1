"""Pages of docs/ run as they stand: their code blocks, and their commands in a shell."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_of(page: str) -> tuple[str, str]:
    """Return the name under which a page says to save its one Python block, and the block."""
    (named,) = codes_of(page).items()
    return named


def codes_of(page: str) -> dict[str, str]:
    """Return the Python blocks of a page by the names under which it says to save each."""
    codes = [block for language, block in _FENCE.findall(page) if language == "python"]
    return dict(zip(re.findall(r"Save it as `(\w+\.py)`", page), codes, strict=True))


def commands_of(page: str) -> list[str]:
    """Return the lines of a page's shell blocks."""
    return [line for language, block in _FENCE.findall(page) if language == "sh" for line in block.splitlines()]


def run_line(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell, which spreads its stars, with this interpreter's bench."""
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


def output_of(line: str, folder: Path) -> str:
    """Return what a line printed; it has to end with 0."""
    done = run_line(line, folder)
    assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
    return done.stdout
