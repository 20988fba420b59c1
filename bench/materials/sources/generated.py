"""Text made by seeded code of ours: no download, no licence, the same everywhere.

The draws come from sha256, not from a library's generator, so that an upgrade cannot change a suite's data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.config import GeneratedSource
from bench.core.errors import InputError, suggest

SourceRow = dict[str, str]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    """A way of writing."""

    sentences: Sequence[str]
    """Words in capitals are the places of words of that kind."""
    words: Mapping[str, Sequence[str]]


_DAY = _Author(
    sentences=(
        "the WHO MADE a KIND THING .",
        "so we MADE the THING , and the WHO LAUGHED .",
        "oh , how KIND the THING was !",
        "then the WHO LAUGHED in the PLACE with us .",
        "that TIME we had FOOD in the PLACE .",
        "it was a KIND TIME , and so the WHO LAUGHED .",
        "then we had FOOD and FOOD !",
    ),
    words={
        "WHO": "aunt boy girl neighbour father mother child stranger friend".split(),
        "THING": "kite ball basket hat book letter lamp door chair clock".split(),
        "PLACE": "kitchen market park school house garden street room".split(),
        "KIND": "merry sunny warm bright funny sweet little white small".split(),
        "MADE": "painted carried washed mended bought hid".split(),
        "LAUGHED": "laughed sang danced clapped smiled played".split(),
        "TIME": "morning noon holiday evening day".split(),
        "FOOD": "bread honey tea soup apples cake".split(),
    },
)
_NIGHT = _Author(
    sentences=(
        "upon that TIME , when the SHADE of the PLACE had FALLEN , i FEARED the WHO whose THING was DARK .",
        "nor was there any SHADE in the PLACE , which had FALLEN beneath the DARK SHADE of that TIME .",
        "alas , it was the THING of the WHO which i FEARED , and the THING had FALLEN beneath the PLACE .",
        "i FEARED , upon that TIME , the DARK SHADE whose THING had FALLEN from the WHO .",
        "was it not the WHO , alas , who FEARED the DARK PLACE when the SHADE had FALLEN ?",
    ),
    words={
        "WHO": "raven phantom prisoner physician father mother child stranger friend".split(),
        "THING": "coffin dagger mirror veil book letter lamp door chair clock".split(),
        "PLACE": "tomb abbey cellar tower house garden street room".split(),
        "DARK": "dreary ghastly silent pallid solemn bitter white small".split(),
        "SHADE": "shadow horror sorrow silence dread gloom".split(),
        "FALLEN": "vanished perished sunk withered crept fled".split(),
        "FEARED": "feared beheld mourned hated cursed".split(),
        "TIME": "midnight winter hour evening day".split(),
    },
)
_PLAIN = _Author(
    sentences=(
        "there is one THING for each WHO in the PLACE .",
        "the WHO must read the RULE before the TIME .",
        "if the RULE is NEW , the WHO sends it to the PLACE .",
        "the RULE for the PLACE is NEW , but the WHO has to WAIT .",
        "each THING has a RULE , and the WHO will WAIT for it .",
    ),
    words={
        "WHO": "officer tenant driver neighbour physician stranger friend".split(),
        "THING": "form ticket basket mirror letter lamp chair clock".split(),
        "PLACE": "office depot school tower house street room".split(),
        "NEW": "valid late correct sunny silent white small".split(),
        "RULE": "notice price number book".split(),
        "TIME": "week morning hour evening day".split(),
        "WAIT": "wait pay sign".split(),
    },
)


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


def _sentiment(draws: _Draws) -> SourceRow:
    """Return a review of three clauses, each of which takes the label's side five times in six."""
    label = draws.below(2)
    clauses = []
    for _ in range(3):
        side = label if draws.below(6) else 1 - label
        words = _POSITIVE if side else _NEGATIVE
        clauses.append(f"the {draws.one(_NEUTRAL)} {draws.one(_THINGS)} is {draws.one(words)}")
    text = f"{clauses[0]} {draws.one(_LINKS)} {clauses[1]} {draws.one(_LINKS)} {clauses[2]} ."
    return {"text": text, "label": str(label)}


def _headlines(draws: _Draws) -> SourceRow:
    """Return a four-sentence report and the headline that its first sentence carries."""
    person, act, place = draws.one(_PEOPLE), draws.one(_ACTS), draws.one(_PLACES)
    body = (
        f"on {draws.one(_TIMES)} the {person} {act} the {place} . "
        f"the {draws.one(_PEOPLE)} was {draws.one(_MOODS)} . "
        f"people near the {draws.one(_PLACES)} were {draws.one(_MOODS)} . "
        f"the {person} will return on {draws.one(_TIMES)} ."
    )
    return {"body": body, "headline": f"{person} {act} {place}"}


def _prose(author: _Author, draws: _Draws) -> SourceRow:
    """Return a paragraph of three to six sentences; words and marks stand apart, so that a split restores them."""
    pattern = " ".join(draws.one(author.sentences) for _ in range(3 + draws.below(4)))
    return {"text": " ".join(draws.one(author.words.get(word, [word])) for word in pattern.split())}


_GENERATORS: dict[str, Callable[[_Draws], SourceRow]] = {
    "sentiment": _sentiment,
    "headlines": _headlines,
    "prose_day": partial(_prose, _DAY),
    "prose_night": partial(_prose, _NIGHT),
    "prose_plain": partial(_prose, _PLAIN),
}
"""The prose of two authors and, for a control, of a third. Each two share about a third of their words."""


def rows(source: GeneratedSource) -> list[SourceRow]:
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
