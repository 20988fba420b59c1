"""Small real studies, by the command line: resumed, failing and with a budget of tokens. No network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from click.testing import Result
from tiny import REVIEW
from typer.testing import CliRunner

from bench.cli.app import app
from bench.core.errors import RunError
from bench.records.record import RunRecord
from bench.records.store import read_record

pytestmark = pytest.mark.integration
SMALL = [one for one in REVIEW if not one.startswith(("training.steps", "training.evaluate"))]
NO_CURVE = "training.evaluate_every_steps=1000"
RATE = {"low": 1e-4, "high": 1e-1, "log": True}
PLUGIN = """
from bench.methods import Method

class BitFit(Method):
    def __init__(self, head=True):
        self.head = head

    def apply(self, model, config, task):
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.endswith(".bias") or (self.head and name.startswith("classifier"))
"""


def write_study(folder: Path, *, methods: dict[str, Any], **changes: Any) -> Path:
    values: dict[str, Any] = {
        "study": "small",
        "suite": "suites/imdb",
        "profile": "tiny",
        "trials": 3,
        "seeds": [0, 1],
        "budget": {"steps": 6},
        "set": [*SMALL, NO_CURVE],
    }
    path = folder / "study.toml"
    path.write_text(tomli_w.dumps({**values, **changes, "methods": methods}), encoding="utf-8")
    return path


def bench_study(path: Path, *words: str) -> Result:
    root = path.parent
    folders = ("--runs", str(root / "runs"), "--reports", str(root / "reports"))
    return CliRunner().invoke(app, ["study", str(path), *folders, "--device", "cpu", "--offline", *words])


def values_of(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def records(root: Path) -> Sequence[tuple[Path, RunRecord]]:
    return [(file, read_record(file)) for file in sorted((root / "runs" / "studies").rglob("record.json"))]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_a_study_of_a_users_method_and_full_is_resumed_to_the_same_report(tmp_path: Path) -> None:
    (tmp_path / "my_method.py").write_text(PLUGIN, encoding="utf-8")
    mine = {
        "use": f"{tmp_path / 'my_method.py'}:BitFit",
        "training.learning_rate": RATE,
        "method.settings.head": {"choices": [True, False]},
    }
    path = write_study(tmp_path, methods={"full": {"training.learning_rate": RATE}, "mine": mine})
    assert "Up to 14 runs" in bench_study(path, "--plan").output
    first = values_of(bench_study(path, "--json"))
    stored = records(tmp_path)
    by_split: dict[str | None, list[RunRecord]] = {"validation": [], None: []}
    for _, record in stored:
        by_split[record.config.scored_split].append(record)
    assert {record.seed for record in by_split["validation"]} == {1000}
    assert {record.seed for record in by_split[None]} == {0, 1}
    validation, test = ({r.data.splits[s].fingerprint for r in by_split[None]} for s in ("validation", "test"))
    assert len(validation) == len(test) == 1
    for trial in by_split["validation"]:  # the rows in the place of the test rows are the validation rows
        assert {trial.data.splits["test"].fingerprint, trial.data.splits["validation"].fingerprint} == validation
    assert validation != test
    assert {record.config.training.steps for _, record in stored} == {6}
    lost = [file.parent for file, record in stored if record.method == stored[-1][1].method][-2:]
    kept = {file: file.stat().st_mtime_ns for file, _ in stored if file.parent not in lost}
    for folder in lost:
        shutil.rmtree(folder)
    again = values_of(bench_study(path, "--json"))
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    for name in ("full", "mine"):
        ours, theirs = (one["methods"][name] for one in (again, first))
        for key in ("chosen_settings", "best_of_k", "tuned_minus_default", "tuned_minus_reference"):
            assert ours[key] == theirs[key]
        assert ours["tuned"]["scores"] == theirs["tuned"]["scores"]
    report = tmp_path / "reports" / "imdb-tiny-study-small.md"
    assert "`method.settings.head`" in report.read_text(encoding="utf-8")


def test_a_trial_that_diverges_fails_alone(tmp_path: Path) -> None:
    rates = {"training.learning_rate": {"choices": [1e-3, 1e36]}}
    path = write_study(tmp_path, methods={"full": rates}, trials=4, seeds=[0])
    found = values_of(bench_study(path, "--json"))["methods"]["full"]
    failures = [trial["failure"] for trial in found["trials"]]
    assert failures[0] is None
    assert any(failure is not None and "the loss is" in failure for failure in failures[1:])
    assert found["tuned"]["scores"].keys() == {"0"}


def test_a_default_that_does_not_train_ends_with_5_and_a_report(tmp_path: Path) -> None:
    path = write_study(tmp_path, methods={"full": {}}, trials=1, seeds=[0])
    text = path.read_text(encoding="utf-8").replace("set = [", 'set = [\n    "training.learning_rate=1e36",')
    path.write_text(text, encoding="utf-8")
    done = bench_study(path)
    assert isinstance(done.exception, RunError)  # which `bench` ends with 5
    assert "full: every trial failed" in str(done.exception)
    assert (tmp_path / "reports" / "imdb-tiny-study-small.md").is_file()


def test_a_budget_of_tokens_is_kept(tmp_path: Path) -> None:
    sizes = {"training.batch_size": {"choices": [5, 20]}}
    settings = [one for one in SMALL if not one.startswith("training.batch_size")] + [NO_CURVE]
    path = write_study(tmp_path, methods={"full": sizes}, trials=2, seeds=[0], budget={"tokens": 3000}, set=settings)
    found = values_of(bench_study(path, "--json"))["methods"]["full"]
    steps = {trial["steps"] for trial in found["trials"]}
    assert len(steps) > 1
    for final in (found["default"], found["tuned"]):
        assert final["n_training_tokens"]["0"] == pytest.approx(3000, rel=0.15)
