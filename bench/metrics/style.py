"""Whose style a text has, by a judge: a classifier in a folder that tells authors apart.

Everything here hangs on the judge. A text can please it without being in anybody's style, and a writer that is tuned or
chosen by these scores learns the judge and not the author (Goodhart's law; Gao et al. 2022 measured it on reward
models). So the judge's own record on held-out human texts lies beside it, and its identity is in every signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_styles
from bench.metrics.judge import WHERE_JUDGES_COME_FROM, StyleJudge
from bench.metrics.versions import tokenizers_part
from bench.records.record import JudgeSummary

_ROGAN_GLADEN = "Rogan and Gladen 1978, Am. J. Epidemiology 107(1), 71-76, for each author; clipped to [0, 1]"

SPECS = {
    "style_judge_accuracy": MetricSpec(
        name="style_judge_accuracy",
        title="Judge accuracy",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="styles",
        source="share of texts judged to be by the author they were meant for; scikit-learn accuracy_score",
        counts_decisions=True,
    ),
    "style_judge_accuracy_corrected": MetricSpec(
        name="style_judge_accuracy_corrected",
        title="Judge accuracy, corrected",
        unit="fraction",
        low=0.0,
        high=1.0,
        higher_is_better=True,
        inputs="styles",
        source=_ROGAN_GLADEN,
    ),
    "style_judge_loss": MetricSpec(
        name="style_judge_loss",
        title="Judge loss",
        unit="nats per text",
        low=0.0,
        high=float("inf"),
        higher_is_better=False,
        inputs="styles",
        source="mean negative log-probability of the author meant; scikit-learn log_loss",
    ),
    **{
        f"style_probability_{author}": MetricSpec(
            name=f"style_probability_{author}",
            title=f"S, author {author}",
            unit="fraction",
            low=0.0,
            high=1.0,
            higher_is_better=True,
            inputs="styles",
            source=f"mean of P(author {author} | text) over the texts meant for that author",
        )
        for author in (0, 1)
    },
}


class StyleOptions(Strict):
    """How the texts were made; nothing but the signature depends on it."""

    over_generation: float | None = Field(default=None, gt=0)
    """k: writer tokens generated for every judge token."""
    writer_tokens: int | None = Field(default=None, ge=1)
    """Length of a text in the writer's tokens, before the judge cut it."""


class StyleMetric(MeanMetric):
    """What the style metrics share: a judge, and a signature that names it."""

    Options: ClassVar = StyleOptions
    options: StyleOptions
    needs: ClassVar = frozenset({"judge"})

    def check_stored(self) -> None:
        """Refuse a record without a summary of its judge."""
        self.judge_summary()

    def signature(self) -> str:
        """Return for instance `style_judge_accuracy|judge:…|tokenizer:…|length:128|k:4|writer:512|v:5.23.0`."""
        judge = self.judge
        k, writer_tokens = self.options.over_generation, self.options.writer_tokens
        return signature_of(
            self.spec.name,
            judge=judge.identity,
            tokenizer=judge.tokenizer_sha256[:16],
            length=judge.max_length_tokens,
            k="none" if k is None else f"{k:g}",
            writer="none" if writer_tokens is None else writer_tokens,
            v=version("transformers"),
            **tokenizers_part(),
        )

    @property
    def judge(self) -> StyleJudge:
        """Return the judge that was opened.

        Raises:
            InputError: none was.
        """
        judge: StyleJudge = self.resources.need(self.spec.name, "judge")
        return judge

    def judge_summary(self) -> tuple[JudgeSummary, str]:
        """Return how far the judge can be trusted, which is all that `aggregate` reads of it, and where it is from.

        Raises:
            InputError: neither a judge nor its summary is at hand.
        """
        if self.resources.judge is not None:
            return self.resources.judge.summary, str(self.resources.judge.folder)
        summary = self.resources.judge_summary
        if summary is None:
            raise InputError(f"{self.spec.name}: the record has no summary of its judge; run it again with --force")
        return summary, f"the judge {summary.identity}"

    def _judged(
        self, predictions: Sequence[Any], references: Sequence[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return P(author | text) as (n_texts, n_labels), and the author each text was meant for as (n_texts,)."""
        texts, meant = check_styles(self.spec.name, predictions, references, len(self.judge.labels))
        return self.judge.probabilities(texts), meant


class StyleJudgeAccuracy(StyleMetric):
    """Share of texts judged to be by the author they were meant for; of equal authors the lower number is chosen."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 2): right or not, and 1; see `Metric.statistics`."""
        probabilities, meant = self._judged(predictions, references)
        return mean_statistics((probabilities.argmax(axis=1) == meant).astype(np.float64))


class StyleJudgeAccuracyCorrected(StyleMetric):
    """What the accuracy would be if the judge made no mistakes, for two authors.

    With e = P(judged own | own) and f = P(judged own | the other's), both from held-out human texts, an author whose
    texts are judged own in a share p wrote (p - f) / (e - f) of them in the right style, clipped to [0, 1] (Rogan and
    Gladen 1978, with e the sensitivity and 1 - f the specificity). The value is the mean over texts. It holds as far as
    the judge errs on generated texts as often as on human ones. e and f are taken as known: the interval leaves out
    that they were counted on finitely many texts, which Lang and Reiczigel 2014 (Preventive Veterinary Medicine 113,
    13-22) work out.
    """

    def check(self) -> None:
        """Refuse a judge too poor to correct by."""
        self._shares()

    def _shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        summary, place = self.judge_summary()
        return _judged_own(self.spec.name, summary, place)

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 4): for author 0, then 1, whether the text was meant for it and right, and whether meant."""
        probabilities, meant = self._judged(predictions, references)
        right = probabilities.argmax(axis=1) == meant
        own = np.eye(2)[meant]  # (n_texts, 2)
        return np.stack([own * right[:, None], own], axis=2).reshape(len(meant), 4)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the corrected share, from the one author alone where there is no text for the other."""
        right, n_texts = totals[..., 0::2], totals[..., 1::2]  # (..., 2) each
        observed = np.divide(right, n_texts, out=np.zeros_like(right), where=n_texts > 0)
        own, others = self._shares()
        true = np.clip((observed - others) / (own - others), 0.0, 1.0)
        corrected: NDArray[np.float64] = (true * n_texts).sum(axis=-1) / n_texts.sum(axis=-1)
        return corrected


class StyleJudgeLoss(StyleMetric):
    """Mean over texts of -log P(author meant | text); a probability below the least of float32 counts as that."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 2): negative log-probability in nats, and 1; see `Metric.statistics`."""
        probabilities, meant = self._judged(predictions, references)
        chosen = probabilities[np.arange(len(meant)), meant]
        return mean_statistics(-np.log(np.clip(chosen, np.finfo(np.float32).tiny, 1.0)))


class StyleProbability(StyleMetric):
    """S: mean P(author | text) over the texts meant for one author, whose number ends the metric's name."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 2): the author's probability and 1, or 0 and 0 for a text meant for another.

        Raises:
            InputError: as `Metric.statistics`, or no text is meant for the author.
        """
        probabilities, meant = self._judged(predictions, references)
        author = int(self.spec.name[-1])
        own = (meant == author).astype(np.float64)
        if not own.any():
            raise InputError(
                f"{self.spec.name}: no text is meant for author {author} ({self.judge.labels[author]}); "
                "give some, or leave the metric out"
            )
        return np.stack([probabilities[:, author] * own, own], axis=1)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean; a resample without any text of the author knows nothing: 1 / number of authors."""
        summed, n_texts = totals[..., 0], totals[..., 1]
        unknown = np.full_like(summed, 1 / len(self.judge_summary()[0].labels))
        means: NDArray[np.float64] = np.divide(summed, n_texts, out=unknown, where=n_texts > 0)
        return means


def _judged_own(name: str, summary: JudgeSummary, place: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for both authors, how often human texts of their own and of the other's are judged to be theirs."""
    if len(summary.labels) != 2:
        raise InputError(
            f"{name}: corrects a judge of two authors, and {place} tells {len(summary.labels)} apart; "
            "use style_judge_accuracy"
        )
    confusion = np.array(summary.confusion, dtype=np.float64)
    n_chunks = confusion.sum(axis=1)
    if not n_chunks.all():
        author = summary.labels[int(n_chunks.argmin())]
        raise InputError(f"{name}: {place} was tried on no held-out text of {author}; {WHERE_JUDGES_COME_FROM}")
    shares = confusion / n_chunks[:, None]  # [true author, judged author]
    own, others = shares.diagonal(), shares[::-1].diagonal()
    if (own <= others).any():
        raise InputError(
            f"{name}: the judge in {place} says {summary.labels[0]} of {own[0]:.3f} of that author's held-out "
            f"texts and of {others[0]:.3f} of the other's, no better than chance, so there is nothing to correct by; "
            "train a better judge"
        )
    return own, others
