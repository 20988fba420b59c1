"""Markdown tables and the small marks inside them."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a GitHub table.

    Args:
        headers: one a column.
        rows: cells as they shall stand: text from outside goes through `samples.cell` or `code` first.
    """
    # tabulate would read `1e5` and config keys as numbers and reformat them.
    return str(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


def code(text: str) -> str:
    """Return text in code type, safe inside a table cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"
