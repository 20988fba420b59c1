"""BLEU and chrF as sacreBLEU defines them over a corpus, and NLTK's smoothed sentence BLEU as a mean over rows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.config import Strict
from bench.metrics.base import MeanMetric, Metric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import References, check_texts

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

    tokenizer: Literal["13a", "intl", "char", "zh", "none"] = "13a"
    """sacreBLEU's name of the tokenizer."""
    lowercase: bool = False
    """Whether case is ignored."""


class Bleu(Metric):
    """Corpus BLEU, 4-grams, one reference or several, exponential smoothing of orders without a match."""

    Options: ClassVar = BleuOptions
    options: BleuOptions

    def signature(self) -> str:
        """Return for instance `sacrebleu|tok:13a|smooth:exp|case:mixed|v:2.6.0`."""
        case = "lc" if self.options.lowercase else "mixed"
        return signature_of(self.spec.name, tok=self.options.tokenizer, smooth="exp", case=case, v=version("sacrebleu"))

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 10): both lengths in tokens, 4 matched and 4 predicted n-gram counts."""
        from sacrebleu.metrics import BLEU

        predictions, references = check_texts(self.spec.name, predictions, references)
        library = BLEU(tokenize=self.options.tokenizer, lowercase=self.options.lowercase, force=True)
        # What sacreBLEU's own significance tests read; there is no public name for it.
        return np.array(library._extract_corpus_statistics(predictions, _streams(references)), dtype=np.float64)

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


class SentenceBleu(MeanMetric):
    """Mean over rows of NLTK's sentence BLEU: whitespace tokens, 4-grams, 0.1 added to counts of 0."""

    def signature(self) -> str:
        """Return for instance `sentence_bleu_method1|tok:whitespace|smooth:add-0.1|case:mixed|nltk:3.10.4`."""
        return signature_of(self.spec.name, tok="whitespace", smooth="add-0.1", case="mixed", nltk=version("nltk"))

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's BLEU, and 1; an empty row scores 0."""
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

        predictions, references = check_texts(self.spec.name, predictions, references)
        smooth = SmoothingFunction().method1
        return mean_statistics(
            [
                float(sentence_bleu([text.split() for text in texts], prediction.split(), smoothing_function=smooth))
                for prediction, texts in zip(predictions, references, strict=True)
            ]
        )


def _streams(references: Sequence[References]) -> list[list[str | None]]:
    """Return references as sacreBLEU takes them: the first of every row, then the second; none where there is none."""
    n_streams = max(len(texts) for texts in references)
    return [[texts[i] if i < len(texts) else None for texts in references] for i in range(n_streams)]
