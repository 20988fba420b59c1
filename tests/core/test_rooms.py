"""The order of the rooms: a folder each, imports one way, nothing loose at the top of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bench"
LOOSE = {"__init__.py", "__main__.py", "py.typed"}


def listed_rooms() -> list[str]:
    """Return the rooms in the order of CONTRIBUTING.md; each may import those before it."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| room | what is in it |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)/`", table, re.MULTILINE)


ROOMS = listed_rooms()


def imported_rooms(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and room of every import of the package, those inside functions included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: a relative import"
            base = node.module or ""
            modules = [f"{base}.{alias.name}" for alias in node.names] if base == "bench" else [base]
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "bench" and rest:
                yield node.lineno, rest.partition(".")[0]


def test_the_top_of_the_package_holds_rooms_alone() -> None:
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert files == LOOSE
    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    against = [
        f"{file.relative_to(ROOT)}:{line} imports {other}"
        for file in sorted((PACKAGE / room).rglob("*.py"))
        for line, other in imported_rooms(file)
        if other not in allowed
    ]
    assert against == []


def test_every_room_says_what_lives_there() -> None:
    for room in ROOMS:
        assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))), room


NAMES_LATER_ROOMS = "bench/config/task.py"
"""The list of kinds of task names their modules, which are imported when a suite of that kind is read."""


def test_a_room_names_the_modules_of_later_rooms_in_one_list_alone() -> None:
    """An import by name would slip past the order of the rooms."""
    against = [
        f"{file.relative_to(ROOT).as_posix()}:{node.lineno} names {node.value}"
        for number, room in enumerate(ROOMS)
        for file in sorted((PACKAGE / room).rglob("*.py"))
        if file.relative_to(ROOT).as_posix() != NAMES_LATER_ROOMS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (named := re.fullmatch(r"bench\.(\w+)\.[\w.]+(:\w+)?", node.value)) and named[1] in ROOMS[number + 1 :]
    ]
    assert against == []
    assert "bench.tasks." in (ROOT / NAMES_LATER_ROOMS).read_text(encoding="utf-8")
