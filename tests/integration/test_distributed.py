"""One run on two processes: the same batches, the same losses, one record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from bench.core.errors import InputError
from bench.records.store import read_record
from bench.running.runs import run_config, run_seeds
from bench.running.settings import RunSettings

pytestmark = pytest.mark.integration

NO_DROPOUT = {
    "imdb": (
        "data.train.stop=57",  # the last batch of an epoch is not full
        "training.warmup_steps=0",
        "model.architecture.config.hidden_dropout_prob=0",
        "model.architecture.config.attention_probs_dropout_prob=0",
    ),
    # rows of unequal numbers of targets; of the last batch one process has none
    "summarization": ("data.train.stop=13", "model.architecture.config.dropout_rate=0"),
}
LAUNCH = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1")


@pytest.mark.parametrize("suite", NO_DROPOUT)
def test_two_processes_train_like_one(suite: str, tmp_path: Path) -> None:
    """Without dropout, whose masks fall otherwise: losses agree to float32 rounding, stated as 1e-5 of the loss."""
    overrides = [*tiny.SMALLER[suite], *NO_DROPOUT[suite]]
    settings = {"profile": "tiny", "device": "cpu", "offline": True}
    alone = run_seeds(f"suites/{suite}", overrides=overrides, runs_root=tmp_path / "one", **settings)[0]
    command = [
        *(sys.executable, *LAUNCH, "--mixed_precision", "no", "--dynamo_backend", "no", "-m", "bench"),
        *("run", f"suites/{suite}", "--profile", "tiny", "--device", "cpu", "--offline"),
        *("--runs", str(tmp_path / "two"), "--reports", str(tmp_path / "reports")),
        *(word for override in overrides for word in ("--set", override)),
    ]
    done = subprocess.run(
        command, env=os.environ | {"ACCELERATE_USE_CPU": "1"}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = (tmp_path / "two").rglob("record.json")
    assert done.stdout.count("after") == 1, "both processes print the table"
    together = read_record(path)
    assert together.environment.n_processes == 2
    assert together.config_key == alone.record.config_key
    assert together.hashes.batch_order == alone.record.hashes.batch_order
    assert together.hashes.initial_trainable == alone.record.hashes.initial_trainable
    assert together.cost.n_training_tokens == alone.record.cost.n_training_tokens
    assert _losses(path.parent) == pytest.approx(_losses(alone.folder), rel=1e-5)
    assert together.epochs[-1].train_loss == pytest.approx(alone.record.epochs[-1].train_loss, rel=1e-5)


def test_a_batch_that_cannot_be_split_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    config = tiny.small("imdb")
    with pytest.raises(InputError, match=r"training.batch_size = 10 cannot be split evenly between 3 processes"):
        run_config(config, 0, RunSettings(device="cpu", runs_root=tmp_path))


def _losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
