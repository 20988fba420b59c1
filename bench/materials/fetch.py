"""What a run needs before it can start: rows, base model, models of the task and of metrics."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config import SuiteConfig
from bench.core.progress import Announce
from bench.materials import sources
from bench.materials.base_model import BaseModel, fetch_base_model
from bench.materials.load import load_splits
from bench.materials.related_rows import hint_of_groups
from bench.materials.sources import Fetched
from bench.materials.splits import Splits


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What a run needs that may have to be fetched."""

    splits: Splits
    base: BaseModel
    task_models: dict[str, BaseModel]
    """Base models that the task needs besides, by what each is used for."""
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
    scored = config.scored_split or "test"
    splits = load_splits(config.data, target=config.task.target, scored=scored, offline=offline, announce=announce)
    if (hint := hint_of_groups(splits.test)) is not None and config.task.n_texts is None:
        announce(f"hint: {hint}")
    texts = [text for example in splits.train for text in (example.input, *example.references)]
    task_models = {
        name: fetch_base_model(model, texts, offline=offline, announce=announce)
        for name, model in config.task.base_models().items()
    }
    return Materials(
        splits=splits,
        base=fetch_base_model(config.model, texts, offline=offline, announce=announce),
        task_models=task_models,
        metric_models={
            name: sources.fetch(chosen.model, offline=offline, announce=announce)
            for name, chosen in config.metrics.items()
            if chosen.model is not None
        },
    )
