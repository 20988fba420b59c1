"""The judge of style metrics: a classifier in a folder that tells authors apart, opened once and read lazily."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from bench.config import Strict
from bench.core.errors import InputError
from bench.core.files import read_json
from bench.core.schema import validate
from bench.records.judge_summary import JudgeSummary

JUDGE_FILE = "judge.json"
_FILES = (JUDGE_FILE, "config.json", "model.safetensors", "tokenizer.json")
_BATCH_SIZE = 64
WHERE_JUDGES_COME_FROM = "`bench run` of a style suite writes a judge under `<run folder>/judge`"


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
                raise InputError(f"{folder}: is no judge, {name} is missing; {WHERE_JUDGES_COME_FROM}")
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
    values = read_json(place, mend=WHERE_JUDGES_COME_FROM)
    file = validate(JudgeFile, values, place=place, mend=WHERE_JUDGES_COME_FROM)
    digest = hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest()
    return StyleJudge(folder=folder, file=file, tokenizer_sha256=digest)


def _load_classifier(judge: StyleJudge) -> tuple[Any, Any]:
    """Return the judge's model, in evaluation mode on a GPU where there is one, and its tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    from bench.materials.mean_pooled import MeanPooledClassifier
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
        raise InputError(
            f"{judge.folder}: cannot be loaded as a judge ({message}); {WHERE_JUDGES_COME_FROM}"
        ) from error
    # Weights that are missing would be drawn at random, and the judge would guess.
    missing = sorted(report["missing_keys"])
    if missing or model.config.num_labels != len(judge.labels):
        fault = f"lack {missing[0]}" if missing else f"tell {model.config.num_labels} labels apart"
        raise InputError(
            f"{judge.folder}: the weights {fault}, which is not the judge of {', '.join(judge.labels)} that "
            f"{JUDGE_FILE} describes; {WHERE_JUDGES_COME_FROM}"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer
