"""Labels that a suite forgets or mixes: `bench validate` and `bench run` say so, with those that the rows hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.core.errors import InputError

SUITE = """
suite = "mine"
version = 1
title = "Mine"
primary_metric = "{metric}"
method = "full"
[task]
kind = "{kind}"
max_length_tokens = 16
padding = "longest"
[training]
steps = 1
batch_size = 2
learning_rate = 1e-3
[metrics.{metric}]
[methods.full]
kind = "full"
[profiles.offline.data]
{labels}
input_column = "text"
target_column = "label"
source = {{ kind = "local", path = "rows.jsonl" }}
train = {{ stop = 2 }}
validation = {{ start = 2, stop = 3 }}
test = {{ start = 3 }}
[profiles.offline.model]
family = "{family}"
source = {{ kind = "local", path = "model" }}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _write(labels: str, given: list[Any], *, words: bool = False) -> None:
    kind, family, metric = ("token_classification",) * 2 + ("tag_accuracy",) if words else (
        "classification", "sequence_classification", "accuracy"
    )  # fmt: skip
    Path("mine").mkdir()
    text = SUITE.format(labels=labels, kind=kind, family=family, metric=metric)
    Path("mine/suite.toml").write_text(text, encoding="utf-8")
    rows = [{"text": "some words", "label": label} for label in given]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize("verb", [["validate", "mine"], ["run", "mine", "--profile", "offline"]])
@pytest.mark.parametrize(
    ("labels", "given", "words", "message"),
    [
        ("", ["pos", "neg", "pos", "fair"], False, 'holds data.labels = ["fair", "neg", "pos"]'),
        ("", [10, 2, 2, 10], False, 'holds data.labels = ["2", "10"]'),
        ("", [["O", "X"], ["O", "O"], ["X", "O"], ["Y", "O"]], True, 'holds data.labels = ["O", "X", "Y"]'),
        ('labels = ["1", "2"]', [1, 2, 1, 0], False, "data.test: row 3: label is 0; allowed: 1, 2; the column holds"),
        ('labels = ["a", "b"]', ["a", "b", "b", 1], False, "data.test: row 3: label is 1, which is a number"),
    ],
)
def test_labels_that_a_suite_forgets_or_mixes_are_named(
    verb: list[str], labels: str, given: list[Any], words: bool, message: str
) -> None:
    _write(labels, given, words=words)
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(app, verb, catch_exceptions=False)
    assert message in str(caught.value)


def test_a_column_of_texts_is_not_offered_as_labels() -> None:
    _write("", [f"text {i}" for i in range(101)])
    with pytest.raises(InputError, match="holds 101 different values, which look like no labels"):
        CliRunner().invoke(app, ["validate", "mine"], catch_exceptions=False)


def test_rows_that_fit_are_counted_and_those_that_are_not_here_left_alone() -> None:
    _write('labels = ["a", "b"]', [0, 1, 1, 0])
    result = CliRunner().invoke(app, ["validate", "mine"])
    assert result.exit_code == 0
    expected = "full: fine (rows: 2 train, 1 validation, 1 test; their labels are numbers)"
    assert expected in " ".join(result.output.split())
    Path("rows.jsonl").unlink()
    result = CliRunner().invoke(app, ["validate", "mine"])
    assert (result.exit_code, result.output.strip().rpartition(": ")[2]) == (0, "fine")
