"""Noise: how far scores move where nothing that matters was changed. Pure; `bench.running.repeats` does the running.

Two noises, which go by one name too often:

- device noise: the same config and seed, again. On one machine with deterministic kernels it is 0, and a score that
  moves then has a cause.
- training noise: the same config under other seeds, so other initial weights and another batch order. A difference
  between two methods that is smaller than this says nothing about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from bench.config import Strict
from bench.core.errors import InputError, TrainingError
from bench.records.record import RunRecord

_CONSTANT_ADAPTERS = frozenset({"IA3", "LN_TUNING", "OFT", "BOFT", "TRAINABLE_TOKENS"})
"""peft types that start from ones, zeros or base weights, whatever the seed."""


class MetricNoise(Strict):
    """How far one metric moved, in its unit."""

    device: float = Field(ge=0)
    """Greatest minus least over repeats of one seed; 0 where every repeat was equal to the last digit."""
    seeds: float | None = Field(default=None, ge=0)
    """Standard deviation over seeds (n - 1); none where one seed was run."""


class NoiseFloor(Strict):
    """What a config's scores do by themselves."""

    metrics: dict[str, MetricNoise]
    """Metric -> its noise after fine-tuning."""
    n_repeats: int = Field(ge=2)
    """Runs of the same seed."""
    n_seeds: int = Field(ge=1)
    """Different seeds."""
    device: str
    """Device class of all of them."""
    bitwise: bool
    """Whether the repeats gave the same weights and predictions, bit by bit."""


def floor_of(repeats: Sequence[RunRecord], seeds: Sequence[RunRecord]) -> NoiseFloor:
    """Return the noise of one config.

    Args:
        repeats: records of one seed, two or more.
        seeds: records of different seeds, one or more, from the same device class.

    Raises:
        InputError: there are fewer repeats than two, or several seeds among them, or several device classes.
        TrainingError: a seed does not decide what it should (`check_seeding`).
    """
    if len(repeats) < 2 or len({record.seed for record in repeats}) != 1:
        raise InputError(f"noise: {len(repeats)} repeat(s); the same seed has to be run 2 times or more")
    devices = dict.fromkeys(record.environment.device for record in (*repeats, *seeds))
    if len(devices) > 1:
        raise InputError(
            f"noise: the runs come from several kinds of device ({', '.join(devices)}); "
            "give --device, or an empty folder by --runs"
        )
    check_seeding(repeats, seeds)
    return NoiseFloor(
        metrics={name: _noise_of(name, repeats, seeds) for name in repeats[0].scores},
        n_repeats=len(repeats),
        n_seeds=len(seeds),
        device=repeats[0].environment.device,
        bitwise=len({(r.hashes.final_trainable, r.hashes.predictions) for r in repeats}) == 1,
    )


def _noise_of(metric: str, repeats: Sequence[RunRecord], seeds: Sequence[RunRecord]) -> MetricNoise:
    repeated = [record.scores[metric].value for record in repeats]
    others = [record.scores[metric].value for record in seeds]
    return MetricNoise(
        device=max(repeated) - min(repeated), seeds=float(np.std(others, ddof=1)) if len(others) > 1 else None
    )


def check_seeding(repeats: Sequence[RunRecord], seeds: Sequence[RunRecord]) -> None:
    """Check that a seed decides the initial weights and the batch order, and nothing else does.

    Args:
        repeats: records of one seed.
        seeds: records of different seeds of the same config.

    Raises:
        TrainingError: a repeat changed either; or another seed left the batch order as it was, or the initial weights
            where the method draws any.
    """
    for field, name in (("initial_trainable", "initial trainable weights"), ("batch_order", "batch order")):
        if len({getattr(record.hashes, field) for record in repeats}) > 1:
            raise TrainingError(
                f"seed {repeats[0].seed}: a repeat had another {field} ({name}); "
                "something draws from a generator that the run seed does not set"
            )
        if field == "initial_trainable" and not draws_initial_weights(repeats[0]):
            continue
        hashes = {record.seed: getattr(record.hashes, field) for record in seeds}
        most, n_alike = Counter(hashes.values()).most_common(1)[0]
        if n_alike > 1:
            alike = ", ".join(str(seed) for seed, value in sorted(hashes.items()) if value == most)
            raise TrainingError(
                f"seeds {alike} have the same {field} ({name}); something sets the generator after the run seed did, "
                "and their spread says nothing"
            )


def draws_initial_weights(record: RunRecord) -> bool:
    """Return whether a run seed can change the initial trainable weights.

    A classifier gets a new head, unless its base weights bring one. A language model comes whole, so only an adapter
    brings new weights, and not every adapter draws them.
    """
    config, new = record.config, record.model.new_modules
    if new or (new is None and config.task.draws_head):
        return True
    return config.method.kind == "peft" and config.method.config["peft_type"] not in _CONSTANT_ADAPTERS
