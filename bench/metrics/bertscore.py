"""BERTScore from the bert-score library, with a model in a local folder: no inverse document frequencies, no rescaling.

Its value moves with the model, the layer and the transformers version, so all three are in the signature.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError
from bench.metrics.base import MeanMetric, MetricSpec, mean_statistics, signature_of
from bench.metrics.inputs import check_texts
from bench.metrics.resources import ModelFolder

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
MODEL_FILES = ("*.json", "*.safetensors", "*.bin", "*.txt", "*.model")


class BertScoreOptions(Strict):
    """Options of BERTScore."""

    layer: int | None = Field(default=None, ge=1)
    """Which layer's vectors are compared, counted from 1. Must be given: the best layer differs by model."""
    score: Literal["f1", "precision", "recall"] = "f1"
    """Which of the three is the value."""
    batch_size: int = Field(default=64, ge=1)
    """Texts per forward pass; moves low-order bits only."""
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
            transformers=version("transformers"),
            v=version("bert-score"),
        )

    def statistics(self, predictions: Sequence[Any], references: Sequence[Any]) -> NDArray[np.float64]:
        """Return (n_examples, 2): each row's score, and 1.

        Of several references the one with the best of the wanted score counts, as bert-score has it. A row with a blank
        side scores 0, as bert-score defines it; it is not handed to the library, whose own path for
        blank texts fails under transformers 5.
        """
        predictions, references = check_texts(self.spec.name, predictions, references)
        values = np.zeros(len(predictions))
        filled = [[_StableText(text) for text in texts if text.strip()] for texts in references]
        rows = [row for row, text in enumerate(predictions) if text.strip() and filled[row]]
        if rows:
            several = any(len(filled[row]) > 1 for row in rows)
            scores = self._scorer.score(
                [_StableText(predictions[row]) for row in rows],
                [filled[row] if several else filled[row][0] for row in rows],
                batch_size=self.options.batch_size,
            )
            part = ("precision", "recall", "f1").index(self.options.score)
            values[rows] = scores[part].numpy()
        return mean_statistics(values)

    @cached_property
    def _scorer(self) -> Any:
        """Return bert-score's scorer; the model is loaded on first use, and kept."""
        from bert_score import BERTScorer

        scorer = BERTScorer(
            model_type=str(self._model.path.resolve()),
            num_layers=self.options.layer,
            device=None if self.options.device == "auto" else self.options.device,
        )
        # A tokenizer saved without a limit reports a number that its own truncation cannot represent.
        tokenizer = scorer._tokenizer
        longest = getattr(scorer._model.config, "max_position_embeddings", 512)
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)
        return scorer


class _StableText(str):
    """A string whose hash is the same in every process.

    bert-score collects the texts in a `set` before it cuts batches. Python salts string hashes per process, so the
    batches, and with them the low-order bits of the scores, would differ between two identical runs.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        return zlib.crc32(self.encode("utf-8", "surrogatepass"))


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
