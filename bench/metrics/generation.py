"""Generated text scored without references: how near it is to a training text, what it copies, how varied it is.

Texts are cut into tokens anew by the tokenizer that is given, so a text made by any model can be scored. A sample that
has nothing of what a metric counts (tokens, n-grams, lines) adds nothing to it; where no sample has any, that is an
error. A bootstrap resample of such samples alone counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.base import Metric, MetricSpec, signature_of
from bench.metrics.corpus import Corpus, Tokenizer
from bench.metrics.inputs import check_generations
from bench.records.score import Note

_LI = "Li et al. 2016; distinct / all n-grams, here within each sample, mean over samples"

_ORDERS = {"copied_5grams": 5, "copied_8grams": 8, "distinct1": 1, "distinct2": 2, "distinct3": 3}

SPECS = {
    "common_token_ratio": MetricSpec(
        name="common_token_ratio",
        title="Common tokens",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="generations",
        source="share of the generated tokens that are among the most frequent of the training text; a count",
    ),
    "longest_overlap": MetricSpec(
        name="longest_overlap",
        title="Longest overlap",
        unit="tokens",
        low=0.0,
        high=float("inf"),
        higher_is_better=False,
        inputs="generations",
        source="Lee et al. 2022, section 4.1: verbatim matches by suffix array (Manber and Myers 1993)",
    ),
    **{
        name: MetricSpec(
            name=name,
            title=f"Copied {_ORDERS[name]}-grams",
            unit="fraction",
            low=0.0,
            high=1.0,
            higher_is_better=False,
            inputs="generations",
            source="McCoy et al. 2023 (RAVEN): 1 - novelty, the share of n-grams found in the training text",
        )
        for name in ("copied_5grams", "copied_8grams")
    },
    **{
        name: MetricSpec(
            name=name,
            title=f"Distinct-{_ORDERS[name]}",
            unit="fraction",
            low=0.0,
            high=1.0,
            higher_is_better=True,
            inputs="generations",
            source=_LI,
        )
        for name in ("distinct1", "distinct2", "distinct3")
    },
    "repetition": MetricSpec(
        name="repetition",
        title="Repetition",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=False,
        inputs="generations",
        source="Welleck et al. 2020, seq-rep-n; Su et al. 2022, rep-n as a fraction: 1 - distinct / all n-grams",
    ),
    "line_length": MetricSpec(
        name="line_length",
        title="Line length",
        unit="characters",
        low=0.0,
        high=float("inf"),
        higher_is_better=False,
        inputs="generations",
        source="characters (code points) of all lines / number of lines, empty ones left out; a count",
    ),
}


class CommonTokenOptions(Strict):
    """Options of the share of common tokens."""

    n_common: int = Field(default=100, ge=1)
    """How many of the corpus's most frequent tokens count as common; of equals the lower token id does."""


class RepetitionOptions(Strict):
    """Options of repetition."""

    n: int = Field(default=4, ge=1)
    """Tokens in a row that may repeat."""


class RatioMetric(Metric):
    """A metric that is a sum over a weight, and 0 where a resample of samples has no weight."""

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the first total over the second; see `Metric.aggregate`."""
        return _ratio(totals)


# --- against a training text -----------------------------------------------------------------------------------------


class _AgainstCorpus(RatioMetric):
    """What the metrics that read a training text share."""

    needs: ClassVar = frozenset({"tokenizer", "corpus"})

    @property
    def _corpus(self) -> Corpus:
        corpus: Corpus = self.resources.need(self.spec.name, "corpus")
        return corpus

    def signature(self) -> str:
        """Return for instance `copied_5grams|tokenizer:…|corpus:…|tokenizers:0.23.3`, options after the name."""
        return signature_of(
            self.spec.name,
            **self.options.model_dump(),
            tokenizer=self._corpus.tokenizer_identity,
            corpus=self._corpus.identity,
            tokenizers=version("tokenizers"),
            **self._corpus.tokenizer.version,
        )

    def _tokens(self, predictions: Sequence[Any]) -> list[list[int]]:
        return [self._corpus.encode(text) for text in check_generations(self.spec.name, predictions)]

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return how many tokens of the samples the tokenizer does not know."""
        return _unknown_tokens(self._corpus.tokenizer, predictions)


class CommonTokenRatio(_AgainstCorpus):
    """Share of the generated tokens that are common in the corpus, pooled: a long sample weighs more."""

    Options: ClassVar = CommonTokenOptions
    options: CommonTokenOptions

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): common tokens, and tokens; see `Metric.statistics`."""
        common = self._corpus.most_common(self.options.n_common)
        rows = [(sum(token in common for token in ids), len(ids)) for ids in self._tokens(predictions)]
        return _statistics(self.spec.name, rows, "a token")


class LongestOverlap(_AgainstCorpus):
    """Longest run of tokens that a sample shares with the corpus, mean over samples."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): the sample's longest run, and 1; 0 and 0 for an empty sample."""
        rows = [(int(self._corpus.match_lengths(ids).max()), 1) if ids else (0, 0) for ids in self._tokens(predictions)]
        return _statistics(self.spec.name, rows, "a token")


