"""docs/study.md: its example is the study that is shipped, and every key and command in it is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from bench.cli.app import app
from bench.experiments.study import read_study
from bench.experiments.study.config import StudyFile, StudyMethod

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "suites" / "imdb" / "study.toml"


def test_the_example_is_the_file_that_is_shipped() -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert shown == EXAMPLE.read_text(encoding="utf-8")


def test_the_example_fits_its_suite() -> None:
    study = read_study(EXAMPLE)
    assert list(study.file.methods) == ["lora", "bitfit", "full", "head_only"]
    assert (study.reference, study.metric) == ("lora", "accuracy")
    assert f"reports/{study.suite.name}-{study.file.profile}-study-{study.file.study}.md" in TEXT


def test_every_key_is_explained() -> None:
    keys = {key for line in TEXT.splitlines() if line.startswith("| `") for key in re.findall(r"`(\w+)`", line)}
    assert StudyFile.model_fields.keys() - keys == {"methods"}
    assert "[methods.NAME]" in TEXT
    assert StudyMethod.model_fields.keys() - keys == {"space"}


@pytest.mark.parametrize("line", re.findall(r"^bench (.*)$", TEXT, re.MULTILINE))
def test_every_command_parses(line: str) -> None:
    verb, *words = shlex.split(line)
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    command.make_context(verb, words)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / "docs" / target).exists()
