"""How near the second run of a result came to the first. Pure.

    bitwise       trained weights, predictions, every score and every step's loss are equal to the last bit
    within noise  they are not, and no score moved further than the config moves by itself
    differs       some score moved further, or nobody measured how far it may

How far a score may move (`allowance`) depends on where the second run ran:

- like the first (device class, packages, Python, platform, threads and processor features are equal): by the device
  noise that is stored with the baseline, which is 0 where repeats were bitwise;
- elsewhere: by that or by what two draws of the training noise differ by, whichever is more. Other kernels add in
  another order, and what grows out of the last bit over many steps is another draw of the same noise. Two draws differ
  by sqrt(2) times its standard deviation, which a few seeds estimate: so by sqrt(2) standard deviations over seeds
  times Student's quantile, such that of two runs that differ by this noise alone at most `ALPHA` are called `differs`
  in any of their metrics (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bench.core.wording import plural
from bench.records.noise import NoiseFloor
from bench.records.record import Environment, RunRecord
from bench.running.original import Original

ReproduceOutcome = Literal["bitwise", "within noise", "differs"]


ALPHA: Final = 0.05
"""Chance that another draw of the same training noise is called `differs`, over all metrics together."""


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
            allowance=allowance(name, noise, elsewhere=bool(elsewhere), n_metrics=len(record.scores)),
        )
        for name, score in record.scores.items()
    )
    hashes = {name: getattr(record.hashes, name) == getattr(again.hashes, name) for name in _HASHES}
    departure = first_departure(original.losses, losses)
    outcome, why = _outcome(original, again, scores, hashes, departure, elsewhere=bool(elsewhere))
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
    *,
    elsewhere: bool,
) -> tuple[ReproduceOutcome, str]:
    if _values(original.record) == _values(again) and all(hashes.values()) and departure is None:
        return "bitwise", "weights, predictions and every score are equal to the last bit"
    beyond = [score.metric for score in scores if not score.is_within]
    draw = _draw(original.noise, len(scores)) if elsewhere else ""
    if original.noise is None:
        return "differs", (
            "it is not bitwise, and no noise is stored with the baseline of this config to say how far it may move; "
            "`bench noise SUITE --store` measures it"
        )
    if beyond:
        return "differs", f"moved further than its noise{draw}: {', '.join(beyond)}"
    return "within noise", f"it is not bitwise, and no score moved further than its noise{draw}"


def _draw(noise: NoiseFloor | None, n_metrics: int) -> str:
    """Return what the noise is elsewhere, in words; with few seeds behind it, it allows a lot."""
    if noise is None or noise.n_seeds < 2:
        return ""
    over = f"known from {plural(noise.n_seeds, 'seed')}, over {plural(n_metrics, 'metric')}"
    return f" (another draw of the training noise, {over})"


def _values(record: RunRecord) -> list[dict[str, float]]:
    """Return every score, before fine-tuning and after."""
    return [{name: score.value for name, score in scores.items()} for scores in (record.scores_before, record.scores)]


def allowance(metric: str, noise: NoiseFloor | None, *, elsewhere: bool, n_metrics: int = 1) -> float | None:
    """Return how far a score may move between two runs of one seed, in its unit; none where that is not known.

    Args:
        metric: name of the metric.
        noise: what is stored with the baseline.
        elsewhere: whether the second run's surroundings differ from the first's.
        n_metrics: metrics that are looked at together.

    Source:
        Student's t for the difference of two draws, whose variance is twice that which n seeds estimate with n - 1
        degrees of freedom: a prediction interval (Hahn and Meeker 1991, "Statistical intervals").
    """
    if noise is None or metric not in noise.metrics:
        return None
    floor = noise.metrics[metric]
    if not elsewhere or not floor.seeds or noise.n_seeds < 2:
        return floor.device
    from scipy.special import stdtrit

    quantile = float(stdtrit(noise.n_seeds - 1, 1 - ALPHA / (2 * n_metrics)))
    return max(floor.device, math.sqrt(2) * quantile * floor.seeds)


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
