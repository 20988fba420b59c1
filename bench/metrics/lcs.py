"""Longest common subsequences of token lists, a row of bits at a time: what ROUGE-L and ROUGE-Lsum count.

Row i of the table of lengths grows by 0 or 1 from column to column, so a row is one integer with a bit a column, and
the next row takes four operations on it. Memory is a few rows in place of the whole table.

Source:
    Hyyrö 2004, "Bit-parallel LCS-length computation revisited", figure 2; Hirschberg 1975 for keeping few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt

_FEW = 4
"""Tokens that stand in so few columns get their bits when they are asked for: kept, those of a long text with many
rare words would fill the memory."""


class Columns:
    """One side of a comparison: where each token stands."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.full = (1 << len(tokens)) - 1
        """A bit for every column: the row above the first, in which no length has grown."""
        self._places: dict[str, list[int]] = {}
        for place, token in enumerate(tokens):
            self._places.setdefault(token, []).append(place)
        self._kept: dict[str, int] = {}

    def next_row(self, row: int, token: str) -> int:
        """Return the row of a token from the row above: a bit is off where the length grows by one."""
        places = self._places.get(token)
        if places is None:
            return row
        matched = row & self._bits(token, places)
        return ((row + matched) | (row - matched)) & self.full

    def length(self, row: int, n_columns: int | None = None) -> int:
        """Return the length that a row has reached in its first columns, in all by default."""
        if n_columns is None:
            return len(self.tokens) - row.bit_count()
        return n_columns - (row & ((1 << n_columns) - 1)).bit_count()

    def shares_a_token(self, tokens: Sequence[str]) -> bool:
        """Return whether any of the tokens stands in any column."""
        return not self._places.keys().isdisjoint(tokens)

    def _bits(self, token: str, places: list[int]) -> int:
        if len(places) <= _FEW:
            return sum(1 << place for place in places)
        if token not in self._kept:
            bits = bytearray(places[-1] // 8 + 1)
            for place in places:
                bits[place >> 3] |= 1 << (place & 7)
            self._kept[token] = int.from_bytes(bits, "little")
        return self._kept[token]


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two token lists."""
    columns = Columns(second)
    row = columns.full
    for token in first:
        row = columns.next_row(row, token)
    return columns.length(row)


def lcs_indices(first: Sequence[str], columns: Columns) -> Iterator[int]:
    """Yield the places in `first` of one longest common subsequence with the tokens of `columns`, from the last on.

    Of several it is the one that rouge-score's `lcs_ind` finds, which steps back through `first` where both ways are
    equally long. Every so many rows one is kept, and those between are made again on the way back.
    """
    stride = isqrt(len(first)) + 1
    kept, row = [columns.full], columns.full
    for i, token in enumerate(first, start=1):
        row = columns.next_row(row, token)
        if i % stride == 0:
            kept.append(row)
    i, j = len(first), len(columns.tokens)
    length = columns.length(row)
    block, rows = -1, [row]
    while length > 0:
        if (i - 1) // stride != block:  # rows[k] is the row after block * stride + k tokens
            block = (i - 1) // stride
            rows = [kept[block]]
            for token in first[block * stride : i]:
                rows.append(columns.next_row(rows[-1], token))
        if first[i - 1] == columns.tokens[j - 1]:
            i, j, length = i - 1, j - 1, length - 1
            yield i
            continue
        above = columns.length(rows[i - 1 - block * stride], j)
        left = columns.length(rows[i - block * stride], j - 1)
        if left > above:
            j, length = j - 1, left
        else:
            i, length = i - 1, above
