"""A sweep written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import InputError
from bench.experiments.sweep import load_sweep, plan
from bench.running.settings import RunSettings

WHOLE = """
suites = ["suites/imdb", "gulliver"]
methods = ["lora", "full"]
seeds = "0-4"
profile = "tiny"
set = ["training.steps=5"]
engine = "ray"
address = "auto"
slots = 4
cpus_per_cell = 2
gpus_per_cell = 0.5
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_holds_the_options(tmp_path: Path) -> None:
    sweep = load_sweep(_written(tmp_path, WHOLE))
    assert sweep.suites == ("suites/imdb", "gulliver")
    assert (sweep.seeds, sweep.slots, sweep.gpus_per_cell, sweep.device) == ("0-4", 4, 0.5, "auto")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("suites = [", "cannot be read as TOML"),
        ("", "suites is missing"),
        ("suites = []", "suites: "),
        ('suites = ["imdb"]\nmethod = ["full"]', "method is not a known key; did you mean 'methods'?"),
        ('suites = ["imdb"]\nslots = 0', "slots: Input should be greater than or equal to 1 (got 0)"),
        ('suites = ["imdb"]\ngpus_per_cell = 2', "gpus_per_cell: "),
        ('suites = ["imdb"]\nengine = "slurm"', "engine: Input should be 'local' or 'ray' (got 'slurm')"),
    ],
)
def test_error_names_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    path = _written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_sweep(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_error_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such sweep file"):
        load_sweep(tmp_path / "none.toml")


def test_the_file_in_the_document_can_be_planned(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "sweep.md").read_text(encoding="utf-8")
    sweep = load_sweep(_written(tmp_path, text.split("```toml\n")[1].split("```")[0]))
    planned = plan(
        sweep.suites,
        methods=sweep.methods,
        profile=sweep.profile,
        overrides=sweep.set,
        settings=RunSettings(runs_root=tmp_path / "runs"),
    )
    assert len(planned.cells) == 4
