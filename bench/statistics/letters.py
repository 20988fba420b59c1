"""Compact letter display: which of several methods are told apart, as letters beside their names. Pure.

"Not told apart" is not transitive: nothing may be decided between a and b, nor between b and c, while a and c differ.
Letters say all of it: two methods share one exactly where their difference is not significant.
"""

from __future__ import annotations

import string
from collections.abc import Iterable

_ALPHABET = string.ascii_lowercase + string.ascii_uppercase


def letters(n: int, told_apart: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Return the letters of each of n methods.

    Args:
        n: how many there are, in the order in which they are shown: the first ones get the first letters.
        told_apart: pairs of positions whose difference is significant.

    Returns:
        One text a method, of one letter or more; after `z` come `A` to `Z`, then `a2`, `b2` and so on.

    Source:
        Piepho 2004, "An algorithm for a letter-based representation of all-pairwise comparisons": insert and absorb.
        Each letter ends as a set of methods that are all alike and to which no other can be added.
    """
    groups = [frozenset(range(n))]
    for pair in told_apart:
        both = frozenset(pair)
        split = [group - {member} for group in groups if both <= group for member in sorted(both)]
        groups = _absorbed([group for group in groups if not both <= group] + split)
    groups.sort(key=sorted)
    return tuple("".join(_letter(i) for i, group in enumerate(groups) if member in group) for member in range(n))


def _absorbed(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """Return the groups that are not part of another, each once."""
    kept: list[frozenset[int]] = []
    for group in sorted(groups, key=len, reverse=True):
        if not any(group <= other for other in kept):
            kept.append(group)
    return kept


def _letter(i: int) -> str:
    turn, place = divmod(i, len(_ALPHABET))
    return _ALPHABET[place] + (str(turn + 1) if turn else "")
