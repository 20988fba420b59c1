"""Text made by seeded code of ours: no download, no licence, the same everywhere.

The draws come from sha256, not from a library's generator, so that an upgrade cannot change a suite's data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from bench.config import GeneratedSource
from bench.errors import InputError, suggest

Row = dict[str, str]

_POSITIVE = "bright charming clever funny gentle graceful honest lively moving splendid tender witty".split()
_NEGATIVE = "bland careless clumsy cold dull flat hollow lazy noisy shallow stale tedious".split()
_THINGS = "acting camera cast dialogue ending music picture plot scene script story voice".split()
_LINKS = "and but while though because".split()
_NEUTRAL = "long short second first old new whole french quiet early late small".split()

_PEOPLE = "mayor baker pilot teacher farmer singer judge nurse captain painter clerk miller".split()
_PLACES = "harbour valley market bridge island village station castle river garden museum forest".split()
_ACTS = "opens closes buys sells paints repairs visits leaves defends measures cleans finds".split()
_TIMES = "monday tuesday wednesday thursday friday saturday sunday".split()
_MOODS = "pleased surprised worried proud tired calm".split()


class _Draws:
    """An endless stream of choices, fixed by a label."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._count = 0

    def below(self, n: int) -> int:
        """Return an integer in [0, n)."""
        self._count += 1
        digest = hashlib.sha256(f"{self._label}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % n

    def one(self, words: Sequence[str]) -> str:
        """Return one of the words."""
        return words[self.below(len(words))]


def _sentiment(draws: _Draws) -> Row:
    """Return a review of three clauses, each of which takes the label's side five times in six."""
    label = draws.below(2)
    clauses = []
    for _ in range(3):
        side = label if draws.below(6) else 1 - label
        words = _POSITIVE if side else _NEGATIVE
        clauses.append(f"the {draws.one(_NEUTRAL)} {draws.one(_THINGS)} is {draws.one(words)}")
    text = f"{clauses[0]} {draws.one(_LINKS)} {clauses[1]} {draws.one(_LINKS)} {clauses[2]} ."
    return {"text": text, "label": str(label)}


def _headlines(draws: _Draws) -> Row:
    """Return a four-sentence report and the headline that its first sentence carries."""
    person, act, place = draws.one(_PEOPLE), draws.one(_ACTS), draws.one(_PLACES)
    body = (
        f"on {draws.one(_TIMES)} the {person} {act} the {place} . "
        f"the {draws.one(_PEOPLE)} was {draws.one(_MOODS)} . "
        f"people near the {draws.one(_PLACES)} were {draws.one(_MOODS)} . "
        f"the {person} will return on {draws.one(_TIMES)} ."
    )
    return {"body": body, "headline": f"{person} {act} {place}"}


_GENERATORS: dict[str, Callable[[_Draws], Row]] = {"sentiment": _sentiment, "headlines": _headlines}


def rows(source: GeneratedSource) -> list[Row]:
    """Return the rows of a generated source.

    Raises:
        InputError: the generator is not known, or no rows were asked for.
    """
    make = _GENERATORS.get(source.name)
    if make is None:
        raise InputError(f"generated source: name = {source.name!r} is not known{suggest(source.name, _GENERATORS)}")
    if source.n_examples < 1:
        raise InputError(f"generated source {source.name!r}: n_examples = {source.n_examples} must be 1 or above")
    return [make(_Draws(f"{source.name}/{source.seed}/{i}")) for i in range(source.n_examples)]
