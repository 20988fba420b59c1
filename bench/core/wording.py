"""Small pieces of plain English that messages and pages share."""

from __future__ import annotations


def plural(n: int, noun: str) -> str:
    """Return `1 seed`, `3 seeds`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
