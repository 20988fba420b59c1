"""Studies whose runs cost nothing: what a setting scores is written down here, not trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factories import make_record, write_run

from bench.config import SuiteConfig
from bench.experiments.study.config import parse_study
from bench.experiments.study.setup import Study, prepare
from bench.records.record import RunRecord
from bench.records.store import run_folder

RATE = {"low": 1e-5, "high": 1e-1, "log": True}
TABLES: dict[str, Any] = {
    "study": "tryout",
    "suite": "suites/imdb",
    "profile": "tiny",
    "trials": 4,
    "seeds": [0, 1, 2],
    "budget": {"steps": 50},
    "methods": {
        "full": {"training.learning_rate": RATE},
        "head_only": {"training.learning_rate": RATE},
    },
}
PLACE = "study.toml"


def tables(**changes: Any) -> dict[str, Any]:
    """Return the tables of a study of full and head_only on the miniature of imdb."""
    return {name: value for name, value in {**TABLES, **changes}.items() if value is not None}


def study(**changes: Any) -> Study:
    """Return that study, checked."""
    return prepare(parse_study(tables(**changes), place=PLACE), place=PLACE)


def best_rate(config: SuiteConfig) -> float:
    """Return the learning rate at which a method is best: full at 1e-4, head_only at 1e-2; the default is 1e-3."""
    return 1e-4 if config.method.kind == "full" else 1e-2


def accuracy(config: SuiteConfig, seed: int) -> float:
    """Return what a run scores: 0.9 at the best rate, 0.1 less for each factor of ten away from it."""
    away = abs(math.log10(config.training.learning_rate / best_rate(config)))
    lower = 0.02 if config.scored_split is None else 0.0
    return 0.9 - 0.1 * min(away, 4.0) - lower + 0.001 * (seed % 3)


@dataclass
class Runs:
    """Takes the place of training, and counts."""

    score: Callable[[SuiteConfig, int], float] = accuracy
    fingerprints: Mapping[str, str] = field(default_factory=lambda: {"train": "a", "validation": "b", "test": "c"})
    seen: list[tuple[SuiteConfig, int]] = field(default_factory=list)

    def __call__(self, config: SuiteConfig, seed: int, root: Path) -> RunRecord:
        self.seen.append((config, seed))
        record = made(config, seed, self.score(config, seed), self.fingerprints)
        write_run(run_folder(root, config, seed), record)
        return record

    @property
    def trials(self) -> list[SuiteConfig]:
        return [config for config, _ in self.seen if config.scored_split == "validation"]

    @property
    def finals(self) -> list[tuple[SuiteConfig, int]]:
        return [(config, seed) for config, seed in self.seen if config.scored_split is None]


def made(config: SuiteConfig, seed: int, value: float, fingerprints: Mapping[str, str]) -> RunRecord:
    """Return the record of a run that scores this accuracy; 25 tokens an example, a hundredth of a second a step."""
    record = make_record(seed)
    accuracy_ = record.scores["accuracy"].model_copy(update={"value": value, "low": value - 0.03, "high": value + 0.03})
    scores = {name: record.scores["loss"] if name == "loss" else accuracy_ for name in config.metrics}
    changes = dict.fromkeys(config.metrics, record.changes["accuracy"])
    steps = config.training.steps or 0
    summary = record.data.splits["test"]
    splits = {name: summary.model_copy(update={"fingerprint": found}) for name, found in fingerprints.items()}
    return record.model_copy(
        update={
            "suite": config.suite,
            "profile": config.profile,
            "method": config.method_name,
            "config": config,
            "config_key": config.key,
            "scores": scores,
            "scores_before": scores,
            "changes": changes,
            "data": record.data.model_copy(update={"splits": splits}),
            "cost": record.cost.model_copy(
                update={
                    "n_training_tokens": 25 * config.training.batch_size * steps,
                    "stages_s": {"training": 0.01 * steps},
                    "wall_time_s": 1.0 + 0.01 * steps,
                }
            ),
        }
    )
