"""The `documented` profile through the command line, against the loopback hub."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hub.server import Hub


def count(hub: Hub, id_: str, *, head: int = 0) -> str:
    """Return the override that expects a served model's own size, plus a head that the repository lacks."""
    from safetensors.numpy import load_file

    folder = hub.repositories[("model", id_)].folder
    return f"model.total_parameters={sum(a.size for a in load_file(folder / 'model.safetensors').values()) + head}"


def bench(env: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command line in `cwd`."""
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:bench", "-m", "bench", *arguments],
        env=env | {"OMP_NUM_THREADS": "1"}, cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def run(env: dict[str, str], cwd: Path, suite: str, *overrides: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the documented profile and return the one run that `--json` prints."""
    settings = [part for override in overrides for part in ("--set", override)]
    done = bench(env, cwd, "run", suite, "--profile", "documented", "--device", "cpu", "--json", *settings, *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["runs"][0]
    return found
