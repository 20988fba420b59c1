"""What a metric counts beside its value: in the score, once on standard error, and never a reason to be unequal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bench import metrics
from bench.cli.score import score as score_command
from bench.config.metric import USER_METRICS
from bench.core.errors import InputError
from bench.metrics.score import score
from bench.metrics.user_metric import locate
from bench.records.record import Note, Score
from bench.running.rescore import Rescored

CLASS = """
import numpy as np
from bench.metrics import Metric, MetricSpec, Note

class Length{number}(Metric):
    spec = MetricSpec(name="Length{number}", title="Length", unit="letters", low=0.0, high=100.0, higher_is_better=True,
                      inputs="texts", source="letters of a text")

    def signature(self):
        return "length"

    def statistics(self, predictions, references):
        return np.array([(len(p), 1) for p in predictions], dtype=float)

    def aggregate(self, totals):
        return totals[..., 0] / totals[..., 1]

    def notes(self, predictions, references):
        empty = sum(not p for p in predictions)
        return {notes}
"""
COUNTED = (
    '[Note(text=f"{empty} of {len(predictions)} texts are empty", count=empty, of=len(predictions))] if empty else []'
)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = dict(USER_METRICS)
    yield
    USER_METRICS.clear()
    USER_METRICS.update(before)


def written(folder: Path, number: int = 1, notes: str = COUNTED) -> str:
    file = folder / f"length{number}.py"
    file.write_text(CLASS.replace("{number}", str(number)).replace("{notes}", notes), encoding="utf-8")
    return f"{file}:Length{number}"


def test_a_score_carries_what_its_metric_counted(tmp_path: Path) -> None:
    metric = metrics.build(locate(written(tmp_path)))
    result, _ = score(metric, ["a", "", ""], ["a", "b", "c"], n_resamples=5)
    assert result.notes == (Note(text="2 of 3 texts are empty", count=2, of=3),)
    assert Score.model_validate_json(result.model_dump_json()) == result
    assert score(metric, ["a"], ["a"], n_resamples=5)[0].notes is None
    assert score(metrics.build("accuracy"), [1], [1], n_resamples=5)[0].notes is None


def test_notes_of_a_user_are_checked(tmp_path: Path) -> None:
    metric = metrics.build(locate(written(tmp_path, notes='["two are empty"]')))
    with pytest.raises(InputError, match=r"length1\.py:Length1: notes must be bench\.metrics\.Note, got str"):
        score(metric, ["a"], ["a"], n_resamples=5)


def test_one_line_says_what_several_metrics_note(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"prediction": "a", "reference": "a"}\n{"prediction": "", "reference": "b"}\n', encoding="utf-8")
    uses = [argument for number in (1, 2) for argument in ("--metric", written(tmp_path, number))]
    app = typer.Typer()
    app.command()(score_command)
    done = CliRunner().invoke(app, [str(file), *uses, "--metric", "chrf", "--json"])
    assert done.stderr == "note: Length1, Length2: 1 of 2 texts are empty\n"
    values: dict[str, Any] = json.loads(done.stdout)
    assert values["Length2"]["notes"] == [{"text": "1 of 2 texts are empty", "count": 1, "of": 2}]
    assert values["chrf"]["notes"] is None


def test_a_score_of_before_there_were_notes_is_equal() -> None:
    now = score(metrics.build("accuracy"), [1, 0], [1, 1], n_resamples=5)[0]
    noted = now.model_copy(update={"notes": (Note(text="1 text is empty", count=1),)})
    assert Rescored(metric="accuracy", stored=now, now=noted).outcome == "equal"


@pytest.mark.parametrize(
    ("predictions", "n_noted"),
    [
        (["hello world"], 1),
        (["დღეს კარგი ამინდია", "hi"], 2),
        (["a b c", "one two three four"], 0),
        (["明天我们去"], 0),
    ],
)
def test_bleu_says_where_no_text_is_long_enough_for_it(predictions: list[str], n_noted: int) -> None:
    result, _ = score(metrics.build("sacrebleu"), predictions, predictions, n_resamples=1)
    found = [note for note in result.notes or () if "as many as 4 tokens" in note.text]
    assert [note.count for note in found] == [n_noted] * bool(n_noted)
    assert result.value == pytest.approx(0 if n_noted else 100)
