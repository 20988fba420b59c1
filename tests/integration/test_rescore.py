"""A tiny run scored again repeats: tokenizer and training text come from its config, the judge from its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from bench.records.store import Store
from bench.running.rescore import rescore
from bench.running.runs import run_seeds

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("suite", ["summarization", "alice_edgar"])
def test_a_run_scored_again_repeats(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: None
) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    (result,) = run_seeds(
        suite, profile="tiny", device="cpu", runs_root=tmp_path / "runs", overrides=tiny.SMALLER[suite]
    )
    (run,) = Store(runs_root=None).runs_in(result.folder)
    rows = rescore(run, offline=True)
    assert {row.metric for row in rows} == set(run.record.scores)
    for row in rows:
        allowed = ("equal", "rounding") if row.metric.startswith("style_") else ("equal",)
        assert row.outcome in allowed, row
    if suite == "summarization":
        (moved,) = rescore(run, ["rouge1"], {"rouge1": {"stemmer": False}}, offline=True)
        assert moved.now is not None
        assert "stem:none" in moved.now.signature
        assert moved.outcome == "moved"
    else:  # the judge lies in the run's folder
        (result.folder / "judge" / "judge.json").unlink()
        (lost,) = rescore(run, ["style_judge_loss"], offline=True)
        assert lost.outcome == "not scored"
        assert "judge.json is missing" in str(lost.error)
