"""Planted regressions are caught and noise is not: real runs, promoted and gated by the command line. No network.

The miniature of sentiment_sst2 on half its rows. A learning rate that falls to zero leaves its five seeds within a
point of each other, so that a drop of a few points can be told from them. These are experiments beside the suite's own
config, so the policy allows that by name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from click.testing import Result
from typer.testing import CliRunner

from bench.cli.app import app

pytestmark = pytest.mark.integration
SUITE, METHOD = "sentiment_sst2", "frozen_body"
STEADY = ("data.train.stop=1000", "training.epochs=6", "training.scheduler=linear")
TOO_SLOW = "training.learning_rate=1e-5"
FEW_ROWS = "data.test={start=2200, stop=2230}"
MAX_DROP = 0.04


def policy(**changes: Any) -> str:
    limits = {"accuracy": {"tier": "critical", "max_drop": MAX_DROP}, "loss": {"tier": "advisory"}}
    return tomli_w.dumps(
        {"profile": "tiny", "min_seeds": 3, "allow": ["config"], **changes, "suites": {SUITE: {"metrics": limits}}}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One folder of runs for each way of running, and the baselines beside their policies."""

    root: Path

    def key_folder(self, name: str) -> Path:
        """Return the config-key folder of the runs of that name."""
        (folder,) = (self.root / name / SUITE / "tiny" / METHOD).iterdir()
        return folder


def bench(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def run(stored: Stored, name: str, seeds: str, *overrides: str) -> None:
    words = [word for override in (*STEADY, *overrides) for word in ("--set", override)]
    folders = ("--runs", stored.root / name, "--reports", stored.root / "reports")
    done = bench("run", SUITE, "--profile", "tiny", "--seeds", seeds, "--device", "cpu", "--offline", *words, *folders)
    assert done.exit_code == 0, done.output


def promote(stored: Stored, name: str, root: str, *allow: str) -> None:
    allowed = [word for one in ("dirty", *allow) for word in ("--allow", one)]
    done = bench(
        "baseline",
        "promote",
        stored.key_folder(name),
        "--reason",
        "planted",
        "--baselines",
        stored.root / root,
        *allowed,
    )
    assert done.exit_code == 0, done.output


def gated(stored: Stored, *words: str | Path, baselines: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Return the exit code of `bench gate`, and the first row of its verdict."""
    file = stored.root / "gate.json"
    file.unlink(missing_ok=True)
    done = bench("gate", *words, "--baselines", baselines or stored.root / "baselines", "--json-file", file)
    assert file.is_file(), done.output
    row: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["rows"][0]
    return done.exit_code, row


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    made = Stored(root=tmp_path_factory.mktemp("gate"))
    for root in ("baselines", "of few rows"):
        (made.root / root).mkdir()
        (made.root / root / "policy.toml").write_text(policy(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(made.root / "cache"))
        run(made, "first", "0-4")
        run(made, "again", "5-9")
        run(made, "too slow", "0-4", TOO_SLOW)
        run(made, "few rows", "0", FEW_ROWS)
        run(made, "few rows again", "1", FEW_ROWS)
        promote(made, "first", "baselines")
        promote(made, "few rows", "of few rows", "few-seeds")
        yield made


def test_other_seeds_of_the_same_config_pass(stored: Stored, tmp_path: Path) -> None:
    outputs = [tmp_path / "gate.md", tmp_path / "gate.xml"]
    words = ("--markdown", outputs[0], "--junit", outputs[1])
    exit_code, row = gated(stored, "--runs", stored.root / "again", *words)
    assert (exit_code, row["name"], row["outcome"]) == (0, "accuracy", "pass"), row["reason"]
    assert (row["over"], row["n_seeds_run"], row["n_seeds_baseline"]) == ("both", 5, 5)
    assert row["low"] < 0 < row["high"] < MAX_DROP
    assert all(path.stat().st_size for path in outputs)


def test_the_runs_of_the_baseline_itself_pass(stored: Stored) -> None:
    exit_code, row = gated(stored, stored.key_folder("first"))
    assert (exit_code, row["reason"]) == (0, "no difference at all")


def test_a_learning_rate_that_costs_more_than_the_limit_is_a_regression(stored: Stored) -> None:
    worse = stored.key_folder("too slow")
    assert worse.name != stored.key_folder("first").name
    exit_code, row = gated(stored, worse)
    assert (exit_code, row["name"], row["outcome"]) == (1, "accuracy", "regression"), row["reason"]
    assert row["drop"] > row["low"] > MAX_DROP


def test_one_seed_of_few_rows_is_inconclusive(stored: Stored, tmp_path: Path) -> None:
    words, baselines = ("--runs", stored.root / "few rows again"), stored.root / "of few rows"
    exit_code, row = gated(stored, *words, baselines=baselines)
    assert (exit_code, row["outcome"], row["n_examples"]) == (3, "inconclusive", 30)
    assert "1 seed, and the policy wants 3: 2 more seeds" in row["reason"]
    eager = tmp_path / "eager.toml"
    eager.write_text(policy(min_seeds=1), encoding="utf-8")
    exit_code, row = gated(stored, *words, "--policy", eager, baselines=baselines)
    assert (exit_code, row["outcome"]) == (3, "inconclusive"), row["reason"]
    assert row["low"] < MAX_DROP < row["high"]
    eager.write_text(policy(min_seeds=1, min_examples=31), encoding="utf-8")
    exit_code, row = gated(stored, *words, "--policy", eager, baselines=baselines)
    assert (exit_code, "1 more example" in row["reason"]) == (3, True)


def test_other_test_rows_are_not_comparable(stored: Stored) -> None:
    exit_code, row = gated(stored, "--runs", stored.root / "few rows again")
    assert (exit_code, row["outcome"]) == (4, "not comparable")


def test_no_runs_are_no_pass(stored: Stored, tmp_path: Path) -> None:
    exit_code, row = gated(stored, "--runs", tmp_path)
    assert (exit_code, row["outcome"]) == (4, "missing")
    assert "no run is stored" in row["reason"]


@pytest.mark.parametrize("fault", ["one bit", "half of it", "gone"])
def test_a_baseline_whose_statistics_are_damaged_passes_nothing(stored: Stored, tmp_path: Path, fault: str) -> None:
    shutil.copytree(stored.root / "baselines", tmp_path / "baselines")
    (statistics,) = (tmp_path / "baselines").rglob("*.safetensors")
    whole = statistics.read_bytes()
    if fault == "one bit":
        statistics.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif fault == "half of it":
        statistics.write_bytes(whole[: len(whole) // 2])
    else:
        statistics.unlink()
    exit_code, row = gated(stored, "--runs", stored.root / "again", baselines=tmp_path / "baselines")
    assert (exit_code, row["outcome"]) == (4, "not comparable")
    assert statistics.name in row["reason"]
