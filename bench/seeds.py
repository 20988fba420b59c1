"""Named seeds: one run seed, a different stream for every purpose.

Two purposes of one run never share a stream, so adding a draw in one place cannot move another; and another run seed
moves all of them. The derivation is a hash, not a library's generator, so it never changes under an upgrade.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

Purpose = Literal["initial weights", "batch order", "dropout", "bootstrap", "generated data"]


def derive(seed: int, purpose: Purpose) -> int:
    """Return the seed of one purpose of one run.

    Args:
        seed: the run's seed, 0 or above.
        purpose: what the stream is for.

    Returns:
        An integer in [0, 2**31), fit for `torch.manual_seed`, numpy and `TrainingArguments.seed`.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def generator(seed: int, purpose: Purpose) -> np.random.Generator:
    """Return a numpy generator for one purpose of one run."""
    return np.random.default_rng(derive(seed, purpose))
