"""How far a judge can be trusted: its answers on held-out chunks, on the same with their words shuffled, on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bench import metrics
from bench.config import TrainingConfig
from bench.core.progress import no_advance
from bench.materials.splits import Example
from bench.metrics.score import score
from bench.records.record import CalibrationBin, JudgeSummary
from bench.statistics.intervals import Array
from bench.tasks.batches import autocast
from bench.tasks.classification.task import Classification
from bench.tasks.style_duel.chunks import shuffled

N_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a judge says of chunks, each (n_chunks,)."""

    truth: np.ndarray[Any, Any]
    """Number of the author."""
    chosen: np.ndarray[Any, Any]
    """Number of the author it chose."""
    confidence: Array
    """Probability of that author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A trained judge that reads chunks by two authors."""

    task: Classification
    model: Any
    training: TrainingConfig
    """Its precision and its batches."""

    def read(self, chunks: Sequence[Example]) -> Answers:
        """Return its answers."""
        items = self.task.encode(self.model, chunks, "test", advance=no_advance)
        with torch.inference_mode(), autocast(self.training, self.model):
            predicted = self.task.predict(
                self.model, items, batch_size=self.training.evaluation_batch_size, advance=no_advance
            )
        truth, chosen = np.array(predicted.references, dtype=int), np.array(predicted.predictions, dtype=int)
        true_probability = np.exp(-predicted.losses_nats)
        confidence = np.where(truth == chosen, true_probability, 1 - true_probability)
        return Answers(truth=truth, chosen=chosen, confidence=confidence)


def validate(
    reader: Reader,
    held_out: Sequence[Example],
    others: Mapping[str, Sequence[Example]],
    *,
    labels: tuple[str, ...],
    max_length_tokens: int,
    n_training_chunks: int,
    identity: str,
    weights_sha256: str,
) -> JudgeSummary:
    """Return what a record keeps of a judge.

    Args:
        reader: the judge.
        held_out: as many chunks of each author.
        others: control text -> its chunks, by neither author.
        labels: the authors by number.
        max_length_tokens: length of a chunk, special tokens counted.
        n_training_chunks: what it was trained on.
        identity: hash of everything that made it.
        weights_sha256: hash of its file of weights.
    """
    answers = reader.read(held_out)
    guesses = reader.read([shuffled(chunk, i) for i, chunk in enumerate(held_out)])
    truth = answers.truth.tolist()
    bins = _bins(answers.confidence, answers.truth == answers.chosen)
    confusion = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(confusion, (answers.truth, answers.chosen), 1)
    accuracy = metrics.build("accuracy", n_classes=len(labels))
    return JudgeSummary(
        identity=identity,
        weights_sha256=weights_sha256,
        labels=labels,
        max_length_tokens=max_length_tokens,
        n_training_chunks=n_training_chunks,
        accuracy=score(accuracy, answers.chosen.tolist(), truth)[0],
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        calibration_error=sum(abs(b.confidence - b.accuracy) * b.n_chunks for b in bins) / len(held_out),
        calibration=bins,
        shuffled_accuracy=score(accuracy, guesses.chosen.tolist(), truth)[0],
        others={name: _shares(reader, chunks, len(labels)) for name, chunks in others.items()},
    )


def _shares(reader: Reader, chunks: Sequence[Example], n_labels: int) -> tuple[float, ...]:
    """Return the share of chunks that goes to each author; they are by neither, so their number is not looked at."""
    chosen = reader.read([replace(chunk, target=0) for chunk in chunks]).chosen
    return tuple(float((chosen == i).mean()) for i in range(n_labels))


def _bins(confidence: Array, right: np.ndarray[Any, Any]) -> tuple[CalibrationBin, ...]:
    """Return the occupied bins of equal width over [0, 1] (Guo et al. 2017, section 2)."""
    places = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    return tuple(
        CalibrationBin(
            confidence=float(confidence[places == i].mean()),
            accuracy=float(right[places == i].mean()),
            n_chunks=int((places == i).sum()),
        )
        for i in range(N_BINS)
        if (places == i).any()
    )
