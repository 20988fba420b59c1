"""The documented profiles from end to end: command line, real hub clients, a loopback hub, the documented pins.

The repositories are miniatures, so the parameter counts that the suites demand are overridden; of the other tables only
the number of rows, the passes and the BERTScore layer are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hub import documented, repositories
from processes import HubServer

from bench.core.files import read_rows
from bench.records.record import RunRecord
from bench.records.store import read_record

pytestmark = pytest.mark.integration

SENTIMENT = ("training.epochs=1", "training.batch_size=32")
NEWS = (
    "training.epochs=1",
    "data.train.stop=24",
    "data.validation={start=24, stop=34}",
    "data.test={start=24, stop=34}",
    "metrics.bertscore.options.layer=2",
)


def test_sentiment_sst2_runs_documented_and_repeats_itself_offline(hub_server: HubServer, tmp_path: Path) -> None:
    env = hub_server.fresh_env(tmp_path)
    count = documented.count(hub_server.hub, repositories.DISTILBERT[0], head=32 * 32 + 32 + 2 * 32 + 2)
    run = documented.run(env, tmp_path, "sentiment_sst2", count, *SENTIMENT)
    record = RunRecord.model_validate(run["record"])
    assert read_record(tmp_path / run["folder"]) == record
    assert (record.suite, record.profile, record.method) == ("sentiment_sst2", "documented", "frozen_body")
    name, revision = repositories.SST2
    sources = {split: summary.source for split, summary in record.data.splits.items()}
    assert sources == {
        "train": f"hub:{name}@{revision}/None/train",
        "validation": f"hub:{name}@{revision}/None/validation",
        "test": f"hub:{name}@{revision}/None/validation",
    }
    assert {split: s.n_examples for split, s in record.data.splits.items()} == {
        "train": 256,
        "validation": 64,
        "test": 64,
    }
    assert repositories.DISTILBERT[0] in record.model.base
    assert repositories.DISTILBERT[1] in record.model.base
    assert record.model.trainable_parameters == 32 * 32 + 32 + 2 * 32 + 2
    assert set(record.scores) == {"accuracy", "precision", "recall", "f1", "loss"}
    folder = tmp_path / run["folder"]
    assert (folder / "model" / "config.json").is_file(), "the recipe saves by save_pretrained"
    assert [row["id"] for row in read_rows(folder / "predictions.jsonl")][:2] == ["256", "257"]

    n_requests = len(hub_server.hub.requests)
    again = documented.run(env, tmp_path, "sentiment_sst2", count, *SENTIMENT, more=("--offline", "--force"))
    assert not again["reused"]
    assert len(hub_server.hub.requests) == n_requests
    assert {**again["record"], "cost": 0} == {**run["record"], "cost": 0}


def test_a_model_of_another_size_than_the_recipes_is_refused(hub_server: HubServer, tmp_path: Path) -> None:
    done = documented.bench(
        hub_server.fresh_env(tmp_path), tmp_path, "run", "sentiment_sst2", "--profile", "documented"
    )
    assert done.returncode == 5
    assert "the suite expects 66,955,010" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("record.json"))


def test_summarization_runs_documented(hub_server: HubServer, tmp_path: Path) -> None:
    env = hub_server.fresh_env(tmp_path)
    count = documented.count(hub_server.hub, repositories.FLAN_T5[0])
    run = documented.run(env, tmp_path, "summarization", count, *NEWS)
    record = RunRecord.model_validate(run["record"])
    assert (record.profile, record.method) == ("documented", "lora_lm_head")
    name, revision = repositories.CNN_DAILYMAIL
    assert {summary.source for summary in record.data.splits.values()} == {f"hub:{name}@{revision}/3.0.0/train"}
    assert repositories.FLAN_T5[0] in record.model.base
    assert repositories.FLAN_T5[1] in record.model.base
    base = int(count.partition("=")[2])
    assert record.model.total_parameters > base
    assert record.config.metrics.keys() == record.scores.keys() >= {
        "rouge1", "rouge2", "rougeL", "rougeLsum", "sacrebleu", "meteor", "bertscore", "sentence_bleu_method1",
    }  # fmt: skip
    assert record.scores["sentence_bleu_method1"].n_examples == 8
    assert record.scores["rouge1"].n_examples == 10
    assert repositories.BERT[1][:8] in record.scores["bertscore"].signature
    epoch = record.epochs[-1]
    assert epoch.train_loss_unmasked is not None
    assert epoch.validation_loss_unmasked is not None
    rows = read_rows(tmp_path / run["folder"] / "predictions.jsonl")
    assert all(row["prediction"].startswith(row["short_prediction"]) for row in rows)
    assert max(len(row["prediction"].split()) for row in rows) > 20


def test_summarization_takes_the_recipes_ten_thousand_five_hundred_rows(hub_server: HubServer, tmp_path: Path) -> None:
    """No training here: only that rows 0-9,999 and 10,000-10,499 of the train split come out as the suite says."""
    folder = tmp_path / "big"
    repository = repositories.cnn_dailymail(folder, n_train=10_600)
    small = hub_server.hub.repositories[("dataset", repository.id)]
    hub_server.hub.add(repository)
    code = (
        "from bench.suites.resolve import load_suite, resolve; from bench.materials.load import load_splits\n"
        "s = load_splits(resolve(load_suite('summarization'), profile='documented').data)\n"
        "print(len(s.train), len(s.test), int(s.test[0].id, 16), int(s.test[-1].id, 16), s.summary.train_test_overlap)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=hub_server.fresh_env(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        hub_server.hub.add(small)
    assert done.stdout.split() == ["10000", "500", "10000", "10499", "0"], done.stderr
