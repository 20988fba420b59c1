"""`bench gate` and `bench.comparing.gate`: which runs are gated, what is written, and no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from processes import clean_env, run_python
from stored import METHOD, SUITE, store, write_side
from typer.testing import CliRunner

import bench
from bench.cli.app import app
from bench.core.errors import InputError

SIDE: dict[str, Any] = {"accuracy": [0.90, 0.91, 0.89]}
WORSE: dict[str, Any] = {"accuracy": [0.70, 0.71, 0.69]}
EXPERIMENT: dict[str, Any] = {"accuracy": [0.70, 0.71, 0.69], "changes": {"config__training__learning_rate": 0.5}}
POLICY: dict[str, Any] = {
    "profile": "tiny",
    "suites": {SUITE: {"metrics": {"accuracy": {"tier": "critical", "max_drop": 0.05}}}},
}


@pytest.fixture(autouse=True)
def _where_the_suite_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def gated(tmp_path: Path, *arguments: str | Path) -> Result:
    folders = ["--runs", tmp_path / "runs", "--baselines", tmp_path / "baselines"]
    return CliRunner().invoke(app, ["gate", *map(str, [*arguments, *folders])])


def key_folder(tmp_path: Path) -> Path:
    return next((tmp_path / "runs" / SUITE / "tiny" / METHOD).iterdir())


def test_a_pass_prints_a_table_and_writes_every_output(tmp_path: Path) -> None:
    store(tmp_path, run=SIDE, baseline=SIDE, policy=POLICY)
    files = [tmp_path / name for name in ("gate.json", "gate.xml", "gate.md")]
    result = gated(tmp_path, "--json-file", files[0], "--junit", files[1], "--markdown", files[2])
    assert (result.exit_code, result.exception) == (0, None)
    assert "pass (exit 0): 1 pass of 1 row that decide" in " ".join(result.output.split())
    assert json.loads(files[0].read_text(encoding="utf-8"))["outcome"] == "pass"
    assert files[1].read_text(encoding="utf-8").startswith("<?xml")
    gated(tmp_path, "--markdown", files[2])
    assert files[2].read_text(encoding="utf-8").count("## bench gate: pass") == 2


def test_exit_codes_reach_the_shell(tmp_path: Path) -> None:
    store(tmp_path, run=WORSE, baseline=SIDE, policy=POLICY)
    assert gated(tmp_path).exit_code == 1


def test_a_newer_experiment_is_not_gated_in_the_place_of_the_suite(tmp_path: Path) -> None:
    store(tmp_path, run=SIDE, baseline=SIDE, policy=POLICY)
    newer = EXPERIMENT | {"changes": EXPERIMENT["changes"] | {"cost__started_at": "2030-01-01"}}
    write_side(tmp_path / "runs", newer)
    result = gated(tmp_path)
    assert result.exit_code == 0
    assert "1 other config is stored beside the suite's and not judged" in result.output


def test_runs_by_name(tmp_path: Path) -> None:
    store(tmp_path, run=SIDE, baseline=SIDE, policy=POLICY)
    folder = key_folder(tmp_path)
    write_side(tmp_path / "runs", EXPERIMENT)
    assert gated(tmp_path, folder).exit_code == 0
    assert gated(tmp_path, *(folder / f"seed-{seed}" for seed in range(3))).exit_code == 0
    assert gated(tmp_path, folder / "seed-0").exit_code == 3
    both = list(folder.parent.iterdir())
    roots = {"runs_root": tmp_path / "runs", "baselines_root": tmp_path / "baselines"}
    assert sorted(row.outcome for row in bench.gate(both, **roots).rows) == ["pass", "stale"]
    assert sorted(row.outcome for row in bench.gate(both, allow=["config"], **roots).rows) == ["pass", "regression"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nowhere"], "nowhere: there is no such run"),
        (["{key}", "{key}/seed-0"], "seed 0 was given twice"),
        (["{other}"], "the policy names no suite 'imdb'"),
    ],
)
def test_runs_that_cannot_be_gated_are_bad_input(tmp_path: Path, given: list[str], message: str) -> None:
    store(tmp_path, run=SIDE, baseline=SIDE, policy=POLICY)
    other = write_side(tmp_path / "other", SIDE | {"changes": {"config__suite": "imdb"}})[0]
    runs = [name.format(key=key_folder(tmp_path), other=other) for name in given]
    with pytest.raises(InputError, match=message):
        bench.gate(runs, runs_root=tmp_path / "runs", baselines_root=tmp_path / "baselines")


def test_a_run_of_another_profile_is_not_comparable(tmp_path: Path) -> None:
    store(tmp_path, run=SIDE, baseline=SIDE, policy=POLICY)
    other = write_side(tmp_path / "other", SIDE | {"changes": {"config__profile": "offline"}})[0]
    result = gated(tmp_path, other.parent)
    assert result.exit_code == 4
    assert "limits are for tiny" in " ".join(result.output.split())


def test_a_broken_run_hides_no_regression(tmp_path: Path) -> None:
    store(tmp_path, run=WORSE, baseline=SIDE, policy=POLICY)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "record.json").write_text("{", encoding="utf-8")
    assert gated(tmp_path, broken, key_folder(tmp_path)).exit_code == 1
    assert gated(tmp_path, broken).exit_code == 4


def test_the_policy_names_the_method_whose_baseline_counts(tmp_path: Path) -> None:
    other = {"config__method_name": "full", "config__method": {"kind": "full"}}
    policy = {**POLICY, "suites": {SUITE: POLICY["suites"][SUITE] | {"method": METHOD}}}
    store(tmp_path, run=SIDE | {"changes": other}, baseline=SIDE, policy=policy)
    run = next((tmp_path / "runs" / SUITE / "tiny" / "full").iterdir())
    roots = {"runs_root": tmp_path / "runs", "baselines_root": tmp_path / "baselines"}
    assert bench.gate([run], **roots).outcome == "stale"
    verdict = bench.gate([run], allow=["config"], **roots)
    assert [(row.method, row.outcome) for row in verdict.rows] == [("full", "pass")]
    assert bench.gate(**roots).outcome == "missing"


def test_an_unknown_policy_is_bad_input(tmp_path: Path) -> None:
    result = gated(tmp_path, "--policy", tmp_path / "none.toml")
    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == 2


def test_the_function_keeps_its_name_beside_the_package() -> None:
    assert callable(bench.gate)
    assert "bench.comparing.gate.deciding" in sys.modules


def test_gating_loads_no_torch(tmp_path: Path) -> None:
    store(tmp_path, run=WORSE, baseline=SIDE, policy=POLICY)
    code = (
        "import sys; from pathlib import Path; import bench\n"
        f"root = Path({str(tmp_path)!r})\n"
        "print(bench.gate(runs_root=root / 'runs', baselines_root=root / 'baselines').outcome)\n"
        "print(*(name for name in ('torch', 'transformers', 'datasets') if name in sys.modules))"
    )
    done = run_python(code, clean_env())
    assert (done.returncode, done.stdout.split()) == (0, ["regression"]), done.stderr
