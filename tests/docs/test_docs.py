"""What the documents say is so: names, links, commands, counts and exit codes."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from bench import metrics
from bench.__main__ import EXIT_INTERRUPTED
from bench.cli import doctor_facts as inspection
from bench.cli.app import app
from bench.config import kind_of
from bench.config.task import KINDS
from bench.core import errors
from bench.core.builtin import builtin_root
from bench.core.plugins import is_plugin
from bench.suites.resolve import builtin_suites, load_suite, resolve

ROOT = Path(__file__).parents[2]
SUITES = builtin_suites()
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / "suites" / name / "README.md" for name in SUITES),
]
EXAMPLE_SUITE = "mine"
"""Name that documents give to a suite that the reader writes."""

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^(\|[^\n]*)\n\|[-:| ]+\n((?:\|[^\n]*\n?)+)", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE_PATH = re.compile(r"(?<![\w./-])(?:\.\./)*((?:bench|tests|docs|baselines)/[\w./-]*\w/?)")
CODE_NAME = re.compile(r"(?<![\w./-])(bench(?:\.\w+)+)")
MEANINGS = {
    errors.EXIT_PASS: ("done", "pass"),
    errors.EXIT_REGRESSION: ("regression",),
    errors.EXIT_BAD_INPUT: ("input",),
    errors.EXIT_INCONCLUSIVE: ("inconclusive",),
    errors.EXIT_NOT_COMPARABLE: ("comparable",),
    errors.EXIT_RUN_FAILED: ("failed", "fails"),
}


def _commands(path: Path) -> list[list[str]]:
    """Return every `bench ...` command of a document's sh blocks, without the word `bench`."""
    found = []
    for language, block in FENCE.findall(path.read_text(encoding="utf-8")):
        if language not in {"sh", "bash", "shell", "console"}:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip().removeprefix("$ "), comments=True)
            for start in (i + 1 for i, word in enumerate(words) if word == "bench"):
                ends = (i for i, word in enumerate(words) if i >= start and word in {"&&", "||", "|", ";", ">", "2>"})
                found.append(words[start : next(ends, len(words))])
    return found


COMMANDS = [
    pytest.param(words, id=f"{path.relative_to(ROOT)}: bench {' '.join(words)}"[:100])
    for path in DOCUMENTS
    for words in _commands(path)
]


def _parsed(words: list[str]) -> dict[str, Any]:
    """Return the parameters that the command line reads, without running the verb."""
    command: Any = typer.main.get_command(app)
    words = list(words)
    while words and hasattr(command, "commands"):
        if words[0] in {"--help", "--version"}:
            return {}
        assert words[0] in command.commands, f"bench has no verb {words[0]!r}"
        command = command.commands[words.pop(0)]
    if "--help" in words:
        return {}
    parameters: dict[str, Any] = command.make_context(command.name, words).params
    return parameters


@pytest.mark.parametrize("words", COMMANDS)
def test_a_quoted_command_parses_and_its_suite_resolves(words: list[str]) -> None:
    parameters = _parsed(words)
    for name in _each(parameters.get("metric")):
        if not is_plugin(name):  # the page's own file is not here; its page is run as a whole
            metrics.spec(name)
    for suite in _each(parameters.get("suite")):
        if Path(suite).name == EXAMPLE_SUITE or suite.endswith(".toml"):
            continue
        file = load_suite(suite)
        profile = parameters.get("profile") or "auto"
        for method in _each(parameters.get("method")) or [None]:
            if method is not None and (method == "all" or ":" in method):
                continue  # every method; or one that the reader writes
            resolve(
                file,
                profile=file.profiles[0] if profile == "auto" else profile,
                method=method,
                overrides=parameters.get("set_") or (),
            )


def _each(given: Any) -> list[str]:
    """Return the names that an option holds: none, one, several, or several in one with commas."""
    names = [given] if isinstance(given, str) else list(given or ())
    return [part for name in names for part in str(name).split(",")]


