"""Stored predictions scored again: what is equal, what moved, what is new, and what cannot be scored. No torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_record
from typer.testing import CliRunner

from bench import metrics
from bench.cli.app import app
from bench.core.errors import InputError
from bench.core.files import file_sha256
from bench.metrics.score import score
from bench.records.predictions import Predictions
from bench.records.store import PREDICTIONS_FILES, Store, StoredRun, write_record
from bench.running.rescore import Rescored, rescore

LABELS = [0, 1, 1, 0, 1, 1, 0, 1]
PREDICTED = [0, 1, 0, 0, 1, 1, 1, 1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a run that was scored by accuracy and F1."""
    folder = tmp_path / "seed-3"
    folder.mkdir()
    n = len(LABELS)
    predictions = Predictions(
        ids=tuple(map(str, range(n))),
        inputs=("a text",) * n,
        references=tuple(LABELS),
        predictions=tuple(PREDICTED),
        losses_nats=np.linspace(0.1, 1.7, n),
        n_targets=np.ones(n, dtype=np.int64),
    )
    predictions.write(folder / PREDICTIONS_FILES["after"])
    record = make_record(3, config__metrics={"accuracy": {}, "f1": {}}, config__primary_metric="accuracy")
    scores = {
        name: score(metrics.build(name, n_classes=2), PREDICTED, LABELS, seed=3)[0] for name in ("accuracy", "f1")
    }
    hashes = record.hashes.model_copy(update={"predictions": file_sha256(folder / PREDICTIONS_FILES["after"])})
    write_record(folder, record.model_copy(update={"scores": scores, "hashes": hashes}))
    return folder


def stored(folder: Path) -> StoredRun:
    (run,) = Store(runs_root=None).runs_in(folder)
    return run


def invoke(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["rescore", *map(str, arguments)])


def test_the_same_metrics_are_equal_to_the_last_bit(folder: Path) -> None:
    rows = rescore(stored(folder))
    assert [(row.metric, row.outcome, row.change) for row in rows] == [("accuracy", "equal", 0.0), ("f1", "equal", 0.0)]


def test_other_options_say_what_moved(folder: Path) -> None:
    (row,) = rescore(stored(folder), ["f1"], {"f1": {"average": "binary"}})
    assert row.stored is not None
    assert row.now is not None
    assert row.outcome == "moved"
    assert row.now.value == pytest.approx(0.8)
    assert row.change == row.now.value - row.stored.value
    assert "average:macro" in row.stored.signature
    assert "average:binary" in row.now.signature


def test_other_metrics_are_new(folder: Path) -> None:
    rows = rescore(stored(folder), ["recall", "loss"])
    assert [row.outcome for row in rows] == ["new", "new"]
    assert rows[1].now is not None
    assert rows[1].now.value == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("metric", "nudge", "outcome"),
    [
        ("style_judge_loss", 1e-8, "rounding"),
        ("style_judge_loss", 1e-4, "moved"),
        ("accuracy", 1e-12, "moved"),
        ("accuracy", 0.0, "equal"),
    ],
)
def test_only_a_model_may_round_otherwise(folder: Path, metric: str, nudge: float, outcome: str) -> None:
    score = stored(folder).record.scores["accuracy"]
    now = score.model_copy(update={"value": score.value * (1 + nudge)})
    assert Rescored(metric=metric, stored=score, now=now).outcome == outcome


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["rogue1"], {}, "'rogue1' is not a known metric"),
        (["rouge1"], {}, "metrics.rouge1 scores texts, which a classification task does not predict"),
        ([], {"f1": {"averages": "macro"}}, "metrics.f1.options.averages is not a known option"),
        ([], {"recall": {"average": "macro"}}, "options are given for 'recall', which is not among the metrics"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, names: list[str], options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rescore(stored(folder), names, options)


def test_predictions_must_be_the_runs_own(folder: Path) -> None:
    file = folder / PREDICTIONS_FILES["after"]
    file.write_text(file.read_text(encoding="utf-8").replace("a text", "another"), encoding="utf-8")
    with pytest.raises(InputError, match=r"predictions\.jsonl: was changed since the run"):
        rescore(stored(folder))
    file.unlink()
    with pytest.raises(InputError, match=r"predictions\.jsonl: there are no predictions here"):
        rescore(stored(folder))


def test_the_command_prints_both_signatures_and_writes_beside_the_record(folder: Path) -> None:
    before = (folder / "record.json").read_bytes()
    done = invoke(folder, "--metric", "f1", "--option", "f1.average=binary")
    assert done.exit_code == 0
    assert "moved by +" in done.stdout
    assert not (folder / "rescore.json").exists()
    done = invoke(folder.parent, "--write", "--json")
    assert done.exit_code == 0
    (run,) = json.loads(done.stdout)
    assert run["metrics"] == json.loads((folder / "rescore.json").read_text(encoding="utf-8"))
    assert {name: row["outcome"] for name, row in run["metrics"].items()} == {"accuracy": "equal", "f1": "equal"}
    assert (folder / "record.json").read_bytes() == before


def test_a_folder_without_a_run_is_bad_input(tmp_path: Path) -> None:
    done = invoke(tmp_path)
    assert isinstance(done.exception, InputError)
    assert "holds no stored run; give a run folder" in str(done.exception)


def test_metrics_without_models_load_no_torch(folder: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli.app import app\n"
        f"assert CliRunner().invoke(app, ['rescore', {str(folder)!r}]).exit_code == 0\n"
        "print(*(name for name in ('torch', 'transformers') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
