"""What a run needs before it can start: rows, base model, judge, models of metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.config import StyleDuelTask, SuiteConfig
from bench.materials import sources
from bench.materials.base_model import BaseModel, fetch_base_model
from bench.materials.load import load_splits
from bench.materials.sources import Fetched
from bench.materials.splits import Splits

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What a run needs that may have to be fetched."""

    splits: Splits
    base: BaseModel
    judge: BaseModel | None
    """What the judge of a style duel starts from, or its checkpoint."""
    metric_models: dict[str, Fetched]
    """Metric -> the model it runs."""


def fetch(config: SuiteConfig, *, offline: bool = False, announce: Announce = lambda _: None) -> Materials:
    """Bring everything that a suite needs onto this machine.

    Args:
        config: the resolved suite.
        offline: refuse to fetch what is not cached.
        announce: told what is being fetched.

    Raises:
        SourceError: something cannot be fetched, or fails its hash.
        InputError: the data does not hold what the suite says.
    """
    splits = load_splits(config.data, scored=config.scored_split or "test", offline=offline, announce=announce)
    texts = [text for e in splits.train for text in (e.input, *([e.target] if isinstance(e.target, str) else []))]
    judge = None
    if isinstance(config.task, StyleDuelTask):
        wanted = config.task.judge.model
        if config.task.judge.checkpoint is not None:
            wanted = wanted.model_copy(update={"source": config.task.judge.checkpoint})
        judge = fetch_base_model(wanted, texts, offline=offline, announce=announce)
    return Materials(
        splits=splits,
        base=fetch_base_model(config.model, texts, offline=offline, announce=announce),
        judge=judge,
        metric_models={
            name: sources.fetch(chosen.model, offline=offline, announce=announce)
            for name, chosen in config.metrics.items()
            if chosen.model is not None
        },
    )
