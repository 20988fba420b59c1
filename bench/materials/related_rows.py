"""Rows that look as if they belonged together: a hint to name `data.group_column`, never a rule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from bench.core.wording import plural
from bench.materials.splits import Example, normalised

SHARE: Final = 0.3
"""Share of rows that have to be related to another before it is said."""
MOST_OF_ONE: Final = 0.5
"""A part that more of the rows than this share is an instruction or a name of the split, and no passage."""
FEWEST_CHARACTERS: Final = 20
"""A part of a text that is shorter says nothing: many sentences begin with one word."""
SEPARATORS: Final = {
    r"\n\s*\n": "a blank line",
    r"\n": "a line break",
    r"\t": "a tab",
    r"\s*(?:\[SEP\]|</s>|<sep>|<\|sep\|>)\s*": "a separator token",
    r"\s+\|+\s+": "a stroke",
    r"(?i)\b(?:question|query|hypothesis|sentence ?2)\s*:": "the word `question:`",
    r"(?i)\b(?:context|passage|premise|article|document)\s*:": "the word `context:`",
}
"""What divides a passage from what is asked of it -> how people call it."""
_NUMBERED: Final = re.compile(r"^(.*[A-Za-z0-9].*?)[-_.:/#](?:[A-Za-z]{0,2}\d+|[A-Za-z])$")
"""An id with a number behind a separator: `passage12-q3`, `12_1`, `review-7.b`."""


def hint_of_groups(examples: Sequence[Example]) -> str | None:
    """Return a sentence where rows betray that they belong together; none where they name groups, or betray nothing.

    Args:
        examples: the rows that are scored.
    """
    if not examples or examples[0].group is not None:
        return None
    looks: list[tuple[str, Callable[[Example], str | None]]] = [
        ("whole input", lambda e: normalised(e.input)),
        *(
            (f"text {where} {name}", _part(pattern, index))
            for pattern, name in SEPARATORS.items()
            for where, index in (("before", 0), ("after", -1))
        ),
        ("first part of the id", _first_of_id),
    ]
    for what, part_of in looks:
        parts = [part_of(example) for example in examples]
        counts = Counter(part for part in parts if part is not None)
        n_related = sum(n for n in counts.values() if n > 1)
        if n_related < SHARE * len(examples) or max(counts.values()) > max(MOST_OF_ONE * len(examples), 2):
            continue
        return (
            f"{n_related:,} of {plural(len(examples), 'test row')} share their {what} with another row "
            f"({plural(sum(n > 1 for n in counts.values()), 'group')}). Rows that belong together say less than as "
            "many unrelated ones, and intervals take them for unrelated: name the column that tells such groups apart "
            "in data.group_column"
        )
    return None


def _part(pattern: str, index: int) -> Callable[[Example], str | None]:
    divide = re.compile(pattern)

    def part_of(example: Example) -> str | None:
        parts = divide.split(example.input, maxsplit=1)
        part = normalised(parts[index]) if len(parts) > 1 else ""
        return part if len(part) >= FEWEST_CHARACTERS else None

    return part_of


def _first_of_id(example: Example) -> str | None:
    match = _NUMBERED.match(example.id)
    return None if match is None else match[1]
