"""How near the second run of a result came to the first. Pure.

    bitwise       trained weights, predictions, every score and every step's loss are equal to the last bit
    within noise  they are not, and no score moved further than the config moves by itself
    differs       some score moved further, or nobody measured how far it may

How far a score may move (`allowance`) depends on where the second run ran:

- like the first (device class, packages, Python, platform, threads and processor features are equal): by the device
  noise that is stored with the baseline, which is 0 where repeats were bitwise;
- elsewhere: by that or by two standard deviations over seeds, whichever is more. Other kernels add in another order,
  and what grows out of the last bit over many steps is another draw of the same training noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bench.records.noise import NoiseFloor
from bench.records.record import Environment, RunRecord
from bench.running.original import Original

ReproduceOutcome = Literal["bitwise", "within noise", "differs"]


SEEDS_SD: Final = 2.0
"""Standard deviations over seeds that a score may move by elsewhere."""


_HASHES: Final = ("initial_trainable", "batch_order", "final_trainable", "predictions")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreAgain:
    """One metric, twice."""

    metric: str
    unit: str
    recorded: float
    again: float
    allowance: float | None
    """How far it may move; none where no noise is stored."""

    @property
    def distance(self) -> float:
        """Return how far it moved, 0 or above."""
        return abs(self.again - self.recorded)

    @property
    def is_within(self) -> bool:
        """Return whether it moved no further than it may."""
        return self.distance <= (self.allowance or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The first step whose loss was not the same."""

    step: int
    """Optimiser step, from 1."""
    recorded: float | None
    """Loss there; none where that run had ended before."""
    again: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What running a record again showed."""

    original: Original
    record: RunRecord
    """Of the second run."""
    outcome: ReproduceOutcome
    why: str
    """The reason for the outcome, in words."""
    scores: tuple[ScoreAgain, ...]
    hashes: Mapping[str, bool]
    """Name in `Hashes` -> whether both runs have the same."""
    departure: Departure | None
    """None where every step's loss was equal, or no losses are stored."""
    elsewhere: tuple[str, ...]
    """In what the second run's surroundings differ, a clause each; empty where it ran like the first."""


def assess(original: Original, again: RunRecord, losses: Sequence[float] | None) -> Reproduction:
    """Set a second run beside the first.

    Args:
        original: the first run.
        again: record of the second, of the same config and seed.
        losses: the second run's, one a step; none where they are not known.
    """
    record, noise = original.record, original.noise
    elsewhere = surroundings(record.environment, again.environment)
    scores = tuple(
        ScoreAgain(
            metric=name,
            unit=score.unit,
            recorded=score.value,
            again=again.scores[name].value,
            allowance=allowance(name, noise, elsewhere=bool(elsewhere)),
        )
        for name, score in record.scores.items()
    )
    hashes = {name: getattr(record.hashes, name) == getattr(again.hashes, name) for name in _HASHES}
    departure = first_departure(original.losses, losses)
    outcome, why = _outcome(original, again, scores, hashes, departure)
    return Reproduction(
        original=original,
        record=again,
        outcome=outcome,
        why=why,
        scores=scores,
        hashes=hashes,
        departure=departure,
        elsewhere=elsewhere,
    )


def _outcome(
    original: Original,
    again: RunRecord,
    scores: Sequence[ScoreAgain],
    hashes: Mapping[str, bool],
    departure: Departure | None,
) -> tuple[ReproduceOutcome, str]:
    if _values(original.record) == _values(again) and all(hashes.values()) and departure is None:
        return "bitwise", "weights, predictions and every score are equal to the last bit"
    beyond = [score.metric for score in scores if not score.is_within]
    if original.noise is None:
        return "differs", (
            "it is not bitwise, and no noise is stored with the baseline of this config to say how far it may move; "
            "`bench noise SUITE --store` measures it"
        )
    if beyond:
        return "differs", f"moved further than its noise: {', '.join(beyond)}"
    return "within noise", "it is not bitwise, and no score moved further than its noise"


def _values(record: RunRecord) -> list[dict[str, float]]:
    """Return every score, before fine-tuning and after."""
    return [{name: score.value for name, score in scores.items()} for scores in (record.scores_before, record.scores)]


def allowance(metric: str, noise: NoiseFloor | None, *, elsewhere: bool) -> float | None:
    """Return how far a score may move between two runs of one seed, in its unit; none where that is not known.

    Args:
        metric: name of the metric.
        noise: what is stored with the baseline.
        elsewhere: whether the second run's surroundings differ from the first's.
    """
    if noise is None or metric not in noise.metrics:
        return None
    floor = noise.metrics[metric]
    return max(floor.device, SEEDS_SD * (floor.seeds or 0.0)) if elsewhere else floor.device


def surroundings(then: Environment, now: Environment) -> tuple[str, ...]:
    """Return in what two environments differ that can move the last bit, a clause each.

    The version and commit of bench itself are left out: a result has to outlive them.
    """
    a, b = _relevant(then), _relevant(now)
    return tuple(
        f"{name}: {a.get(name, 'not recorded')}, now {b.get(name, 'absent')}"
        for name in dict.fromkeys((*a, *b))
        if a.get(name) != b.get(name)
    )


def _relevant(environment: Environment) -> dict[str, str]:
    names = ("device", "n_threads", "n_processes", "python", "platform")
    named = {name: str(getattr(environment, name)) for name in names}
    return named | environment.determinism | environment.packages


def first_departure(recorded: Sequence[float] | None, again: Sequence[float] | None) -> Departure | None:
    """Return the first step at which two courses have another loss, or None where there is none.

    Args:
        recorded: loss of every step of the first run; none where they are not known.
        again: the same of the second.
    """
    if recorded is None or again is None:
        return None
    n = min(len(recorded), len(again))
    unequal = np.flatnonzero(np.asarray(recorded[:n]) != np.asarray(again[:n]))
    if not unequal.size and len(recorded) == len(again):
        return None
    i = int(unequal[0]) if unequal.size else n
    return Departure(
        step=i + 1,
        recorded=recorded[i] if i < len(recorded) else None,
        again=again[i] if i < len(again) else None,
    )
