"""`bench score` beside the sacrebleu command on the same files: processor time, not waiting."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

N_PAIRS = 500
N_WORDS = 60
"""In a text, about as many as in a summary of the news."""
ROUNDS = 5
MOST = 1.5


def processor_time_s(command: Sequence[str]) -> float:
    """Return the processor time, user and system, that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_texts(folder: Path) -> tuple[Path, Path]:
    """Write predictions and references of which about two words in three are equal."""
    draw = np.random.default_rng(0)
    words = np.array(["".join(draw.choice(list("abcdefghij"), size=draw.integers(2, 10))) for _ in range(3000)])
    references = draw.choice(words, size=(N_PAIRS, N_WORDS))
    predictions = np.where(draw.random(references.shape) < 2 / 3, references, draw.choice(words, size=references.shape))
    files = folder / "predictions.txt", folder / "references.txt"
    for file, texts in zip(files, (predictions, references), strict=True):
        file.write_text("".join(" ".join(text) + "\n" for text in texts), encoding="utf-8")
    return files


def test_bleu_takes_little_more_than_the_sacrebleu_command(benchmark: Any, tmp_path: Path) -> None:
    """Both compute an interval from 1,000 resamples."""
    predictions, references = map(str, write_texts(tmp_path))
    score = [sys.executable, "-m", "bench", "score", predictions, references, "--metric", "sacrebleu"]
    library = [sys.executable, "-m", "sacrebleu", references, "-i", predictions, "-m", "bleu", "--confidence"]
    ours, theirs = [], []

    def one_round() -> None:
        ours.append(processor_time_s(score))
        theirs.append(processor_time_s(library))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    ratio = min(ours) / min(theirs)
    benchmark.extra_info["ratio"] = ratio
    assert ratio < MOST
