"""The order of the rooms: a folder each, imports one way, no circle, nothing loose at the top, no long file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import rooms

ROOMS = list(rooms.listed_rooms())
IMPORTS = list(rooms.imports())
LOOSE = {"__init__.py", "__main__.py", "py.typed"}


def test_the_top_of_the_package_holds_rooms_alone() -> None:
    files = {path.name for path in rooms.PACKAGE.iterdir() if path.is_file()}
    folders = {path.name for path in rooms.PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert files == LOOSE
    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    against = [
        f"{found.file.relative_to(rooms.ROOT)}:{found.line} imports {found.imported}"
        for found in IMPORTS
        if rooms.room_of(found.importer) == room and rooms.room_of(found.imported) not in allowed
    ]
    assert against == []


def test_no_import_is_relative() -> None:
    for file in rooms.modules().values():
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level], file


def test_every_room_says_what_lives_there() -> None:
    for room in ROOMS:
        file = rooms.PACKAGE / room / "__init__.py"
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), room


NAMES_LATER_ROOMS = "bench/config/task.py"
"""The list of kinds of task names their modules, which are imported when a suite of that kind is read."""


def test_a_room_names_the_modules_of_later_rooms_in_one_list_alone() -> None:
    """An import by name would slip past the order of the rooms."""
    against = [
        f"{file.relative_to(rooms.ROOT).as_posix()}:{node.lineno} names {node.value}"
        for number, room in enumerate(ROOMS)
        for file in sorted((rooms.PACKAGE / room).rglob("*.py"))
        if file.relative_to(rooms.ROOT).as_posix() != NAMES_LATER_ROOMS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (named := re.fullmatch(r"bench\.(\w+)\.[\w.]+(:\w+)?", node.value)) and named[1] in ROOMS[number + 1 :]
    ]
    assert against == []
    assert "bench.tasks." in (rooms.ROOT / NAMES_LATER_ROOMS).read_text(encoding="utf-8")


def test_there_is_no_circle() -> None:
    assert rooms.circles(rooms.room_graph()) == []
    assert rooms.circles(rooms.module_graph()) == []


def test_floors_are_few() -> None:
    assert max(rooms.floors(rooms.room_graph()).values()) <= rooms.MOST_FLOORS


def test_no_file_is_long() -> None:
    lengths = {
        file.relative_to(rooms.ROOT).as_posix(): rooms.lines_of(file)
        for folder in (rooms.PACKAGE, rooms.ROOT / "docs")
        for file in folder.rglob("*.py")
    }
    assert {name for name, lines in lengths.items() if lines >= rooms.MOST_LINES} == set()


def test_the_picture_is_of_this_code() -> None:
    why = "run `python docs/rooms.py`, look at docs/architecture.svg, and commit it"
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.picture(), why


# --- the script itself, on a package made for it ---------------------------------------------------------------------


def test_imports_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "bench"
    sources = {
        "__init__": "",
        "low/__init__": "",
        "low/a": "",
        "low/b": "def late():\n    from bench.low import a\n",
        "high/__init__": "import bench.low.b\nfrom bench.low.a import name\n",
    }
    for name, source in sources.items():
        file = package / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    monkeypatch.setattr(rooms, "ROOT", tmp_path)
    monkeypatch.setattr(rooms, "PACKAGE", package)
    assert [(found.importer, found.imported, found.line) for found in rooms.imports()] == [
        ("bench.high", "bench.low.b", 1),
        ("bench.high", "bench.low.a", 2),
        ("bench.low.b", "bench.low.a", 2),
    ]
    assert rooms.floors(rooms.room_graph()) == {"high": 2, "low": 1}
    (package / "low" / "a.py").write_text("from bench import high\n", encoding="utf-8")
    assert rooms.circles(rooms.room_graph()) == [["high", "low"]]
    assert rooms.circles(rooms.module_graph()) == [["bench.high", "bench.low.a", "bench.low.b"]]
    with pytest.raises(ValueError, match="circles"):
        rooms.floors(rooms.room_graph())
