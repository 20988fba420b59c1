"""BERTScore from the bert-score library, with a model in a local folder: no inverse document frequencies, no rescaling.

Its value moves with the model, the layer and the transformers version, so all three are in the signature.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import References, check_texts
from bench.metrics.resources import ModelFolder
from bench.metrics.scorer_model import ScorerModel, frame, is_decoder, layer_of, refuse_missing_weights
from bench.metrics.versions import tokenizers_part
from bench.records.score import Note

SPECS = {
    "bertscore": MetricSpec(
        name="bertscore",
        title="BERTScore",
        unit="fraction",
        low=-1.0,
        high=1.0,
        higher_is_better=True,
        inputs="texts",
        source="Zhang et al. 2020; bert-score BERTScorer (idf off, no baseline rescaling), to 1e-5",
    ),
}

# What decides a model's output; a changed README must not change its identity.
MODEL_FILES = ("*.json", "*.safetensors", "*.bin", "*.txt", "*.model", "*.bpe", "*.codes", "*.vocab", "*.tiktoken")


class BertScoreOptions(Strict):
    """Options of BERTScore."""

    layer: int | None = Field(default=None, ge=1)
    """Which layer's vectors are compared, counted from 1. Must be given: the best layer differs by model."""
    score: Literal["f1", "precision", "recall"] = "f1"
    """Which of the three is the value."""
    batch_size: int = Field(default=64, ge=1)
    """Texts per forward pass; moves low-order bits only."""
    max_cut_share: float = Field(default=1.0, ge=0, le=1)
    """How many of the predictions, or of the references, may be longer than the model reads; more are refused."""
    max_unknown_share: float = Field(default=0.5, ge=0, le=1)
    """How many of their tokens the model may not know; more are refused."""
    max_alike_share: float = Field(default=0.01, ge=0, le=1)
    """How many rows may differ only in what was cut or is unknown, and so score 1; more are refused."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` is a GPU where there is one; moves low-order bits only."""


class BertScore(MeanMetric):
    """Greedy matching of contextual token vectors by cosine; the mean over rows."""

    Options: ClassVar = BertScoreOptions
    options: BertScoreOptions
    needs: ClassVar = frozenset({"model"})

    def check(self) -> None:
        """Refuse a folder without a model, and a layer that the model lacks."""
        _check_model(self.spec.name, self.options.layer, self._model.path)

    @property
    def _model(self) -> ModelFolder:
        model: ModelFolder = self.resources.need(self.spec.name, "model")
        return model

    def signature(self) -> str:
        """Return for instance `bertscore|score:f1|model:…|layer:5|idf:no|rescale:no|transformers:5.23.0|v:0.3.13`."""
        return signature_of(
            self.spec.name,
            score=self.options.score,
            model=self._model.identity or folder_identity(self._model.path.resolve()),
            layer=int(self.options.layer or 0),
            idf=False,
            rescale=False,
            **self._context(),
            transformers=version("transformers"),
            v=version("bert-score"),
            **tokenizers_part(),
        )

    def _context(self) -> dict[str, str]:
        """Return the part of the signature that says that tokens are read without those after them."""
        return {"context": "left"} if is_decoder(self._model.path.resolve()) else {}

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's score, and 1.

        Of several references the one with the best of the wanted score counts, as bert-score has it. A row with a blank
        side scores 0, as bert-score defines it; it is not handed to the library, whose own path for
        blank texts fails under transformers 5.

        Raises:
            InputError: see `Metric.statistics`, or the model reads too little of the texts; see the options.
        """
        predictions, references = check_texts(self.spec.name, predictions, references)
        rows = _filled_rows(predictions, references)
        self._refuse(self._counts(rows), len(predictions))
        values = np.zeros(len(predictions))
        if rows:
            several = any(len(row.references) > 1 for row in rows)
            scores = self._scorer.score(
                [_StableText(row.prediction) for row in rows],
                [
                    [_StableText(text) for text in row.references] if several else _StableText(row.references[0])
                    for row in rows
                ],
                batch_size=self.options.batch_size,
            )
            part = ("precision", "recall", "f1").index(self.options.score)
            values[[row.number for row in rows]] = scores[part].numpy()
        return mean_statistics(values)

    def notes(self, predictions: Sequence[Any], references: Sequence[Any]) -> Sequence[Note]:
        """Return how many texts were read in part, how many tokens are unknown, and how many rows are alike for it."""
        predictions, references = check_texts(self.spec.name, predictions, references)
        counts = self._counts(_filled_rows(predictions, references))
        noted = (
            (sum(counts.n_cut), sum(counts.n_texts), "text", f"are longer than {self._reach} and were cut"),
            (sum(counts.n_unknown), sum(counts.n_tokens), "token", "are unknown to the model, and all the same to it"),
            (counts.n_alike, len(predictions), "row", "differ only in what was cut or is unknown, and score 1"),
        )
        return [Note(text=f"{n:,} of {plural(of, noun)} {what}", count=n, of=of) for n, of, noun, what in noted if n]

    @property
    def _reach(self) -> str:
        return f"the {self._reader.limit:,} tokens that the model reads"

    def _counts(self, rows: Sequence[_Row]) -> _Counts:
        """Return what the model does not read of the texts."""
        readings = {text: self._reader.read(text) for row in rows for text in (row.prediction, *row.references)}
        sides = [[row.prediction for row in rows], [text for row in rows for text in row.references]]
        read = [[readings[text] for text in side] for side in sides]
        n_alike = sum(
            any(
                text.strip() != row.prediction.strip()
                and readings[text].ids == readings[row.prediction].ids
                and (readings[text].is_partly_read or readings[row.prediction].is_partly_read)
                for text in row.references
            )
            for row in rows
        )
        return _Counts(
            n_texts=_pair(map(len, read)),
            n_cut=_pair(sum(reading.is_cut for reading in side) for side in read),
            n_tokens=_pair(sum(reading.n_tokens for reading in side) for side in read),
            n_unknown=_pair(sum(reading.n_unknown for reading in side) for side in read),
            n_alike=n_alike,
        )

    def _refuse(self, counts: _Counts, n_rows: int) -> None:
        """Refuse texts of which the model reads too little for their score to say anything."""
        options = self.options
        for side, n, n_cut in zip(("predictions", "references"), counts.n_texts, counts.n_cut, strict=True):
            if n_cut > options.max_cut_share * n:
                raise self._unread(
                    f"{n_cut:,} of {n:,} {side} are longer than {self._reach}", "max_cut_share", "shorten the texts"
                )
        for side, n, n_unknown in zip(("predictions", "references"), counts.n_tokens, counts.n_unknown, strict=True):
            if n_unknown > options.max_unknown_share * n:
                raise self._unread(
                    f"the model does not know {n_unknown:,} of {n:,} tokens of the {side}, all the same to it",
                    "max_unknown_share",
                    "take a model of the texts' language",
                )
        if counts.n_alike > options.max_alike_share * n_rows:
            raise self._unread(
                f"{counts.n_alike:,} of {n_rows:,} rows differ only beyond {self._reach} or in tokens that it does not "
                "know, and would score 1",
                "max_alike_share",
                "take a model that reads them",
            )

    def _unread(self, fault: str, option: str, mend: str) -> InputError:
        share = getattr(self.options, option)
        return InputError(
            f"{self.spec.name}: {fault}; {option} = {share:g} allows fewer; {mend}, or raise it (at most 1)"
        )

    @cached_property
    def _reader(self) -> ScorerModel:
        return ScorerModel(self._scorer._model, self._scorer._tokenizer)

    @cached_property
    def _scorer(self) -> Any:
        """Return bert-score's scorer; the model is loaded on first use, and kept."""
        folder = self._model.path
        try:
            return self._load(folder.resolve())
        except InputError as error:
            raise InputError(f"{self.spec.name}: {folder}: {error}") from None
        except Exception as error:  # each library behind these files has errors of its own, some of them bare
            message = str(error).partition("\n")[0]
            raise InputError(
                f"{self.spec.name}: bert-score cannot run the model in {folder} ({message}); give the folder of "
                "a saved encoder with its tokenizer"
            ) from error

    def _load(self, folder: Path) -> Any:
        from bert_score import BERTScorer

        refuse_missing_weights(folder)
        layer, decoder = int(self.options.layer or 0), is_decoder(folder)
        scorer = BERTScorer(
            model_type=str(folder),
            num_layers=layer,
            device=None if self.options.device == "auto" else self.options.device,
            all_layers=decoder,  # bert-score takes no layers off a decoder
        )
        if decoder:
            scorer.all_layers = False
            scorer._model = layer_of(scorer._model, layer)
            frame(scorer._tokenizer)
        return scorer


