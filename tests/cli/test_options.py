"""One name for options of one meaning, over all verbs; earlier names still work, and no help shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from factories import make_record, write_run
from typer.testing import CliRunner

from bench.cli.app import app
from bench.cli.command import EARLIER_NAMES, Command

HELP_OF_ONE_MEANING = {
    "--runs": {"Where runs are stored."},
    "--reports": {"Where reports go."},
    "--offline": {"Fetch nothing; every network connection is refused."},
    "--force": {"Run again even where a record stands."},
    "--confidence": {"Coverage that the intervals aim at, between 0 and 1."},
    "--json": {"Print JSON at full precision on standard output, and nothing else."},
}


def _commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for verb, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{verb} ")
        else:
            yield f"{name}{verb}", command


COMMANDS = dict(_commands(typer.main.get_command(app)))


def _options(command: Any) -> dict[str, Any]:
    return {name: parameter for parameter in command.params for name in parameter.opts if name.startswith("--")}


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_verb_knows_earlier_names_and_shows_present_ones_alone(verb: str) -> None:
    command = COMMANDS[verb]
    assert isinstance(command, Command)
    assert not {"--root", "--out"} & set(_options(command))
    if "--json" in _options(command):
        assert "--json-file" in _options(command)


@pytest.mark.parametrize("option", HELP_OF_ONE_MEANING)
def test_an_option_of_one_name_has_one_help(option: str) -> None:
    helps = {verb: _options(command)[option].help for verb, command in COMMANDS.items() if option in _options(command)}
    assert len(helps) > 1
    assert set(helps.values()) == HELP_OF_ONE_MEANING[option]


def _invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def test_earlier_names_of_options_still_work(tmp_path: Path) -> None:
    promoted = [tmp_path / f"seed-{seed}" for seed in range(3)]
    for seed, folder in enumerate(promoted):
        write_run(folder, make_record(seed))
    root = str(tmp_path / "baselines")
    done = _invoke("baseline", "promote", *map(str, promoted), "--reason", "r", f"--root={root}")
    assert done.exit_code == 0, done.exception
    listed = [_invoke("baseline", "list", option, root).stdout for option in ("--root", "--baselines")]
    assert listed[0] == listed[1] != ""
    for option in ("--json", "--json-file"):
        file = tmp_path / f"verdict{option}.json"
        _invoke("gate", "--baselines", root, option, str(file))
        assert json.loads(file.read_text(encoding="utf-8"))
    assert set(EARLIER_NAMES) == {"--root", "--out", "--json"}


def test_json_goes_to_a_file_beside_what_is_printed_or_alone_to_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "metrics.json"
    both = _invoke("list", "metrics", "--json-file", str(file))
    alone = _invoke("list", "metrics", "--json")
    assert both.stdout.lstrip().startswith("┏")
    assert json.loads(alone.stdout) == json.loads(file.read_text(encoding="utf-8"))


def test_predict_does_not_write_over_the_rows_that_it_reads(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text\nx\n", encoding="utf-8")
    rows = str(tmp_path / "rows.csv")
    result = CliRunner().invoke(app, ["predict", str(tmp_path), rows, "--predictions", rows])
    assert "would be written over" in str(result.exception)
