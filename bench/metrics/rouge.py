"""ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum: mean over rows in points, from the rouge-score library.

ROUGE-L reads a text as one sequence; ROUGE-Lsum splits it into sentences at newlines and unites their longest common
subsequences. On texts without newlines the two are equal.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from operator import attrgetter
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_texts
from bench.metrics.lcs import Columns, lcs_indices, lcs_length
from bench.metrics.tokenizers import (
    Tokenize,
    WordMetric,
    characters,
    has_letters,
    unicode_words,
    unread,
    whitespace,
)
from bench.metrics.versions import data_sha256, nltk_data, stemmer_part
from bench.records.score import Note


def _spec(name: str, title: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="points",
        low=0.0,
        high=100.0,
        higher_is_better=True,
        inputs="texts",
        source=f"Lin 2004; rouge-score RougeScorer(['{name}']) F-measure x 100",
    )


SPECS = {
    "rouge1": _spec("rouge1", "ROUGE-1"),
    "rouge2": _spec("rouge2", "ROUGE-2"),
    "rougeL": _spec("rougeL", "ROUGE-L"),
    "rougeLsum": _spec("rougeLsum", "ROUGE-Lsum"),
}


class Overlap(NamedTuple):
    """What a prediction shares with a reference; shares are in [0, 1] and rounded as rouge-score rounds them."""

    n_shared: int
    """Tokens, n-grams, or tokens of the longest common subsequence."""
    n_actual: int
    """In the reference."""
    n_predicted: int
    """In the prediction."""

    @property
    def precision(self) -> float:
        """Return the shared part of the prediction; 0 where it is empty."""
        return self.n_shared / max(self.n_predicted, 1)

    @property
    def recall(self) -> float:
        """Return the shared part of the reference; 0 where it is empty."""
        return self.n_shared / max(self.n_actual, 1)

    @property
    def f1(self) -> float:
        """Return their harmonic mean."""
        from rouge_score import scoring

        return float(scoring.fmeasure(self.precision, self.recall))


_f1 = attrgetter("f1")


class RougeOptions(Strict):
    """Options of ROUGE-1, ROUGE-2 and ROUGE-L."""

    stemmer: bool = True
    """Porter-stem words longer than 3 letters before matching; words with other letters than a to z stay."""
    tokenizer: Literal["auto", "default", "unicode", "characters", "whitespace"] = "auto"
    """`default` is rouge-score's (a to z and digits; all else is dropped), `unicode` reads words of every script,
    `characters` compares single characters, `whitespace` reads texts that were parted into words before. `auto` is
    `default`, or `unicode` where `default` would drop a whole reference or more than 1 in 200 letters of them."""
    value: Literal["f1", "precision", "recall"] = "f1"
    """Which of the three is the value; of several references, that with the best F-measure counts."""
    wordless_references: Literal["refuse", "allow"] = "refuse"
    """Whether references are scored, with 0, of whose letters the tokenizer keeps none."""


class RougeLsumOptions(RougeOptions):
    """Options of ROUGE-Lsum."""

    split_sentences: bool = False
    """Split with NLTK's Punkt model, not at newlines; its data must be installed."""


_WORDS: dict[str, Tokenize] = {"unicode": unicode_words, "characters": characters, "whitespace": whitespace}


@functools.cache
def _stem() -> Callable[[str], str]:
    """Return Porter's stemmer with a memory: most words of a corpus recur, and stemming is most of the time."""
    from nltk.stem.porter import PorterStemmer

    return functools.lru_cache(maxsize=1 << 16)(PorterStemmer().stem)


@functools.cache
def _tokenizer(name: str, stemmer: bool) -> Tokenize:
    """Return what cuts texts into tokens.

    Those of `default` are rouge-score's (ASCII letters and digits, lowercased); a test holds them equal.
    """
    from rouge_score import tokenize

    stem = _stem()
    if name == "default":

        class Stemmer:
            stem = staticmethod(_stem())

        return lambda text: list(tokenize.tokenize(text, Stemmer if stemmer else None))
    words = _WORDS[name]
    if not stemmer:
        return words
    return lambda text: [stem(word) if len(word) > 3 and word.isascii() else word for word in words(text)]


