"""The name under which results are stored: runs, and the measured baseline."""

from __future__ import annotations

from typing import NamedTuple


class ResultName(NamedTuple):
    """A suite, one of its profiles, and a method."""

    suite: str
    profile: str
    method: str

    def __str__(self) -> str:
        """Return it as commands take it: `suite/profile/method`."""
        return "/".join(self)
