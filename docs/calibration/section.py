"""One table of the page: worlds to simulate, a row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[str, ...]
"""The cells of a world, as the page shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, a text, a table of simulated worlds and what to make of it."""

    name: str
    """What the command line calls it; small letters and hyphens."""
    title: str
    before: str
    """Text above the table: what is simulated, and what the columns mean."""
    headings: Row
    worlds: Sequence[Any]
    """What is simulated, a row each."""
    row: Callable[[Any], Row]
    """World -> its row. A world brings its own fixed seed, so a row does not depend on the others."""
    after: str = ""
    """Text below the table."""
    quick: Sequence[int] = ()
    """Places of the worlds whose rows the tests make again: a few, of a second in all."""

    def text(self, rows: Sequence[Row]) -> str:
        """Return the section in Markdown."""
        lines = [_line(self.headings), "|---" * len(self.headings) + "|", *map(_line, rows)]
        table = "\n".join(lines)
        blocks = (f"## {self.title}", self.before.strip(), table, self.after.strip())
        return "\n\n".join(block for block in blocks if block)


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def share(value: float) -> str:
    """Return a share as the page shows it: `4.7 %`."""
    return f"{100 * value:.1f} %"
