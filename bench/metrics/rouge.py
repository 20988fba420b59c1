"""ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum: F-measures in points, mean over rows, from the rouge-score library.

ROUGE-L reads a text as one sequence; ROUGE-Lsum splits it into sentences at newlines and unites their longest common
subsequences. On texts without newlines the two are equal.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.config import Strict
from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_texts


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


class RougeOptions(Strict):
    """Options of ROUGE-1, ROUGE-2 and ROUGE-L."""

    stemmer: bool = True
    """Porter-stem words longer than 3 letters before matching."""


class RougeLsumOptions(RougeOptions):
    """Options of ROUGE-Lsum."""

    split_sentences: bool = False
    """Split with NLTK's Punkt model, not at newlines; its data must be installed."""


@functools.cache
def _tokenizer(stemmer: bool) -> Any:
    """Return rouge-score's tokenizer with a memory: most words of a corpus recur, and stemming is most of the time.

    Tokens are those of `DefaultTokenizer` (ASCII letters and digits, lowercased); a test holds them equal.
    """
    from nltk.stem.porter import PorterStemmer
    from rouge_score import tokenize, tokenizers

    class Stemmer:
        stem = staticmethod(functools.lru_cache(maxsize=1 << 16)(PorterStemmer().stem))

    class Tokenizer(tokenizers.Tokenizer):  # type: ignore[misc]
        def tokenize(self, text: str) -> list[str]:
            tokens: list[str] = tokenize.tokenize(text, Stemmer if stemmer else None)
            return tokens

    return Tokenizer()


class Rouge(MeanMetric):
    """One of ROUGE-1, ROUGE-2 and ROUGE-L, by `spec.name`."""

    Options: ClassVar[type[RougeOptions]] = RougeOptions
    options: RougeOptions

    def signature(self) -> str:
        """Return for instance `rouge1|score:f|tok:default|stem:porter|split:none|v:0.1.2`."""
        stem = "porter" if self.options.stemmer else "none"
        return signature_of(
            self.spec.name, score="f", tok="default", stem=stem, split=self._split(), v=version("rouge-score")
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's F-measure in points, and 1; an empty side scores 0.

        Of several references the best counts, by F-measure.

        Raises:
            InputError: see `Metric.statistics`; or `split_sentences` is on and NLTK's Punkt data are not installed.
        """
        from rouge_score.rouge_scorer import RougeScorer

        predictions, references = check_texts(self.spec.name, predictions, references)
        name = self.spec.name
        scorer = RougeScorer(
            [name], split_summaries=self._split() == "punkt", tokenizer=_tokenizer(self.options.stemmer)
        )
        try:
            pairs = zip(references, predictions, strict=True)
            return mean_statistics([100.0 * scorer.score_multi(*pair)[name].fmeasure for pair in pairs])
        except LookupError:
            raise InputError(
                f"{name}: split_sentences = true needs NLTK's Punkt data, and they are not installed; run "
                "`python -m nltk.downloader punkt_tab`, or put newlines between sentences and set it to false"
            ) from None

    def _split(self) -> str:
        return "none"


class RougeLsum(Rouge):
    """ROUGE-Lsum."""

    Options: ClassVar[type[RougeOptions]] = RougeLsumOptions

    def _split(self) -> str:
        return "punkt" if isinstance(self.options, RougeLsumOptions) and self.options.split_sentences else "newline"
