"""What a sweep would run, without running it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from factories import make_record, write_run
from processes import clean_env, run_python
from typer.testing import CliRunner

from bench.cli.app import app
from bench.core.builtin import builtin_root
from bench.core.errors import InputError
from bench.experiments.sweep import Plan, plan
from bench.running.settings import RunSettings


def _plan(suites: Any, root: Path, *, device: str = "auto", force: bool = False, **asked: Any) -> Plan:
    settings = RunSettings(runs_root=root, device=device, force=force)
    return plan(suites, profile="tiny", settings=settings, **asked)


def _cells(planned: Plan) -> list[tuple[str, str, int]]:
    return [(one.cell.config.suite, one.cell.config.method_name, one.cell.seed) for one in planned.cells]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return a copy of a suite with one more method, which is another under a second name."""
    folder = tmp_path / "suites" / "imdb"
    shutil.copytree(builtin_root("suites") / "imdb", folder)
    with (folder / "suite.toml").open("a", encoding="utf-8") as file:
        file.write('\n[methods.everything]\nkind = "full"\n')
    return folder


def test_cells_are_suites_times_methods_times_seeds(tmp_path: Path) -> None:
    planned = _plan(["suites/imdb", "sentiment_sst2"], tmp_path, methods=["full", "head_only"], seeds=(0, 3))
    names = [(s, m, n) for s in ("imdb", "sentiment_sst2") for m in ("full", "head_only") for n in (0, 3)]
    assert _cells(planned) == names
    assert all(one.folder == one.cell.folder(tmp_path) for one in planned.cells)
    assert planned.to_run == planned.cells
    assert planned.expected_s == (0, 0)


def test_without_a_method_each_suite_runs_its_own(tmp_path: Path) -> None:
    planned = _plan(["imdb", "sentiment_sst2"], tmp_path)
    assert _cells(planned) == [("imdb", "freeze_attention", 0), ("sentiment_sst2", "frozen_body", 0)]


def test_stored_cells_are_done_and_tell_how_long_the_others_take(tmp_path: Path) -> None:
    first = _plan(["imdb"], tmp_path, seeds=(0, 1)).cells
    fake_runs.store(first[1].cell.config, 1, RunSettings(runs_root=tmp_path))
    amended = _plan(["imdb"], tmp_path, methods=["freeze_attention", "full"], seeds=range(3))
    assert [one.done for one in amended.cells] == [False, True, False, False, False, False]
    assert [one.expected_s for one in amended.cells] == [2.0] * 3 + [None] * 3
    assert amended.expected_s == (4.0, 2)
    assert len(amended.to_run) == 5
    assert len(_plan(["imdb"], tmp_path, seeds=(0, 1), force=True).to_run) == 2
    other = _plan(["imdb"], tmp_path, seeds=(1,), overrides=["training.steps=7"])
    assert [one.done for one in other.cells] == [False]


def test_a_method_that_one_suite_cannot_have_is_listed_and_the_others_run(tmp_path: Path) -> None:
    planned = _plan(["imdb", "gulliver"], tmp_path, methods=["freeze_attention", "oft"])
    assert _cells(planned) == [("imdb", "freeze_attention", 0), ("imdb", "oft", 0)]
    listed = {(one.suite, one.method): one.why for one in planned.not_applicable}
    assert listed[("gulliver", "freeze_attention")] == "the suite has no method of this name"
    assert "Conv1D" in listed[("gulliver", "oft")]
    assert len(listed) == 2


def test_all_means_every_method_of_suite_and_library_once(suite: Path, tmp_path: Path) -> None:
    from bench.suites import library

    planned = _plan([suite], tmp_path, methods=["all"])
    names = [method for _, method, _ in _cells(planned)]
    assert len(set(names)) == len(names)
    assert {"freeze_attention", "freeze_attention_clipping", "full", "lora"} <= set(names)
    left_out = {one.method: one.why for one in planned.not_applicable}
    assert left_out["everything"] == "is the same as full"
    assert {*names, *left_out} >= set(library.names())
    assert _cells(_plan([suite], tmp_path, methods=["all", "lora"]))[0][1] == "lora"


@pytest.mark.parametrize(
    ("suites", "settings", "message"),
    [
        (["imdb"], {"methods": ["full", "full"]}, "imdb, method 'full': its cells come twice"),
        (["imdb", "suites/imdb"], {}, "imdb, method 'freeze_attention': its cells come twice"),
        (["imdb"], {"methods": ["ful"]}, "method 'ful' is not known; did you mean 'full'?"),
        (["imdb"], {"methods": ["full", ""]}, "methods 'full', '': one name is empty"),
        (["imdb"], {"seeds": ()}, "expected different integers"),
        (["imdb"], {"seeds": (1, 1)}, "expected different integers"),
        (["imdb"], {"overrides": ["training.step=3"]}, "training.step is not a known key"),
        (["imbd"], {}, "did you mean 'imdb'?"),
        (["gulliver"], {"methods": ["oft"]}, "no cell is left to run: gulliver, oft: "),
    ],
)
def test_error_before_anything_runs(suites: list[str], settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        _plan(suites, tmp_path, **settings)
    assert message in str(caught.value)


def test_error_two_names_of_one_configuration(suite: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="methods 'full' and 'everything' are one configuration"):
        _plan([suite], tmp_path, methods=["full", "everything"])


def test_error_an_unknown_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="profile 'tyni' is not known; allowed: documented, offline, tiny"):
        plan(["imdb"], profile="tyni", settings=RunSettings(runs_root=tmp_path))


def test_error_a_stored_run_of_another_device(tmp_path: Path) -> None:
    cell = _plan(["imdb"], tmp_path).cells[0].cell
    fake_runs.store(cell.config, 0, RunSettings(runs_root=tmp_path))
    assert _plan(["imdb"], tmp_path, device="cpu").cells[0].done
    with pytest.raises(InputError, match="holds a run on cpu; --force replaces it"):
        _plan(["imdb"], tmp_path, device="cuda")
    assert len(_plan(["imdb"], tmp_path, device="cuda", force=True).to_run) == 1


def test_stored_cells_by_other_code_are_named(tmp_path: Path) -> None:
    cell = _plan(["imdb"], tmp_path).cells[0].cell
    other = make_record(0, environment__commit="f" * 40, environment__bench_version="0.0.1")
    write_run(cell.folder(tmp_path), other)
    assert "the runs are of bench 0.0.1, and " in _plan(["imdb"], tmp_path).cells[0].made_otherwise
    assert _plan(["imdb"], tmp_path, force=True).cells[0].made_otherwise == ""
    words = ["sweep", "imdb", "--profile", "tiny", "--plan", "--runs", str(tmp_path)]
    said = CliRunner().invoke(app, words).stderr
    assert "1 stored cell by other code or libraries used again (--force runs them again): the runs are of" in said


def test_planning_loads_no_torch() -> None:
    code = (
        "import sys; from bench.experiments.sweep import plan; from bench.suites.resolve import builtin_suites\n"
        "planned = plan(builtin_suites(), methods=['all'], profile='tiny')\n"
        "print(len(planned.cells) > 50, *(name for name in ('torch', 'transformers', 'ray') if name in sys.modules))"
    )
    done = run_python(code, clean_env())
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
