"""Whose style a text has, by a judge: a classifier in a folder that tells authors apart.

Everything here hangs on the judge. A text can please it without being in anybody's style, and a writer that is tuned or
chosen by these scores learns the judge and not the author (Goodhart's law; Gao et al. 2022 measured it on reward
models). So the judge's own record on held-out human texts lies beside it, and its identity is in every signature.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.files import read_json
from bench.core.schema import validate
from bench.metrics.base import MetricSpec
from bench.metrics.inputs import check_styles
from bench.metrics.mean import mean_of, mean_statistics, signature_of
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

JUDGE_FILE = "judge.json"
_FILES = (JUDGE_FILE, "config.json", "model.safetensors", "tokenizer.json")
_BATCH_SIZE = 64
_WHERE_ONE_COMES_FROM = "`bench run` of a style suite writes a judge under `<run folder>/judge`"


# --- the judge -------------------------------------------------------------------------------------------------------


class JudgeFile(Strict):
    """`judge.json`: what a saved classifier does not say about itself."""

    schema_version: Literal[1] = 1
    pooling: Literal["architecture", "mean"]
    """As `model.pooling` of a suite."""
    precision: Literal["float32", "float16", "bfloat16"]
    """Arithmetic of the forward pass on a GPU; a CPU computes in float32."""
    summary: JudgeSummary

    @model_validator(mode="after")
    def _confusion_fits_the_labels(self) -> JudgeFile:
        n_labels = len(self.summary.labels)
        if n_labels < 2 or [len(row) for row in self.summary.confusion] != [n_labels] * n_labels:
            raise ValueError(f"summary.confusion must have a row and a column for each of {n_labels} labels, 2 or more")
        return self


@dataclass(slots=True, kw_only=True, eq=False)
class StyleJudge:
    """A classifier that tells authors apart; its weights are loaded when it first reads a text."""

    folder: Path
    """Where it lies."""
    file: JudgeFile
    """What its `judge.json` says."""
    tokenizer_sha256: str
    """Hash of its `tokenizer.json`."""
    _loaded: tuple[Any, Any] | None = field(default=None, init=False, repr=False)
    _rows: dict[str, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, folder: Path) -> StyleJudge:
        """Return the judge in a folder; the same object while its `judge.json` is not written again.

        Raises:
            InputError: a file is missing, or `judge.json` does not fit `JudgeFile`.
        """
        for name in _FILES:
            if not (folder / name).is_file():
                raise InputError(f"{folder}: is no judge, {name} is missing; {_WHERE_ONE_COMES_FROM}")
        return _load(folder.resolve(), (folder / JUDGE_FILE).stat().st_mtime_ns)

    @property
    def summary(self) -> JudgeSummary:
        """Return how far the judge can be trusted."""
        return self.file.summary

    @property
    def identity(self) -> str:
        """Return the hash of everything that made the judge."""
        return self.summary.identity

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the authors; the position is the author's number."""
        return self.summary.labels

    @property
    def max_length_tokens(self) -> int:
        """Return how much of a text is read, in the judge's own tokens with the special ones."""
        return self.summary.max_length_tokens

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return P(author | text) as (n_texts, n_labels); rows sum to 1.

        A text is read once, however often it is asked for; its company in a batch moves low-order bits only. An empty
        text is judged as it is.

        Raises:
            InputError: config, weights or tokenizer cannot be loaded or do not belong to this `judge.json`.
        """
        unread = dict.fromkeys(text for text in texts if text not in self._rows)
        order = sorted(unread, key=len, reverse=True)  # neighbours of about one length waste little padding
        for start in range(0, len(order), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            self._rows.update(zip(batch, self._read(batch), strict=True))
        return np.array([self._rows[text] for text in texts]).reshape(len(texts), len(self.labels))

    def _read(self, texts: list[str]) -> NDArray[np.float64]:
        """Return the probabilities (B, n_labels) of one batch."""
        import torch

        if self._loaded is None:
            self._loaded = _load_classifier(self)
        model, tokenizer = self._loaded
        encoded = tokenizer(
            texts, truncation=True, max_length=self.max_length_tokens, padding=True, return_tensors="pt"
        ).to(model.device)
        reduced = model.device.type == "cuda" and self.file.precision != "float32"
        arithmetic = (
            torch.autocast("cuda", dtype=getattr(torch, self.file.precision)) if reduced else contextlib.nullcontext()
        )
        with torch.inference_mode(), arithmetic:
            logits = model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits
        rows: NDArray[np.float64] = logits.double().softmax(dim=-1).cpu().numpy()  # (B, n_labels)
        return rows


@lru_cache(maxsize=1)
def _load(folder: Path, mtime_ns: int) -> StyleJudge:
    """Read `judge.json`; its time of change is there to tell a rewritten judge from the one that was kept."""
    place = folder / JUDGE_FILE
    values = read_json(place, mend=_WHERE_ONE_COMES_FROM)
    file = validate(JudgeFile, values, place=place, mend=_WHERE_ONE_COMES_FROM)
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    return StyleJudge(folder=folder, file=file, tokenizer_sha256=digest)


def _load_classifier(judge: StyleJudge) -> tuple[Any, Any]:
    """Return the judge's model, in evaluation mode on a GPU where there is one, and its tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    from bench.materials.heads import MeanPooledClassifier
    from bench.materials.quiet import quiet_transformers

    loader: Any = MeanPooledClassifier if judge.file.pooling == "mean" else AutoModelForSequenceClassification
    try:
        with quiet_transformers():
            # One side for every judge: absolute positions move where padding comes first.
            tokenizer = AutoTokenizer.from_pretrained(judge.folder, padding_side="right")
            model, report = loader.from_pretrained(
                judge.folder,
                config=AutoConfig.from_pretrained(judge.folder),
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:  # each library behind these files has errors of its own, some of them bare
        message = str(error).partition("\n")[0]
        raise InputError(f"{judge.folder}: cannot be loaded as a judge ({message}); {_WHERE_ONE_COMES_FROM}") from error
    # Weights that are missing would be drawn at random, and the judge would guess.
    missing = sorted(report["missing_keys"])
    if missing or model.config.num_labels != len(judge.labels):
        found = f"lack {missing[0]}" if missing else f"tell {model.config.num_labels} labels apart"
        raise InputError(
            f"{judge.folder}: the weights {found}, which is not the judge of {', '.join(judge.labels)} that "
            f"{JUDGE_FILE} describes; {_WHERE_ONE_COMES_FROM}"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer


# --- metrics ---------------------------------------------------------------------------------------------------------


class StyleOptions(Strict):
    """How the texts were made; nothing but the signature depends on it."""

    over_generation: float | None = Field(default=None, gt=0)
    """k: writer tokens generated for every judge token."""
    writer_tokens: int | None = Field(default=None, ge=1)
    """Length of a text in the writer's tokens, before the judge cut it."""


class _StyleMetric:
    """What the style metrics share: a judge, and a signature that names it."""

    Options: ClassVar = StyleOptions

    def __init__(
        self, spec: MetricSpec, options: StyleOptions, model_path: Path | None, model_identity: str | None
    ) -> None:
        if model_path is None:
            raise InputError(
                f"{spec.name} needs a judge: give its folder as the metric's model, or `--model FOLDER` on the command "
                f"line; {_WHERE_ONE_COMES_FROM}"
            )
        self.spec = spec
        self.options = options
        self._judge = StyleJudge.load(model_path)
        self._identity = model_identity or self._judge.identity
        self.read_summary(self._judge.summary, str(self._judge.folder))

    def read_summary(self, summary: JudgeSummary, place: str) -> None:
        """Take from a judge's summary all that `aggregate` reads, so that aggregating needs no judge.

        Args:
            summary: of the judge that the statistics were made with.
            place: where the judge is from, for messages.

        Raises:
            InputError: the judge is too poor to correct by; `style_judge_accuracy_corrected` only.
        """
        self._n_authors = len(summary.labels)

    def signature(self) -> str:
        """Return for instance `style_judge_accuracy|judge:…|tokenizer:…|length:128|k:4|writer:512|v:5.23.0`."""
        k, writer_tokens = self.options.over_generation, self.options.writer_tokens
        return signature_of(
            self.spec.name,
            judge=self._identity,
            tokenizer=self._judge.tokenizer_sha256[:16],
            length=self._judge.max_length_tokens,
            k="none" if k is None else f"{k:g}",
            writer="none" if writer_tokens is None else writer_tokens,
            v=version("transformers"),
        )

    def _judged(
        self, predictions: Sequence[Any], references: Sequence[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return P(author | text) as (n_texts, n_labels), and the author each text was meant for as (n_texts,)."""
        texts, meant = check_styles(self.spec.name, predictions, references, len(self._judge.labels))
        return self._judge.probabilities(texts), meant


class StyleJudgeAccuracy(_StyleMetric):
    """Share of texts judged to be by the author they were meant for; of equal authors the lower number is chosen."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 2): right or not, and 1; see `Metric.statistics`."""
        probabilities, meant = self._judged(predictions, references)
        return mean_statistics((probabilities.argmax(axis=1) == meant).astype(np.float64))

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share that is right; see `Metric.aggregate`."""
        return mean_of(totals)


class StyleJudgeAccuracyCorrected(_StyleMetric):
    """What the accuracy would be if the judge made no mistakes, for two authors.

    With e = P(judged own | own) and f = P(judged own | the other's), both from held-out human texts, an author whose
    texts are judged own in a share p wrote (p - f) / (e - f) of them in the right style, clipped to [0, 1] (Rogan and
    Gladen 1978, with e the sensitivity and 1 - f the specificity). The value is the mean over texts. It holds as far as
    the judge errs on generated texts as often as on human ones. e and f are taken as known: the interval leaves out
    that they were counted on finitely many texts, which Lang and Reiczigel 2014 (Preventive Veterinary Medicine 113,
    13-22) work out.
    """

    def read_summary(self, summary: JudgeSummary, place: str) -> None:
        """Take how often the judge is right of either author; see `_StyleMetric.read_summary`."""
        super().read_summary(summary, place)
        self._own, self._others = _judged_own(self.spec.name, summary, place)

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
        true = np.clip((observed - self._others) / (self._own - self._others), 0.0, 1.0)
        corrected: NDArray[np.float64] = (true * n_texts).sum(axis=-1) / n_texts.sum(axis=-1)
        return corrected


class StyleJudgeLoss(_StyleMetric):
    """Mean over texts of -log P(author meant | text); a probability below the least of float32 counts as that."""

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_texts, 2): negative log-probability in nats, and 1; see `Metric.statistics`."""
        probabilities, meant = self._judged(predictions, references)
        chosen = probabilities[np.arange(len(meant)), meant]
        return mean_statistics(-np.log(np.clip(chosen, np.finfo(np.float32).tiny, 1.0)))

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return nats per text; see `Metric.aggregate`."""
        return mean_of(totals)


class StyleProbability(_StyleMetric):
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
                f"{self.spec.name}: no text is meant for author {author} ({self._judge.labels[author]}); "
                "give some, or leave the metric out"
            )
        return np.stack([probabilities[:, author] * own, own], axis=1)

    def aggregate(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean; a resample without any text of the author knows nothing: 1 / number of authors."""
        summed, n_texts = totals[..., 0], totals[..., 1]
        unknown = np.full_like(summed, 1 / self._n_authors)
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
        raise InputError(f"{name}: {place} was tried on no held-out text of {author}; {_WHERE_ONE_COMES_FROM}")
    shares = confusion / n_chunks[:, None]  # [true author, judged author]
    own, others = shares.diagonal(), shares[::-1].diagonal()
    if (own <= others).any():
        raise InputError(
            f"{name}: the judge in {place} says {summary.labels[0]} of {own[0]:.3f} of that author's held-out "
            f"texts and of {others[0]:.3f} of the other's, no better than chance, so there is nothing to correct by; "
            "train a better judge"
        )
    return own, others
