"""METEOR from NLTK, mean over rows.

METEOR aligns words that are equal, then words with equal stems, then synonyms in WordNet. WordNet is data that NLTK
does not ship; nothing is downloaded here, so without it the last stage finds nothing and the signature says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.config import Strict
from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_texts
from bench.metrics.tokenizers import Tokenize, WordMetric, characters, unicode_words_and_punctuation, whitespace
from bench.metrics.versions import data_sha256, nltk_data

SPECS = {
    "meteor": MetricSpec(
        name="meteor",
        title="METEOR",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="texts",
        source="Banerjee and Lavie 2005; Lavie and Agarwal 2007; NLTK single_meteor_score (its defaults)",
    ),
}


class MeteorOptions(Strict):
    """Options of METEOR."""

    synonyms: Literal["auto", "wordnet", "none"] = "auto"
    """`wordnet` requires NLTK's WordNet data, `none` never uses them, `auto` uses them where they are installed."""
    tokenizer: Literal["auto", "wordpunct", "unicode", "characters", "whitespace"] = "auto"
    """`wordpunct` is NLTK's: runs of word characters or of punctuation. `unicode` finds the words of scripts that write
    no space between them or marks in them; `characters` and `whitespace` as for ROUGE. `auto` is `wordpunct`, or
    `unicode` where `wordpunct` would cut words wrongly at more than 1 in 200 letters of the references."""


def _wordpunct(text: str) -> list[str]:
    from nltk.tokenize import wordpunct_tokenize

    return list(wordpunct_tokenize(text.lower()))


_WORDS: dict[str, Tokenize] = {
    "wordpunct": _wordpunct,
    "unicode": unicode_words_and_punctuation,
    "characters": characters,
    "whitespace": whitespace,
}


class Meteor(WordMetric, MeanMetric):
    """METEOR on lowercased words and punctuation (no data needed)."""

    Options: ClassVar = MeteorOptions
    options: MeteorOptions
    standard: ClassVar = "wordpunct"

    def check(self) -> None:
        """Refuse to look for synonyms where WordNet is not installed."""
        spec, options = self.spec, self.options
        if options.synonyms == "wordnet" and not self._synonyms:
            raise InputError(
                f"{spec.name}: synonyms = 'wordnet' needs NLTK's WordNet data, and they are not installed; "
                "run `python -m nltk.downloader wordnet`, or set synonyms = 'none'"
            )

    @cached_property
    def _synonyms(self) -> bool:
        return self.options.synonyms != "none" and _wordnet() is not None

    def signature(self) -> str:
        """Return for instance `meteor|tok:wordpunct|case:lc|match:exact+stem|nltk:3.10.4`."""
        match = "exact+stem+wordnet" if self._synonyms else "exact+stem"
        return signature_of(
            self.spec.name,
            tok=self.tokenizer,
            case="lc",
            match=match,
            nltk=version("nltk"),
            **self.version_of_words(),
            **({"wordnet": data_sha256(_wordnet())} if self._synonyms else {}),
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's METEOR with its best reference, and 1; an empty side scores 0."""
        from nltk.corpus import wordnet
        from nltk.translate.meteor_score import single_meteor_score

        words = _WORDS[self.settled(predictions, references).tokenizer]
        predictions, references = check_texts(self.spec.name, predictions, references)
        reader = wordnet if self._synonyms else _NoSynonyms()
        return mean_statistics(
            [
                max(single_meteor_score(words(text), words(prediction), wordnet=reader) for text in texts)
                for prediction, texts in zip(predictions, references, strict=True)
            ]
        )


class _NoSynonyms:
    """Stands in for WordNet where its data are absent: no word has a synonym."""

    def synsets(self, _word: str) -> list[Any]:
        return []


def _wordnet() -> Path | None:
    return nltk_data("corpora/wordnet", "corpora/wordnet.zip")
