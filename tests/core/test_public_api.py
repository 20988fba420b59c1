"""The examples that mypy checks are run too, so that they stay true."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from factories import make_record, write_run

import bench
from bench.core.builtin import builtin_root
from bench.core.errors import InputError

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def examples() -> Any:
    """Return `tests/typing/examples.py`."""
    spec = importlib.util.spec_from_file_location("examples", _ROOT / "tests" / "typing" / "examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stored(root: Path, name: str) -> Path:
    folder = root / name / "seed-0"
    write_run(folder, make_record(0))
    return folder.parent


def test_scores_compare_load_and_report(examples: Any, tmp_path: Path) -> None:
    low, value, high = examples.score_texts(["a cat sat", "a dog"], ["a cat sat", "the dog"])
    assert low <= value <= high
    assert examples.score_labels() == pytest.approx(2 / 3)
    first, other = _stored(tmp_path, "first"), _stored(tmp_path, "other")
    assert examples.compare_many([first, other, other]) == 2
    with pytest.raises(InputError, match="rouge1"):
        examples.compare_two(first, other)
    assert examples.report(first, tmp_path / "reports").is_file()


def test_the_gate_gives_an_exit_code(examples: Any, tmp_path: Path) -> None:
    assert examples.gate_all(tmp_path / "none", Path(builtin_root("baselines"))) == 4


@pytest.mark.parametrize("name", sorted(set(bench.__all__) - {"BenchError"}))
def test_a_public_function_names_its_keywords_and_their_types(name: str) -> None:
    parameters = inspect.signature(getattr(bench, name)).parameters.values()
    for parameter in parameters:
        assert parameter.annotation not in (inspect.Parameter.empty, Any, "Any"), parameter
    if name != "score":  # it takes the options of any metric, whose values are of a closed set of types
        assert not [p for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD]


def test_a_wrong_keyword_and_a_wrong_type_are_found(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import bench\nbench.run('imdb', sead=0)\nbench.compare('a', 'b', confidence='high')\n"
        "bench.gate().exit_cod\nbench.score('rouge1', 'text', 1)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--config-file", str(_ROOT / "pyproject.toml"), str(wrong)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    lines = [line.split(":")[1] for line in done.stdout.splitlines() if "wrong.py" in line and ": error:" in line]
    assert lines == ["2", "3", "4", "5"], done.stdout + done.stderr
