"""One run on several processes, started by `accelerate launch` or `torchrun`; nothing here loads torch.

Every process loads, encodes and predicts the same; the training batch alone is split between them. So each could write
the record, and the first does.
"""

from __future__ import annotations

import os


def n_processes() -> int:
    """Return how many processes train together; 1 where none was launched beside this one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return the number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Return the number of this process on its machine, from 0: the GPU that is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_main() -> bool:
    """Return whether this is the process that writes and talks."""
    return rank() == 0
