"""Named seeds: one run seed, a different stream for every purpose.

Two purposes of one run never share a stream, so adding a draw in one place cannot move another; and another run seed
moves all of them. The derivation is a hash, not a library's generator, so it never changes under an upgrade.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

Purpose = Literal["initial weights", "batch order", "dropout", "bootstrap", "samples", "shuffled words", "preparation"]


def derive(seed: int, purpose: Purpose, index: int | None = None) -> int:
    """Return the seed of one purpose of one run.

    Args:
        seed: the run's seed, 0 or above.
        purpose: what the stream is for.
        index: which of many streams for that purpose, such as the number of a sample.

    Returns:
        An integer in [0, 2**31), fit for `torch.manual_seed`, numpy and `TrainingArguments.seed`.
    """
    name = f"{seed}/{purpose}" if index is None else f"{seed}/{purpose}/{index}"
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def generator(seed: int, purpose: Purpose) -> np.random.Generator:
    """Return a numpy generator for one purpose of one run."""
    return np.random.default_rng(derive(seed, purpose))