class CopiedNgrams(_AgainstCorpus):
    """Share of the n-grams of all samples that the corpus holds, pooled; n is in the metric's name."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): n-grams found, and n-grams; see `Metric.statistics`."""
        n = _ORDERS[self.spec.name]
        rows = [
            (int((self._corpus.match_lengths(ids) >= n).sum()), max(len(ids) - n + 1, 0))
            for ids in self._tokens(predictions)
        ]
        return _statistics(self.spec.name, rows, f"{n} tokens")


# --- variety ---------------------------------------------------------------------------------------------------------


class _WithinSamples(RatioMetric):
    """What the metrics on n-grams within a sample share."""

    needs: ClassVar = frozenset({"tokenizer"})

    @property
    def _tokenizer(self) -> Tokenizer:
        tokenizer: Tokenizer = self.resources.need(self.spec.name, "tokenizer")
        return tokenizer

    def signature(self) -> str:
        """Return for instance `distinct2|mean:sample|tokenizer:…|tokenizers:0.23.3`, options after the name."""
        return signature_of(
            self.spec.name,
            **self.options.model_dump(),
            mean="sample",
            tokenizer=self._tokenizer.identity,
            tokenizers=version("tokenizers"),
            **self._tokenizer.version,
        )

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return how many tokens of the samples the tokenizer does not know."""
        return _unknown_tokens(self._tokenizer, predictions)

    def _shares(self, predictions: Sequence[Any], n: int) -> NDArray[np.float64]:
        rows = []
        for text in check_generations(self.spec.name, predictions):
            ids = self._tokenizer.encode(text)
            ngrams = [tuple(ids[start : start + n]) for start in range(len(ids) - n + 1)]
            rows.append((len(set(ngrams)) / len(ngrams), 1) if ngrams else (0, 0))
        return _statistics(self.spec.name, rows, f"{n} tokens")


class DistinctNgrams(_WithinSamples):
    """Distinct n-grams over n-grams within a sample, mean over samples; n is in the metric's name.

    The value falls as samples grow longer, so compare samples of one length.
    """

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): distinct n-grams over n-grams, and 1; 0 and 0 for a sample shorter than n."""
        return self._shares(predictions, _ORDERS[self.spec.name])


class Repetition(_WithinSamples):
    """Share of the n-grams within a sample that occurred in it before, mean over samples."""

    Options: ClassVar = RepetitionOptions
    options: RepetitionOptions

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): 1 - distinct n-grams over n-grams, and 1; 0 and 0 for a sample shorter than n."""
        distinct = self._shares(predictions, self.options.n)
        return np.stack([distinct[:, 1] - distinct[:, 0], distinct[:, 1]], axis=1)


# --- form ------------------------------------------------------------------------------------------------------------


class LineLength(RatioMetric):
    """Characters per line, pooled over the lines that hold any; white space around a line is not counted."""

    def signature(self) -> str:
        r"""Return `line_length|mean:line|break:\n|empty:no`."""
        return signature_of(self.spec.name, mean="line", **{"break": r"\n"}, empty=False)

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_samples, 2): characters, and lines; see `Metric.statistics`."""
        samples = [
            [line.strip() for line in text.split("\n") if line.strip()]
            for text in check_generations(self.spec.name, predictions)
        ]
        rows = [(sum(len(line) for line in lines), len(lines)) for lines in samples]
        return _statistics(self.spec.name, rows, "a character")


def _unknown_tokens(tokenizer: Tokenizer, samples: Sequence[str]) -> list[Note]:
    """Return a note where samples hold tokens that are unknown, and so one and the same token to a metric."""
    ids = [tokenizer.encode(sample) for sample in samples]
    n, n_unknown = sum(map(len, ids)), sum(map(tokenizer.n_unknown, ids))
    text = f"{n_unknown:,} of {plural(n, 'token')} are unknown to the tokenizer, and count as one"
    return [Note(text=text, count=n_unknown, of=n)] if n_unknown else []


def _statistics(name: str, rows: Iterable[tuple[float, float]], least: str) -> NDArray[np.float64]:
    """Return rows of (sum, weight) as an array (n_samples, 2), once there is any weight."""
    statistics = np.array(list(rows), dtype=np.float64)
    if not statistics[:, 1].any():
        raise InputError(f"{name}: no sample has as much as {least}, so there is nothing to score; give longer samples")
    return statistics


def _ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums over weights, from totals (..., 2) to values (...); 0 without any weight."""
    summed, weights = totals[..., 0], totals[..., 1]
    ratios: NDArray[np.float64] = np.divide(summed, weights, out=np.zeros_like(summed), where=weights > 0)
    return ratios
