"""Words of texts in any script: tokenizers of the metrics that compare words, and what each of them cannot read.

The tokenizer of an English library drops what it does not know, or takes a Chinese sentence for one word, and says
nothing. Here every tokenizer has an account of what it cannot read, and `auto` takes the library's own where it reads
the references, else one that does.

`unicode` finds words at the word boundaries of Unicode (UAX 29, in the `regex` package). Scripts without spaces between
words (Chinese, Japanese, Thai, ...) are parted into characters there, as sacreBLEU's `zh` does. On ASCII texts the
words are those of the library.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar, Self

from bench.core.wording import plural
from bench.metrics.base import Metric
from bench.metrics.inputs import References, check_texts
from bench.records.score import Note

Tokenize = Callable[[str], list[str]]

UNREAD_SHARE = 1 / 200
"""How much of the references `auto` leaves to a library's tokenizer that cannot read it: an accent in English text."""

# What a text says: letters, their marks, digits and symbols such as emoji; the rest is punctuation and space.
_SIGN = r"\p{L}\p{M}\p{N}\p{So}\p{Emoji_Modifier}"
# Marks that are seen by nobody, such as joiners and the signs of writing direction.
_IGNORED = r"\p{Default_Ignorable_Code_Point}"


def _scripts(*names: str) -> str:
    return "".join(rf"\p{{Script={name}}}" for name in names)


_HAN = _scripts("Han")
_KANA = _scripts("Hiragana", "Katakana")
_SOUTH_EAST = _scripts("Thai", "Lao", "Khmer", "Myanmar", "Javanese", "Balinese", "Tai_Tham", "New_Tai_Lue")
# More letters in a row, in scripts without spaces between words, than texts hold that were parted into words before.
_UNPARTED = rf"[{_HAN}{_KANA}--\p{{Script=Katakana}}]{{5,}}|[{_SOUTH_EAST}]{{12,}}"

_UNREAD = {
    "default": f"[{_SIGN}--[a-z0-9]]",  # of lowercased texts
    "wordpunct": rf"\p{{M}}|{_UNPARTED}",
    **dict.fromkeys(("whitespace", "13a", "intl", "none"), _UNPARTED),
}
"""What a tokenizer cannot read; one that is not here reads every script."""
_FAULTS = {"default": "drops", "wordpunct": "cuts words wrongly at"}
_NO_SPACES = "finds no words in"


@cache
def _pattern(expression: str) -> Any:
    import regex

    return regex.compile(expression, flags=regex.VERSION1)


def canonical(text: str) -> str:
    """Return a text in one spelling: without case, each accented letter as one character (NFC).

    Equal texts are then equal strings, after definition D145 of the Unicode standard.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def unicode_words(text: str) -> list[str]:
    """Return the words of a text in any script; punctuation parts words and is no word.

    Of an ASCII text these are rouge-score's tokens before stemming.
    """
    return _words(text, f"[{_SIGN}{_IGNORED}]+")


def unicode_words_and_punctuation(text: str) -> list[str]:
    """Return words and runs of punctuation; of an ASCII text those of NLTK's `wordpunct_tokenize`, lowercased."""
    return _words(text, rf"[{_SIGN}{_IGNORED}\w]+|[^{_SIGN}{_IGNORED}\w\s]+")


def _words(text: str, runs: str) -> list[str]:
    words: list[str] = []
    for run in _pattern(runs).findall(canonical(text)):
        if run.isascii():
            words.append(run)
        else:
            parts = _pattern(r"(?w)\b").split(run)
            words += [word for part in parts if (word := _pattern(f"[{_IGNORED}]").sub("", part))]
    return words


def characters(text: str) -> list[str]:
    """Return the characters of a text as a reader counts them (grapheme clusters), without punctuation and space."""
    text = canonical(text)
    clusters = text if text.isascii() else _pattern(r"\X").findall(text)
    return [cluster for cluster in clusters if _pattern(f"[{_SIGN}]").search(cluster)]


def whitespace(text: str) -> list[str]:
    """Return what spaces part, without case: for texts that were parted into words before."""
    return canonical(text).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """How much of the references a tokenizer cannot read."""

    tokenizer: str
    n_unread: int
    """Letters, marks, digits and symbols that it cannot read."""
    n_signs: int
    """All of them."""
    n_lost: int
    """References of which it can read nothing."""
    first_lost: int | None
    """The row of the first of them."""

    @property
    def is_too_much(self) -> bool:
        """Return whether another tokenizer should read these texts."""
        return self.n_lost > 0 or self.n_unread > UNREAD_SHARE * self.n_signs

    def __str__(self) -> str:
        fault = _FAULTS.get(self.tokenizer, _NO_SPACES)
        return f"tokenizer {self.tokenizer!r} {fault} {self.n_unread:,} of {self.n_signs:,} letters of the references"


def unread(tokenizer: str, references: Sequence[References]) -> Unread:
    """Return how much of the references a tokenizer cannot read.

    Args:
        tokenizer: its name.
        references: the references of every row.
    """
    n_unread = n_signs = 0
    lost = []
    for row, texts in enumerate(references):
        for text in texts:
            bad, signs = _counts(tokenizer, text)
            n_unread, n_signs = n_unread + bad, n_signs + signs
            if bad and bad == signs:
                lost.append(row)
    first = lost[0] if lost else None
    return Unread(tokenizer=tokenizer, n_unread=n_unread, n_signs=n_signs, n_lost=len(lost), first_lost=first)


