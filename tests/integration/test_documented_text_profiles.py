"""The documented profiles of the suites on BERT, GPT-2 and GPT-Neo, from end to end, as in test_documented_profiles.py.

Books are made up and come from the loopback hub too, in the frame that Project Gutenberg gives its files; only their
URLs are overridden. Steps, samples and lengths are cut down, and learning rates raised to what so few steps need.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hub import documented, repositories
from hub.books import book, paragraphs
from hub.server import Hub
from processes import HubServer

from bench.core.files import read_rows
from bench.records.record import RunRecord
from bench.records.store import read_record

pytestmark = pytest.mark.integration

BERT_HEAD = 2 * 32 + 2
IMDB = (
    "data.train.stop=120",
    "data.validation={deduplicate=true, order='hash', balanced=true, start=120, stop=140}",
    "data.test={deduplicate=true, order='hash', balanced=true, start=140, stop=200}",
    "task.max_length_tokens=48",
    "training.steps=4",
    "training.evaluate_every_steps=2",
)
GULLIVER = (
    "task.window_tokens=64",
    "task.n_samples=4",
    "task.sample_tokens=40",
    "training.steps=6",
    "training.learning_rate=1e-2",
    "training.evaluate_every_steps=4",
)
DUEL = (
    "task.window_tokens=32",
    "task.n_samples=6",
    "task.judge.max_length_tokens=32",
    "task.judge.training.learning_rate=3e-3",
    "training.steps=4",
    "training.learning_rate=3e-2",
    "training.evaluate_every_steps=2",
)


@pytest.fixture(scope="module")
def books(hub_server: HubServer) -> dict[str, str]:
    """Serve four books and return their URLs."""
    hub = hub_server.hub
    return {
        "day": hub.add_page("/cache/epub/1/pg1.txt", book("A Day", paragraphs("prose_day", 150))),
        "night": hub.add_page("/cache/epub/2/pg2.txt", book("A Night", paragraphs("prose_night", 60))),
        "nights": hub.add_page("/cache/epub/3/pg3.txt", book("Nights", paragraphs("prose_night", 60, seed=1))),
        "plain": hub.add_page("/cache/epub/4/pg4.txt", book("Plain", paragraphs("prose_plain", 60))),
    }


def _parts(key: str, *urls: str, start_at: str = "CHAPTER 1.") -> str:
    parts = ", ".join(f"{{source={{kind='url', url='{url}'}}, start_at='{start_at}'}}" for url in urls)
    return f"data.{key}.parts=[{parts}]"


def _checked(run: dict[str, Any], folder: Path, suite: str, method: str) -> RunRecord:
    record = RunRecord.model_validate(run["record"])
    assert read_record(folder / run["folder"]) == record
    assert (record.suite, record.profile, record.method) == (suite, "documented", method)
    assert record.reload_identical
    return record


def _repeats_itself_offline(
    run: dict[str, Any], hub: Hub, env: dict[str, str], folder: Path, suite: str, *overrides: str
) -> None:
    n_requests = len(hub.requests)
    again = documented.run(env, folder, suite, *overrides, more=("--offline", "--force"))
    assert not again["reused"]
    assert len(hub.requests) == n_requests
    assert {**again["record"], "cost": 0} == {**run["record"], "cost": 0}


def test_imdb_runs_documented_and_repeats_itself_offline(hub_server: HubServer, tmp_path: Path) -> None:
    env = hub_server.fresh_env(tmp_path)
    overrides = (documented.count(hub_server.hub, repositories.BERT[0], head=BERT_HEAD), *IMDB)
    run = documented.run(env, tmp_path, "imdb", *overrides)
    record = _checked(run, tmp_path, "imdb", "freeze_attention")
    name, revision = repositories.IMDB
    splits = record.data.splits
    assert {split.source for split in splits.values()} == {f"hub:{name}@{revision}/None/train"}
    assert {split: s.n_examples for split, s in splits.items()} == {"train": 120, "validation": 20, "test": 60}
    assert {s.exact_duplicates for s in splits.values()} == {record.data.train_test_overlap} == {0}
    assert repositories.BERT[1] in record.model.base
    mlp, norm, pooler = 2 * 32 * 64 + 64 + 32, 2 * 32, 32 * 32 + 32
    assert record.model.trainable_parameters == 2 * (mlp + norm) + pooler + BERT_HEAD
    assert [evaluation.step for evaluation in record.evaluations] == [0, 2, 4]
    rows = read_rows(tmp_path / run["folder"] / "predictions.jsonl")
    assert sorted(row["reference"] for row in rows) == [0] * 30 + [1] * 30
    _repeats_itself_offline(run, hub_server.hub, env, tmp_path, "imdb", *overrides)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_gulliver_runs_documented_and_repeats_itself_offline(
    hub_server: HubServer, books: dict[str, str], tmp_path: Path, method: str
) -> None:
    env = hub_server.fresh_env(tmp_path)
    count = documented.count(hub_server.hub, repositories.GPT2[0])
    urls = _parts("texts.gulliver", books["day"]), _parts("controls.alice", books["plain"])
    overrides = (count, *urls, *GULLIVER)
    run = documented.run(env, tmp_path, "gulliver", *overrides, more=("--method", method))
    record = _checked(run, tmp_path, "gulliver", method)
    assert repositories.GPT2[1] in record.model.base
    assert set(record.controls) == {"held-out", "alice"}
    assert record.data.splits["train"].source.startswith(f"url:{books['day']}#sha256:")
    assert [evaluation.step for evaluation in record.evaluations] == [0, 4, 6]
    assert record.scores["perplexity"].value < record.scores_before["perplexity"].value
    rows = read_rows(tmp_path / run["folder"] / "predictions.jsonl")
    assert len(rows) == len({row["prediction"] for row in rows}) == 4
    assert not any("Gutenberg" in row["reference"] or "CONTENTS" in row["reference"] for row in rows)
    if method == "full":
        _repeats_itself_offline(run, hub_server.hub, env, tmp_path, "gulliver", *overrides)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_alice_edgar_runs_documented_and_repeats_itself_offline(
    hub_server: HubServer, books: dict[str, str], tmp_path: Path, method: str
) -> None:
    env = hub_server.fresh_env(tmp_path)
    overrides = (
        documented.count(hub_server.hub, repositories.GPT_NEO[0]),
        f"task.judge.{documented.count(hub_server.hub, repositories.BERT[0], head=BERT_HEAD)}",
        _parts("texts.alice", books["day"]),
        _parts("texts.edgar", books["night"], books["nights"]),
        _parts("controls.swift", books["plain"]),
        *DUEL,
    )
    run = documented.run(env, tmp_path, "alice_edgar", *overrides, more=("--method", method))
    record = _checked(run, tmp_path, "alice_edgar", method)
    assert repositories.GPT_NEO[1] in record.model.base
    assert record.judge is not None
    assert record.judge.labels == ("alice", "edgar")
    assert record.judge.accuracy.value >= 0.9
    assert set(record.judge.others) == {"swift"}
    sources = record.data.splits["train"].source.split("; ")
    assert [source.partition("#")[0] for source in sources] == [f"url:{books[b]}" for b in ("day", "night", "nights")]
    assert [evaluation.step for evaluation in record.evaluations] == [0, 2, 4]
    assert record.scores["perplexity"].value < record.scores_before["perplexity"].value
    assert record.scores["style_judge_loss"].value < record.scores_before["style_judge_loss"].value
    rows = read_rows(tmp_path / run["folder"] / "predictions.jsonl")
    assert [row["reference"] for row in rows] == [0] * 6 + [1] * 6
    if method == "full":
        _repeats_itself_offline(run, hub_server.hub, env, tmp_path, "alice_edgar", *overrides)