class _StableText(str):
    """A string whose hash is the same in every process.

    bert-score collects the texts in a `set` before it cuts batches. Python salts string hashes per process, so the
    batches, and with them the low-order bits of the scores, would differ between two identical runs.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        return zlib.crc32(self.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row with text on both sides."""

    number: int
    prediction: str
    references: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """What a model does not read, of the predictions and of the references."""

    n_texts: tuple[int, int]
    n_cut: tuple[int, int]
    n_tokens: tuple[int, int]
    n_unknown: tuple[int, int]
    n_alike: int
    """Rows of two texts that differ, and are read alike because of it."""


def _filled_rows(predictions: Sequence[str], references: Sequence[References]) -> list[_Row]:
    """Return the rows without a blank side, each with its references that are not blank."""
    filled = [[text for text in texts if text.strip()] for texts in references]
    return [
        _Row(number=row, prediction=text, references=filled[row])
        for row, text in enumerate(predictions)
        if text.strip() and filled[row]
    ]


def _pair(numbers: Iterable[int]) -> tuple[int, int]:
    first, second = numbers
    return first, second


def folder_identity(folder: Path) -> str:
    """Return `sha256:` and 16 hex digits over the names and bytes of a model folder's files."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in MODEL_FILES for file in folder.glob(pattern)}):
        with file.open("rb") as stream:
            digest.update(f"{file.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{digest.hexdigest()[:16]}"


def _check_model(name: str, layer: int | None, model_path: Path) -> None:
    """Check that the folder holds a model, and the model the layer."""
    path = model_path.resolve()
    if not (path / "config.json").is_file():
        raise InputError(f"{name}: {model_path} holds no config.json; give the folder of a saved transformers model")
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    n_layers = config.get("num_hidden_layers") or config.get("n_layers") or config.get("num_layers")
    if layer is None or (n_layers is not None and layer > n_layers):
        raise InputError(
            f"metrics.{name}.options.layer is {'missing' if layer is None else layer}; "
            f"the model in {model_path} has layers 1 to {n_layers}"
        )
    if "t5" in str(path) and "t5" not in str(config.get("model_type")):
        # bert-score picks the class by this substring of the path.
        raise InputError(
            f"{name}: bert-score takes any path with 't5' in it for a T5 model, and {model_path} holds a "
            f"{config.get('model_type')}; move it to a folder without 't5' in its path"
        )
