"""Kinds of task: each is found by its name, and a table that does not fit says where."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import bench
from bench.config import Family, SuiteConfig, kind_of
from bench.config.suite import key_of
from bench.config.task import FIRST_NAMES, KINDS
from bench.core.errors import InputError
from bench.records.record import RunRecord
from bench.suites.resolve import load_suite, resolve
from bench.tasks.base import TaskKind


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_one_module_with_its_facts(kind: str) -> None:
    table = kind_of(kind)
    assert issubclass(table, TaskKind)
    assert table.__module__ == KINDS[kind]
    assert table.model_fields["kind"].annotation.__args__ == (kind,)  # type: ignore[union-attr]
    assert table.families
    assert table.metric_inputs


def test_no_kind_needs_torch_to_be_read() -> None:
    code = (
        "import sys\nfrom bench.config import kind_of\nfrom bench.config.task import KINDS\n"
        "for kind in KINDS: kind_of(kind)\nprint(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_kind_is_an_error_that_lists_the_kinds() -> None:
    with pytest.raises(InputError, match=f"'poetry' is not a kind of task; allowed: {', '.join(sorted(KINDS))}"):
        kind_of("poetry")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.kind=clasification", "task.kind: 'clasification' is not a kind of task; did you mean 'classification'?"),
        ("task={}", "task.kind is missing"),
        ("task=3", "task: must be a table (got 3)"),
        ("task.paddding=longest", "task.paddding is not a known key; did you mean 'padding'?"),
        ("task.padding=long", "task.padding: Input should be 'max_length' or 'longest' (got 'long')"),
        ("task={kind='classification', padding='longest'}", "task.max_length_tokens is missing"),
        ("task.prompt='{input}'", "task.prompt is not a known key; allowed: kind, max_length_tokens, padding"),
    ],
)
def test_error_what_does_not_fit_keeps_its_place(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        resolve(load_suite("sentiment_sst2"), profile="tiny", overrides=[override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.judge.minimum_acuracy=1", "task.judge.minimum_acuracy is not a known key; did you mean 'minimum_accura"),
        (
            "task.judge.method={kind='freeze', module=['x']}",
            "task.judge.method.module is not a known key; did you mean",
        ),
        ("task.judge.training.epochs=0", "task.judge.training.epochs: Input should be greater than or equal to 1"),
    ],
)
def test_error_below_a_kinds_own_tables(override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        resolve(load_suite("alice_edgar"), profile="tiny", overrides=[override])


def _compared(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every text that is compared with `==`, `!=`, `in` or `match`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def test_nobody_but_a_kind_itself_asks_which_kind_or_family_it_is() -> None:
    names = {*KINDS, *FIRST_NAMES.values(), *get_args(Family)}
    root = Path(bench.__file__).parent
    found = [
        f"{file.relative_to(root)}:{line} compares with {name!r}"
        for file in sorted(root.rglob("*.py"))
        if file.relative_to(root).parts[0] != "tasks"
        for line, name in _compared(file)
        if name in names
    ]
    assert found == []


def test_nobody_asks_for_the_type_of_a_tasks_table() -> None:
    """An import of a table's type from outside `tasks/` would be an `isinstance` or a copy of its facts."""
    root = Path(bench.__file__).parent
    tables = {kind_of(kind).__name__ for kind in KINDS}
    found = [
        f"{file.relative_to(root)} names {node.id}"
        for file in sorted(root.rglob("*.py"))
        if file.relative_to(root).parts[0] != "tasks"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id in tables
    ]
    assert found == []


# --- a kind that was renamed -----------------------------------------------------------------------------------------


def _renamed() -> SuiteConfig:
    return resolve(load_suite("summarization"), profile="tiny", method="lora")


def test_the_first_name_of_a_kind_goes_on_working_and_is_the_same_config() -> None:
    config = _renamed()
    values = config.model_dump(mode="json", exclude_none=True)
    assert values["task"]["kind"] == "text_to_text"
    values["task"]["kind"] = FIRST_NAMES["text_to_text"]
    older = SuiteConfig.model_validate(values)
    assert older == config
    assert older.key == config.key == key_of(values) == "b4df310ff487"
    assert SuiteConfig.model_validate_json(config.model_dump_json()) == config


def test_a_stored_record_of_the_first_name_is_read_as_the_kind(tmp_path: Path) -> None:
    values: dict[str, Any] = json.loads(next(Path("baselines/summarization/tiny").glob("lora.json")).read_text("utf-8"))
    assert values["config"]["task"]["kind"] == "summarization"
    assert SuiteConfig.model_validate(values["config"]).task.kind == "text_to_text"
    assert RunRecord.model_fields["config"].annotation is SuiteConfig


def test_error_texts_have_no_labels() -> None:
    with pytest.raises(InputError, match=r"data\.labels: a text_to_text task has no classes; leave them out"):
        resolve(load_suite("summarization"), profile="tiny", overrides=["data.labels=['a', 'b']"])


def test_error_classes_need_names() -> None:
    with pytest.raises(
        InputError, match=r"data\.labels is missing: a classification task needs the names of its class"
    ):
        resolve(load_suite("imdb"), profile="tiny", overrides=["data.labels=[]"])


def test_error_a_label_stands_in_one_column() -> None:
    with pytest.raises(InputError, match=r"data\.target_column: a classification task has one target a row; name one"):
        resolve(load_suite("imdb"), profile="tiny", overrides=["data.target_column=['a', 'b']"])


def test_error_target_column_keeps_its_place() -> None:
    with pytest.raises(InputError, match=r"data\.target_column: must be the name of a column, or a list of names"):
        resolve(load_suite("summarization"), profile="tiny", overrides=["data.target_column=3"])
