"""One config under one seed, on its way to a record: what every stage may read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from bench.config import SuiteConfig
from bench.core.progress import Clock
from bench.materials.fetch import Materials
from bench.methods import Method
from bench.running.cache import RunCache
from bench.running.settings import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What every stage of a run may read."""

    config: SuiteConfig
    seed: int
    settings: RunSettings
    device: torch.device
    """The device that the settings came to."""
    materials: Materials
    """Rows, texts and weights, fetched."""
    method: Method
    """What the method table describes."""
    cache: RunCache
    """What runs of this process share."""
    clock: Clock
    """Shows and times the stages."""
    folder: Path
    """Where the files of the run are written; it becomes the run folder when all are there."""