class Rouge(WordMetric, MeanMetric):
    """One of ROUGE-1, ROUGE-2 and ROUGE-L, by `spec.name`."""

    Options: ClassVar[type[RougeOptions]] = RougeOptions
    options: RougeOptions
    standard: ClassVar = "default"

    def signature(self) -> str:
        """Return for instance `rouge1|score:f|tok:default|stem:porter|split:none|v:0.1.2`.

        Other tokenizers name the package that finds words, and stemming the package that stems.
        """
        return signature_of(
            self.spec.name,
            score="f" if self.options.value == "f1" else self.options.value,
            tok=self.tokenizer,
            stem="porter" if self.options.stemmer else "none",
            split=self._split(),
            v=version("rouge-score"),
            **self.version_of_words(),
            **(stemmer_part() if self.options.stemmer else {}),
            **self._splitter(),
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's F-measure, precision or recall in points, and 1; an empty side scores 0.

        Of several references the best counts, by F-measure.

        Raises:
            InputError: see `Metric.statistics`; the tokenizer keeps nothing of a reference; or `split_sentences` is on
                and NLTK's Punkt data are not installed.
        """
        if self.options.tokenizer == "auto":
            return self.settled(predictions, references).statistics(predictions, references)
        predictions, references = check_texts(self.spec.name, predictions, references)
        self.check_references(references)
        part = self.options.value
        try:
            return mean_statistics(
                [
                    100.0 * getattr(max((self._overlap(text, prediction) for text in texts), key=_f1), part)
                    for prediction, texts in zip(predictions, references, strict=True)
                ]
            )
        except LookupError:
            raise InputError(
                f"{self.spec.name}: split_sentences = true needs NLTK's Punkt data, and they are not installed; run "
                "`python -m nltk.downloader punkt_tab`, or put newlines between sentences and set it to false"
            ) from None

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return those of the tokenizer, and how many rows have nothing to match, as they score 0 whatever is said."""
        notes = list(super().notes(predictions, references))
        texts = check_texts(self.spec.name, predictions, references)[1]
        n_bare, n = sum(not any(map(has_letters, row)) for row in texts), len(texts)
        if n_bare:
            text = f"{n_bare:,} of {plural(n, 'row')} have references without a letter or digit, and score 0"
            notes.append(Note(text=text, count=n_bare, of=n))
        return notes

    def _tokens(self, text: str) -> list[str]:
        return _tokenizer(self.tokenizer, self.options.stemmer)(text)

    def _overlap(self, reference: str, prediction: str) -> Overlap:
        """Return what one prediction and one reference share."""
        actual, predicted = self._tokens(reference), self._tokens(prediction)
        if self.spec.name == "rougeL":
            return Overlap(lcs_length(actual, predicted), len(actual), len(predicted))
        n = int(self.spec.name.removeprefix("rouge"))
        ours, theirs = _ngrams(actual, n), _ngrams(predicted, n)
        return Overlap((ours & theirs).total(), ours.total(), theirs.total())

    def check_references(self, references: Sequence[Any]) -> None:
        """Refuse references of which the tokenizer keeps nothing: whatever is predicted, they would score 0."""
        if self.options.tokenizer == "auto" or self.options.wordless_references == "allow":
            return
        lost = unread(self.tokenizer, check_texts(self.spec.name, [""] * len(references), references)[1])
        if lost.first_lost is None:
            return
        more = f", and none of {lost.n_lost - 1:,} more" if lost.n_lost > 1 else ""
        raise InputError(
            f"{self.spec.name}: tokenizer {self.tokenizer!r} keeps no letter of references[{lost.first_lost}]{more}, "
            "so whatever is predicted scores 0; set tokenizer = 'unicode', or wordless_references = 'allow'"
        )

    def _split(self) -> str:
        return "none"

    def _splitter(self) -> dict[str, str]:
        """Return the part of the signature that says what splits sentences."""
        return {}


class RougeLsum(Rouge):
    """ROUGE-Lsum."""

    Options: ClassVar[type[RougeOptions]] = RougeLsumOptions

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return those of the tokenizer, and where no text has a newline, that this is ROUGE-L."""
        notes = list(super().notes(predictions, references))
        predictions, references = check_texts(self.spec.name, predictions, references)
        if self._split() == "newline" and not any(
            "\n" in text.strip("\n") for texts in ((*predictions,), *references) for text in texts
        ):
            n = len(predictions)
            notes.append(Note(text="no text has a newline, so that it equals rougeL", count=n, of=n))
        return notes

    def _split(self) -> str:
        return "punkt" if isinstance(self.options, RougeLsumOptions) and self.options.split_sentences else "newline"

    def _overlap(self, reference: str, prediction: str) -> Overlap:
        actual, predicted = ([self._tokens(line) for line in self._lines(text)] for text in (reference, prediction))
        return union_overlap(actual, predicted)

    def _splitter(self) -> dict[str, str]:
        if self._split() == "newline":
            return {}
        return {"punkt": data_sha256(nltk_data("tokenizers/punkt_tab/english")), "nltk": version("nltk")}

    def _lines(self, text: str) -> list[str]:
        if self._split() == "newline":
            return [line for line in text.split("\n") if line]
        import nltk

        return [line for line in nltk.sent_tokenize(text) if line]


def _ngrams(tokens: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def union_overlap(actual: list[list[str]], predicted: list[list[str]]) -> Overlap:
    """Return what two texts share for ROUGE-Lsum, each a list of sentences of tokens, as rouge-score has it.

    A sentence of the reference is matched with the union of its longest common subsequences with all predicted
    sentences; no token counts more often than it occurs on either side (as in ROUGE 1.5.5).

    Source:
        Lin 2004, section 3.2; rouge-score's `_summary_level_lcs`.
    """
    left = Counter(token for sentence in predicted for token in sentence)
    columns = [Columns(sentence) for sentence in predicted]
    n_shared = 0
    for sentence in actual:
        united = {i for column in columns if column.shares_a_token(sentence) for i in lcs_indices(sentence, column)}
        for i in sorted(united):
            if left[sentence[i]] > 0:
                left[sentence[i]] -= 1
                n_shared += 1
    return Overlap(n_shared, sum(map(len, actual)), sum(map(len, predicted)))
