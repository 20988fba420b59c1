"""Markdown tables back to cells."""

from __future__ import annotations

from collections.abc import Iterable


def lines(blocks: Iterable[str]) -> list[list[str]]:
    """Return the cells of every table line, headings among them, spaces cut."""
    texts = "\n".join(blocks).splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in texts if line.startswith("| ")]
