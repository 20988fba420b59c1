"""Print the rooms of the package, and draw them: `python docs/rooms.py` writes docs/architecture.svg.

Everything is read from the source by `ast`, imports inside functions included; nothing of the package is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bench"
PICTURE = ROOT / "docs" / "architecture.svg"
TABLE = ROOT / "docs" / "architecture.md"
MOST_LINES = 400
"""A file stays below it."""
MOST_FLOORS = 10

Graph = Mapping[str, frozenset[str]]
"""Name -> names that it imports."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a module of the package."""

    importer: str
    imported: str
    file: Path
    line: int
    for_types: bool
    """It stands under `if TYPE_CHECKING`, so it is never run."""


def listed_rooms() -> dict[str, str]:
    """Return room -> what is in it, in the order of the table; each may import those before it."""
    text = TABLE.read_text(encoding="utf-8")
    rows = text.partition("| room | what is in it |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)/` \| (.*?) \|$", rows, re.MULTILINE))


def modules() -> dict[str, Path]:
    """Return dotted name -> file of every module of the package."""
    names = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


def imports() -> Iterator[Import]:
    """Yield every import of a module of the package, wherever in its file it stands.

    `from a import b` imports `a.b` where that is a module, else `a`.
    """
    files = modules()
    for importer, file in files.items():
        nodes = [*ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
        guarded = {inner for node in nodes if _is_for_types(node) for inner in ast.walk(node)}
        for node in nodes:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = f"{importer}<relative>" if node.level else str(node.module)
                inside = [f"{base}.{alias.name}" for alias in node.names]
                names = [name if name in files else base for name in inside]
            else:
                continue
            for name in dict.fromkeys(names):
                if name in files and name != importer:
                    yield Import(importer, name, file, node.lineno, node in guarded)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room_of(module: str) -> str | None:
    """Return the room of a module; None for the top of the package."""
    room = module.split(".")[1] if "." in module else None
    return None if room == "__main__" else room


def module_graph() -> Graph:
    """Return which modules each module imports when it runs, at once or late."""
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for found in imports():
        if not found.for_types:
            graph[found.importer].add(found.imported)
    return {name: frozenset(imported) for name, imported in graph.items()}


def room_graph() -> Graph:
    """Return which other rooms each room imports, for types alone too."""
    graph: dict[str, set[str]] = {room: set() for name in modules() if (room := room_of(name))}
    for found in imports():
        importer, imported = room_of(found.importer), room_of(found.imported)
        if importer and imported and importer != imported:
            graph[importer].add(imported)
    return {name: frozenset(imported) for name, imported in graph.items()}


def reached(graph: Graph, start: str) -> frozenset[str]:
    """Return everything that a name imports, by way of others too."""
    seen: set[str] = set()
    waiting = [*graph[start]]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph[name]
    return frozenset(seen)


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of names that import one another in a circle, by way of others too."""
    reach = {name: reached(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]
    }
    return sorted(sorted(group) for group in groups)


def floors(graph: Graph) -> dict[str, int]:
    """Return the floor of each name: 1 where it imports nothing, else one above the highest that it imports.

    Raises:
        ValueError: there is a circle.
    """
    if found := circles(graph):
        raise ValueError(f"there are circles: {found}")
    result: dict[str, int] = {}
    for name in sorted(graph, key=lambda name: len(reached(graph, name))):  # what is imported reaches fewer
        result[name] = 1 + max((result[other] for other in graph[name]), default=0)
    return result


def lines_of(file: Path) -> int:
    """Return how many lines a file has."""
    return len(file.read_text(encoding="utf-8").splitlines())


# --- the picture -----------------------------------------------------------------------------------------------------

BOX = (190, 44)
STEP = (230, 84)
MARGIN = 24


def picture() -> str:
    """Return the rooms as SVG: a row a floor, and an arrow from each room down to those it imports.

    An arrow is left out where another way of arrows leads there too.
    """
    graph, words = room_graph(), listed_rooms()
    floor = floors(graph)
    order = list(words)
    rows = [[room for room in order if floor[room] == n] for n in range(max(floor.values()), 0, -1)]
    width = 2 * MARGIN + max(len(row) for row in rows) * STEP[0]
    height = 2 * MARGIN + len(rows) * STEP[1]
    place = {
        room: (width / 2 + (i - (len(row) - 1) / 2) * STEP[0], MARGIN + n * STEP[1] + STEP[1] / 2)
        for n, row in enumerate(rows)
        for i, room in enumerate(row)
    }
    arrows = [
        (room, other)
        for room in order
        for other in sorted(graph[room])
        if not any(other in reached(graph, between) for between in graph[room])
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="sans-serif">',
        '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#555"/></marker>',
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
    ]
    for room, other in arrows:
        passed = [place[name][0] for name in order if floor[other] < floor[name] < floor[room]]
        parts.append(_arrow(place[room], place[other], passed))
    parts += [_box(room, words[room].partition(":")[0], place[room]) for room in order]
    return "\n".join([*parts, "</svg>", ""])


def _arrow(start: tuple[float, float], end: tuple[float, float], passed: list[float]) -> str:
    """Return an arrow between two boxes, around the boxes on the floors that it passes.

    Args:
        start: middle of the box above.
        end: middle of the box below.
        passed: middles, across, of the boxes on the floors between.
    """
    x, top, to_x, bottom = start[0], start[1] + BOX[1] / 2, end[0], end[1] - BOX[1] / 2
    bend = (STEP[1] - BOX[1]) * 0.9
    path = f"M{x:g} {top:g}"
    if passed:
        aside = max(passed) + BOX[0] / 2 + 14 if to_x >= x else min(passed) - BOX[0] / 2 - 14
        first, last = top + STEP[1] - BOX[1], bottom - STEP[1] + BOX[1]  # top and bottom of the floors that it passes
        path += f"C{x:g} {top + bend:g} {aside:g} {first - bend:g} {aside:g} {first:g}V{last:g}"
        x, top = aside, last
    path += f"C{x:g} {top + bend:g} {to_x:g} {bottom - bend:g} {to_x:g} {bottom:g}"
    return f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#head)"/>'


def _box(room: str, words: str, place: tuple[float, float]) -> str:
    (x, y), (w, h) = place, BOX
    plain = escape(words.replace("`", ""))
    return (
        f'<rect x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w}" height="{h}" rx="5" fill="#eef3fa" stroke="#36c"/>'
        f'<text x="{x:g}" y="{y - 3:g}" text-anchor="middle" font-size="14" font-weight="bold">{room}</text>'
        f'<text x="{x:g}" y="{y + 13:g}" text-anchor="middle" font-size="10">{plain}</text>'
    )


def main() -> None:
    """Print the rooms and write the picture."""
    files, floor = modules(), floors(room_graph())
    print("floor  room         files  lines")
    for room in sorted(floor, key=lambda room: (floor[room], room)):
        lines = [lines_of(file) for name, file in files.items() if room_of(name) == room]
        print(f"{floor[room]:5}  {room:11}  {len(lines):5}  {sum(lines):5}")
    print(f"floors: {max(floor.values())} (at most {MOST_FLOORS})")
    found = circles(module_graph())
    print(f"circles: {len(found)}", *("  " + ", ".join(group) for group in found), sep="\n")
    longest = max(files.values(), key=lines_of)
    print(f"longest file: {longest.relative_to(ROOT).as_posix()}, {lines_of(longest)} lines (below {MOST_LINES})")
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
