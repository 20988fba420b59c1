"""Tables that a verb prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

LOG_WIDTH = 140
"""Columns of a table that is not written to a terminal; rich would assume 80."""


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal, or wide enough for a log."""
    from rich.console import Console

    console = Console(emoji=False)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    console.print(table)
