"""Every command reads each record and each baseline once, however many of its parts look at it."""

from __future__ import annotations

import builtins
import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from boards import shipped
from factories import write_cell
from typer.testing import CliRunner

from bench.cli.app import app
from bench.core.builtin import builtin_root
from bench.records.making import from_runs
from bench.records.store import DOCUMENTED_FILE, read_statistics, write_baseline, write_statistics

SUITE = "sentiment_sst2"
SEEDS = range(3)
POLICY = {
    "profile": "tiny",
    "allow": ["commit", "version", "dirty"],
    "suites": {SUITE: {"metrics": {"accuracy": {"tier": "critical", "max_drop": 0.05}}}},
}
CELL = f"{SUITE}/tiny/frozen_body"
COMMANDS = {
    "run": ("run", f"suites/{SUITE}", "--profile", "tiny", "--seeds", "0-2"),
    "compare": ("compare", "baseline.json", "runs/KEY"),
    "compare records": ("compare", "runs/KEY/seed-0/record.json", "runs/KEY/seed-1/record.json"),
    "gate": ("gate",),
    "gate of runs": ("gate", "runs/KEY/seed-0", "runs/KEY/seed-1", "runs/KEY/seed-2"),
    "report": ("report", SUITE),
    "overview": ("report", "--suites", "all"),
    "leaderboard": ("leaderboard", SUITE, "--profile", "tiny"),
    "claims": ("claims", SUITE, "--profile", "tiny"),
    "baseline show": ("baseline", "show", CELL),
    "baseline list": ("baseline", "list"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with runs and baselines of two methods, the claims of the suite, and a policy."""
    baselines = tmp_path / "baselines"
    for method in ("frozen_body", "full"):
        runs = write_cell(tmp_path / "runs", *(shipped(method, seed) for seed in SEEDS))
        for run in runs:
            accuracy = {stage: {"accuracy": by["accuracy"]} for stage, by in read_statistics(run).items()}
            write_statistics(run, accuracy)
        path = write_baseline(*from_runs(runs, reason="first"), root=baselines)
    claims = builtin_root("baselines") / SUITE / DOCUMENTED_FILE
    (baselines / SUITE / DOCUMENTED_FILE).write_bytes(claims.read_bytes())
    (baselines / "policy.toml").write_text(tomli_w.dumps(POLICY), encoding="utf-8")
    for file in (path.with_name("frozen_body.json"), path.with_name("frozen_body.safetensors")):
        (tmp_path / file.name.replace("frozen_body", "baseline")).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reads_of(folder: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Run a command and count how often it opened each record and each baseline."""
    counts: Counter[str] = Counter()
    open_file = io.open

    def counted(file: Any, mode: str = "r", *rest: Any, **settings: Any) -> Any:
        path = Path(os.path.realpath(file)) if isinstance(file, (str, Path)) else Path()
        if "r" in mode and path.suffix in (".json", ".safetensors") and path.is_relative_to(folder):
            counts[str(path.relative_to(folder))] += 1
        return open_file(file, mode, *rest, **settings)

    (key,) = (folder / "runs" / CELL).iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(io, "open", counted)
        patched.setattr(builtins, "open", counted)
        done = CliRunner().invoke(app, [word.replace("KEY", f"{CELL}/{key.name}") for word in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return Counter({name: n for name, n in counts.items() if not name.endswith(DOCUMENTED_FILE)})


@pytest.mark.parametrize("name", COMMANDS)
def test_each_stored_result_is_read_once(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = reads_of(folder, COMMANDS[name], monkeypatch)
    assert any(path.endswith(".json") for path in reads)
    assert [path for path, n in reads.items() if n > 1] == []