def test_a_command_that_is_wrong_would_be_found() -> None:
    with pytest.raises(AssertionError, match="no verb 'walk'"):
        _parsed(["walk"])
    with pytest.raises(Exception, match="No such option: --sede"):
        _parsed(["run", "suites/summarization", "--sede", "1"])
    with pytest.raises(Exception, match=r"[Mm]issing .*suite"):
        _parsed(["run"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    targets = [target.partition("#")[0] for target in LINK.findall(text) if not re.match(r"\w+:", target)]
    missing = [target for target in targets if target and not (path.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_and_names_of_the_code_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    paths = [name for name in CODE_PATH.findall(text) if EXAMPLE_SUITE not in Path(name).parts]
    assert [name for name in paths if not (ROOT / name).exists()] == []
    assert [name for name in CODE_NAME.findall(text) if not _is_there(name)] == []


def _is_there(dotted: str) -> bool:
    """Return whether a dotted name leads to a module, or to something that one holds, fields of types included."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            place: Any = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            fields = {**getattr(place, "model_fields", {}), **getattr(place, "__dataclass_fields__", {})}
            if not hasattr(place, part) and part not in fields:
                return False
            place = getattr(place, part, None)
        return True
    return False


def test_a_name_that_is_gone_would_be_found() -> None:
    assert _is_there("bench.config.TrainingConfig.learning_rate")
    assert not _is_there("bench.config.TrainingConfig.lerning_rate")
    assert not _is_there("bench.confg.TrainingConfig")
    assert CODE_PATH.findall("see `bench/core/seeds.py`, bench/runs/") == ["bench/core/seeds.py", "bench/runs/"]


def _readme(suite: str) -> str:
    return (builtin_root("suites") / suite / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("suite", SUITES)
def test_a_suites_readme_names_its_methods_and_profiles(suite: str) -> None:
    text = _readme(suite)
    file = load_suite(suite)
    names = {*file.profiles, *(method for profile in file.profiles for method in file.methods(profile))}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("suite", "method"), [(suite, method) for suite in SUITES for method in load_suite(suite).methods("documented")]
)
def test_a_suites_readme_counts_the_parameters_of_the_recipe(suite: str, method: str) -> None:
    counted = inspection.parameters(resolve(load_suite(suite), profile="documented", method=method))
    text = _readme(suite)
    row = next(line for line in text.splitlines() if line.startswith(f"| `{method}`"))
    expected = (
        f"{counted.trainable:,} (100 %)"
        if counted.trainable == counted.total
        else f"{counted.trainable:,} of {counted.total:,} ({counted.share:.2%})".replace("%", " %")
    )
    assert expected in row


@pytest.mark.parametrize("suite", SUITES)
def test_a_suites_readme_says_what_was_chosen_for_the_recipe(suite: str) -> None:
    chosen = resolve(load_suite(suite), profile="documented").chosen
    assert [key for key in chosen if f"`{key}`" not in _readme(suite)] == []


@pytest.mark.parametrize("suite", SUITES)
def test_a_suites_readme_gives_the_budget_of_each_profile(suite: str) -> None:
    header, body = next(found for found in TABLE.findall(_readme(suite)) if found[0].startswith("| | `documented`"))
    row = next(line for line in body.splitlines() if line.startswith("| budget |"))
    profiles = [cell.strip(" `") for cell in header.strip("|").split("|")[1:]]
    said = [cell.strip() for cell in row.strip("|").split("|")[1:]]
    assert profiles == list(load_suite(suite).profiles)
    for profile, budget in zip(profiles, said, strict=True):
        training = resolve(load_suite(suite), profile=profile).training
        length = f"{training.steps:,} steps" if training.steps else f"{training.epochs} epochs"
        assert budget.startswith(f"{length}, batch {training.batch_size}")
        for rate in re.findall(r" at (\S+)$", budget):
            assert float(rate) == training.learning_rate


def test_the_readme_lists_every_suite_and_its_methods() -> None:
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    by_suite = {suite: row for suite in SUITES for row in rows if f"(suites/{suite}/README.md)" in row}
    assert by_suite.keys() == set(SUITES)
    for suite, row in by_suite.items():
        variants = {name for name, table in load_suite(suite).tables["methods"].items() if "like" in table}
        methods = [name for name in load_suite(suite).methods("documented") if name not in variants]
        assert [name for name in methods if f"`{name}`" not in row] == []


def _check_exit_codes(text: str) -> None:
    """Compare exit codes in prose, and tables whose header says "exit", with the code."""
    codes = {*MEANINGS, EXIT_INTERRUPTED}
    in_prose = re.findall(r"\bexit(?:s|ed)?(?: codes?)?(?: with| is| of)? `?(\d+)\b", text, re.IGNORECASE)
    assert {int(code) for code in in_prose} <= codes
    for header, body in TABLE.findall(text):
        if re.search(r"\bexit\b", header, re.IGNORECASE):
            rows = [[cell.strip(" `*") for cell in row.strip().strip("|").split("|")] for row in body.splitlines()]
            said = {int(code): " ".join(rest).lower() for code, *rest in rows}
            assert MEANINGS.keys() <= said.keys() <= codes
            for code, words in MEANINGS.items():
                assert any(word in said[code] for word in words), f"exit code {code}: {said[code]}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_exit_codes_are_those_of_the_code(path: Path) -> None:
    _check_exit_codes(path.read_text(encoding="utf-8"))


def test_a_wrong_exit_code_would_be_found() -> None:
    right = [(code, words[0]) for code, words in MEANINGS.items()]
    for rows in (right[:-1], [*right, (6, "odd")], [(0, "regression"), *right[1:]]):
        table = "".join(f"| {code} | {meaning} |\n" for code, meaning in rows)
        with pytest.raises(AssertionError):
            _check_exit_codes(f"| exit code | meaning |\n|---|---|\n{table}")
    with pytest.raises(AssertionError):
        _check_exit_codes("The gate exits with 7.")


def test_the_help_names_every_exit_code() -> None:
    said = dict(re.findall(r"(\d) ([^,.]+)", str(app.info.epilog)))
    assert {int(code) for code in said} == MEANINGS.keys()
    for code, meaning in said.items():
        assert any(word in meaning for word in MEANINGS[int(code)])


def test_the_page_of_tasks_lists_every_kind_with_its_families_and_what_metrics_read() -> None:
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    listed = {
        row[0].strip("`"): tuple(re.findall(r"`(\w+)`", cell) for cell in row[3:5]) for row in rows if len(row) == 5
    }
    facts = {kind: (list(kind_of(kind).families), list(kind_of(kind).metric_inputs)) for kind in KINDS}
    assert listed == facts
