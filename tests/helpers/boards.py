"""Leaderboards whose truth is planted."""

from __future__ import annotations

from typing import Any

from factories import curve, make_record
from planted import right, side

from bench.comparing.leaderboard.board import Board, build_board
from bench.comparing.leaderboard.selection import Selection
from bench.comparing.side import Side
from bench.config import SuiteConfig
from bench.records.record import Forgetting, RunRecord
from bench.suites.resolve import load_suite, resolve

N = 200
"""Test examples."""


def method(name: str, n_right: int, seeds: tuple[int, ...] = (0, 1, 2), **changes: Any) -> Side:
    """Return a method that is right of the first so many of 200 examples: one more with seed 1, one fewer with 2."""
    luck = {1: 1, 2: -1}
    planted = {seed: {"accuracy": right(n_right + luck.get(seed, 0), N)} for seed in seeds}
    return side(name, planted, config__method_name=name, **changes)


def selection(*sides: Side, reference: str | None = None, **changes: Any) -> Selection:
    """Return what was selected of `sentiment_sst2`."""
    values: dict[str, Any] = {
        "suite": "sentiment_sst2",
        "profile": "documented",
        "title": "DistilBERT, body frozen, on SST-2",
        "metric": "accuracy",
        "default_method": "frozen_body",
        "reference": reference,
        "sides": sides,
        "apart": (),
        "remarks": (),
    }
    return Selection(**values | changes)


def forgotten(**rises: float) -> dict[str, Any]:
    """Return what a record says of unrelated texts: title -> how far the loss rose from 3 nats a token."""
    rest = dict.fromkeys(Forgetting.model_fields, 10)
    return {title: rest | {"before_nats": 3.0, "after_nats": 3.0 + rise} for title, rise in rises.items()}


def small_board() -> Board:
    """Return four methods: two alike, one of one seed that is worse, and one without a curve."""
    points = {"evaluations": curve(accuracy=(0.5, 0.9))}
    full = method(
        "full",
        180,
        **points,
        model__trainable_parameters=66_955_010,
        model__trainable_share=1.0,
        cost__saved_bytes=268_000_000,
        cost__cpu_time_s=400.0,
        forgetting=forgotten(unrelated=0.25),
    )
    frozen = method("frozen_body", 178, **points, cost__cpu_time_s=390.0, forgetting=forgotten(unrelated=0.0))
    lora = method("lora", 150, seeds=(0,), evaluations=curve(accuracy=(0.5, 0.75)))
    bias = method("bitfit", 120)
    return build_board(selection(bias, frozen, lora, full, reference="frozen_body"))


SUITE = load_suite("suites/sentiment_sst2")


def shipped(method: str, seed: int = 0, *overrides: str, profile: str = "tiny", **changes: Any) -> RunRecord:
    """Return a record of the config that the suite resolves to, with the factories' results."""
    config = resolve(SUITE, profile=profile, method=method, overrides=overrides)
    record = make_record(seed, **changes)
    values: dict[str, Any] = {
        block: {name: getattr(record, block).get(name, getattr(record, block)["f1"]) for name in config.metrics}
        for block in ("scores", "scores_before", "changes")
    }
    return with_config(record.model_copy(update=values), config)


def with_config(record: RunRecord, config: SuiteConfig) -> RunRecord:
    values = {"suite": config.suite, "profile": config.profile, "method": config.method_name, "config": config}
    return record.model_copy(update=values | {"config_key": config.key})