def _counts(tokenizer: str, text: str) -> tuple[int, int]:
    """Return how many letters, marks, digits and symbols of a text a tokenizer cannot read, and how many there are."""
    if text.isascii():
        return 0, sum(map(str.isalnum, text))
    text = text.lower()
    n_signs = len(_pattern(f"[{_SIGN}]").findall(text))
    return sum(map(len, _pattern(_UNREAD[tokenizer]).findall(text))) if tokenizer in _UNREAD else 0, n_signs


def has_letters(text: str) -> bool:
    """Return whether a text holds a letter, mark, digit or symbol."""
    return _pattern(f"[{_SIGN}]").search(text) is not None


def only_han(references: Sequence[References]) -> bool:
    """Return whether every letter of a script without spaces is Chinese: no kana, no Thai."""
    other = _pattern(f"[{_KANA}{_SOUTH_EAST}]")
    return not any(other.search(text) for texts in references for text in texts)


def spelling_notes(predictions: Sequence[str], references: Sequence[References]) -> list[Note]:
    """Return a note where the letters of the two sides are coded in two ways, for a metric that takes them as they are.

    An accented letter is one character in composed Unicode (NFC) and two in decomposed (NFD).
    """

    def is_composed(text: str) -> bool:
        return unicodedata.is_normalized("NFC", text)

    n = sum(
        any(not text.isascii() and is_composed(text) != is_composed(prediction) for text in texts)
        for prediction, texts in zip(predictions, references, strict=True)
        if not prediction.isascii()
    )
    of = len(predictions)
    text = (
        f"{n:,} of {plural(of, 'row')} have letters in composed Unicode on one side and decomposed on the other, which "
    )
    return [Note(text=f"{text}are not equal here; write both in NFC", count=n, of=of)] if n else []


def _single_letters(references: Sequence[References], n_signs: int) -> list[Note]:
    """Return a note where letters stand for words in scripts that write words of several letters without spaces."""
    letters = _pattern(f"[{_SOUTH_EAST}]")
    n = sum(len(letters.findall(text)) for texts in references for text in texts)
    text = f"{n:,} of {n_signs:,} letters of the references are compared one by one, so that unlike texts share some; "
    text += "part such texts into words and set tokenizer = 'whitespace'"
    return [Note(text=text, count=n, of=n_signs)] if n else []


class WordMetric(Metric):
    """A metric that compares words, with the option `tokenizer`."""

    standard: ClassVar[str]
    """Name of the library's own tokenizer."""
    canonical: ClassVar[tuple[str, ...]] = ("unicode", "characters", "whitespace")
    """Tokenizers to which both spellings of an accented letter are one."""
    replaced: Unread | None = None
    """What the standard tokenizer cannot read, where `auto` took another."""

    @property
    def tokenizer(self) -> str:
        """Return the name of the tokenizer; of `auto`, that of texts which the standard one reads."""
        name: str = self.options.tokenizer
        return self.standard if name == "auto" else name

    def tokenizer_for(self, references: Sequence[References]) -> str:
        """Return the name of a tokenizer that reads texts which the standard one does not."""
        return "unicode"

    def settled(self, predictions: Sequence[Any], references: Sequence[Any]) -> Self:
        """Return the metric with the tokenizer that `auto` means for these references; see `Metric.settled`."""
        if self.options.tokenizer != "auto":
            return self
        texts = check_texts(self.spec.name, predictions, references)[1]
        standard = unread(self.standard, texts)
        name = self.tokenizer_for(texts) if standard.is_too_much else self.standard
        metric = type(self)(self.spec, self.options.model_copy(update={"tokenizer": name}), self.resources)
        metric.replaced = standard if standard.is_too_much else None
        return metric

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return what the tokenizer cannot read of the references, or why `auto` took another than the standard."""
        metric = self.settled(predictions, references)
        texts = check_texts(self.spec.name, predictions, references)[1]
        found, notes = unread(metric.tokenizer, texts), []
        if metric.replaced is not None:
            why = metric.replaced
            text = f"tokenizer {metric.tokenizer!r} was taken, since {why}"
            notes.append(Note(text=text, count=why.n_unread, of=why.n_signs))
        if metric.tokenizer == "unicode":
            notes += _single_letters(texts, found.n_signs)
        if found.n_unread:
            text = f"{found}; tokenizer = {self.tokenizer_for(texts)!r} reads them"
            notes.append(Note(text=text, count=found.n_unread, of=found.n_signs))
        if metric.tokenizer not in self.canonical:
            notes += spelling_notes(predictions, texts)
        return notes

    def version_of_words(self) -> dict[str, str]:
        """Return the part of the signature that says what found the words of `unicode` and `characters`."""
        if self.tokenizer not in ("unicode", "characters"):
            return {}
        return {"regex": version("regex"), "ucd": unicodedata.unidata_version}
