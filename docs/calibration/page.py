"""The page: its sections in order, written and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from calibration import clusters, failed, intervals, letters, looks, saturated, tails
from calibration.section import Row, Section

PAGE = Path(__file__).parents[1] / "calibration.md"
SECTIONS: tuple[Section, ...] = (
    *intervals.SECTIONS,
    saturated.SECTION,
    tails.SECTION,
    letters.SECTION,
    clusters.SECTION,
    looks.SECTION,
    failed.SECTION,
)
"""In the order of the page. A new table is a file beside this one, and its section here."""

INTRODUCTION = """# How far the intervals can be trusted

What `bench compare`, `bench gate` and `bench leaderboard` say rests on intervals and tests. This page simulates them
where the truth is known, and shows what they keep of what they promise. Every table is written by
`python docs/write_calibration.py` with fixed seeds; the tests make some of the rows again."""


def render(rows: Mapping[str, Sequence[Row]]) -> str:
    """Return the page.

    Args:
        rows: name of each section -> the rows of its table.
    """
    sections = [f"<!-- table: {section.name} -->\n\n{section.text(rows[section.name])}" for section in SECTIONS]
    return "\n\n".join([INTRODUCTION, *sections]) + "\n"


def stored_rows() -> dict[str, list[Row]]:
    """Return section -> the rows that stand on the page; without the sections that are not there yet."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    rows: dict[str, list[Row]] = {}
    for block in re.split(r"^<!-- table: ", text, flags=re.MULTILINE)[1:]:
        name, _, body = block.partition(" -->")
        lines = [line for line in body.splitlines() if line.startswith("| ")]
        rows[name] = [tuple(line.removeprefix("| ").removesuffix(" |").split(" | ")) for line in lines[1:]]
    return rows
