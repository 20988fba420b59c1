"""The small, closed language in which a claim names a number of a `RunRecord`.

Every address, and what it names:

    scores.<metric>              value on the test split after fine-tuning, in the metric's unit
    scores_before.<metric>       the same before
    controls.<text>.<metric>     value on a human text, its name in lower case, `_` for all but a-z, 0-9 and -
    epochs.<field>               series, one value an epoch, such as `epochs.train_loss`
    epochs.<field>[i]            one epoch, counted from 0, or from -1 at the end
    evaluations.<metric>         series, one value an evaluation along the way
    evaluations.train_loss       series, training loss since the evaluation before; none at step 0
    evaluations.<name>[i]        one of them, counted as epochs are
    evaluations.<name>@<step>    the one at exactly that optimiser step
    stability.<field>            of the primary metric's evaluations (`bench.statistics.stability`)
    judge.<field>                accuracy, shuffled_accuracy or calibration_error of a style judge
    model.<field>                a parameter count, or `trainable_share`
    cost.<field>                 such as `cost.wall_time_s`
    cost.stages_s.<name>         seconds of one stage
    seeds.standard_deviation     spread of the final primary score over the runs of a method; orderings only
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.records.record import Cost, EpochSummary, ModelSummary, RunRecord
from bench.statistics.stability import MIN_VALUES, Stability, stability

SEED_SPREAD: Final = "seeds.standard_deviation"
"""The one address that names a number of several records."""

_ADDRESS = re.compile(r"(?P<block>[a-z_]+)\.(?P<name>([a-z0-9_-]+\.)?[a-z0-9_]+)(\[(?P<index>-?\d+)\]|@(?P<step>\d+))?")
_ALLOWED = (
    "scores.<metric>, scores_before.<metric>, controls.<text>.<metric>, epochs.<field>, epochs.<field>[i], "
    "evaluations.<metric or train_loss>, the same with [i] or @<step>, stability.<field>, judge.<field>, "
    f"model.<field>, cost.<field>, cost.stages_s.<name>, {SEED_SPREAD}"
)
_METRIC_BLOCKS = ("scores", "scores_before", "evaluations")
_FIELDS = {
    "epochs": frozenset(EpochSummary.model_fields) - {"epoch", "step"},
    "model": frozenset(ModelSummary.model_fields) - {"base"},
    "cost": frozenset(Cost.model_fields) - {"started_at", "stages_s"},
    "stability": frozenset(field.name for field in dataclasses.fields(Stability)),
    "judge": frozenset({"accuracy", "shuffled_accuracy", "calibration_error"}),
    "seeds": frozenset({"standard_deviation"}),
}
_SERIES = {"epochs": "epoch", "evaluations": "evaluation"}
"""Block that holds a series -> what each of its values belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address, taken apart."""

    block: str
    name: str
    index: int | None
    """Which one of a series, from 0 or from -1 at the end."""
    step: int | None
    """The one of a series at this optimiser step."""

    @property
    def series_of(self) -> str | None:
        """Return what a series has one value of, such as `epoch`; none for a single number."""
        return _SERIES.get(self.block) if self.index is None and self.step is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why an address has no value in a record."""

    reason: str


def parse(quantity: str) -> Address:
    """Take an address apart.

    Raises:
        ValueError: it is not an address of this language.
    """
    match = _ADDRESS.fullmatch(quantity)
    if match is None or not _is_known(match["block"], match["name"]):
        raise ValueError(f"quantity {quantity!r} is not an address; allowed: {_ALLOWED}")
    index, step = (None if match[part] is None else int(match[part]) for part in ("index", "step"))
    address = Address(block=match["block"], name=match["name"], index=index, step=step)
    if (index is not None and address.block not in _SERIES) or (step is not None and address.block != "evaluations"):
        raise ValueError(f"quantity {quantity!r} is not an address: {address.block} has nothing to pick from")
    return address


def _is_known(block: str, name: str) -> bool:
    if block in _METRIC_BLOCKS:
        return "." not in name
    if block == "controls":
        return "." in name
    return name in _FIELDS.get(block, frozenset()) or (block == "cost" and name.startswith("stages_s."))


def is_series(quantity: str) -> bool:
    """Return whether an address names one value an epoch or an evaluation, instead of a single number."""
    return parse(quantity).series_of is not None


def read(record: RunRecord, quantity: str) -> tuple[float, ...] | Missing:
    """Return the number or numbers that an address names in a record.

    Args:
        record: the record; one of an older schema lacks evaluations, controls and judge, and says so.
        quantity: an address.

    Returns:
        One number, or one an epoch or evaluation for a series; `Missing` where the record does not hold it.

    Raises:
        ValueError: the address is not one of the language.
    """
    address = parse(quantity)
    return _READERS[address.block](record, address)


# --- one reader a block ----------------------------------------------------------------------------------------------


def _read_score(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    score = getattr(record, address.block).get(address.name)
    return Missing(reason=f"{address.name} was not scored") if score is None else (score.value,)


def _read_control(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    text, _, metric = address.name.partition(".")
    spelled = {re.sub(r"[^a-z0-9-]+", "_", name.lower()): scores for name, scores in record.controls.items()}
    if text not in spelled:
        return Missing(reason=f"no control text is spelled {text!r} (there are: {', '.join(spelled) or 'none'})")
    score = spelled[text].get(metric)
    return Missing(reason=f"{metric} was not scored on {text}") if score is None else (score.value,)


def _read_epochs(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    values = [getattr(epoch, address.name) for epoch in record.epochs]
    if any(value is None for value in values):
        return Missing(reason=f"epochs.{address.name} was not recorded")
    return _picked(values, address)


def _read_evaluations(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    points = _curve(record, address.name)
    if isinstance(points, Missing):
        return points
    if address.step is None:
        return _picked(list(points.values()), address)
    if address.step not in points:
        steps = f"evaluated from step {min(points)} to {max(points)}"
        return Missing(reason=f"{address.name} was not evaluated at step {address.step} ({steps})")
    return (points[address.step],)


def _curve(record: RunRecord, name: str) -> dict[int, float] | Missing:
    """Return step -> value along the way, of the evaluations that have it."""
    if not record.evaluations:
        return Missing(reason="the run was not evaluated along the way; training.evaluate_every_steps asks for it")
    points: dict[int, float] = {}
    for evaluation in record.evaluations:
        if name == "train_loss":
            if evaluation.train_loss is not None:
                points[evaluation.step] = evaluation.train_loss
        elif name in evaluation.scores:
            points[evaluation.step] = evaluation.scores[name].value
    return points or Missing(reason=f"{name} was not evaluated along the way")


def _picked(values: Sequence[float], address: Address) -> tuple[float, ...] | Missing:
    """Return the whole series, or the one of it that the address picks."""
    index = address.index
    if index is None:
        return tuple(values)
    if not -len(values) <= index < len(values):
        name = _SERIES[address.block]
        return Missing(reason=f"the run has {len(values)} {name}(s), the claim is about number {index}, from 0")
    return (values[index],)


def _read_stability(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    metric = record.config.primary_metric
    points = _curve(record, metric)
    if isinstance(points, Missing):
        return points
    if len(points) < MIN_VALUES:
        return Missing(reason=f"stability needs {MIN_VALUES} evaluations, the run has {len(points)}")
    score = record.scores.get(metric)
    if score is None:
        return Missing(reason=f"{metric} was not scored")
    value = getattr(stability(list(points.values()), higher_is_better=score.higher_is_better), address.name)
    if value is None:
        return Missing(reason=f"{len(points)} evaluations are too few for stability.{address.name}")
    return (value,)


def _read_judge(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    if record.judge is None:
        return Missing(reason="the run has no judge")
    if address.name == "calibration_error":
        return (record.judge.calibration_error,)
    return (getattr(record.judge, address.name).value,)


def _read_model(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    return (float(getattr(record.model, address.name)),)


def _read_cost(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    stage = address.name.removeprefix("stages_s.")
    value = getattr(record.cost, stage) if stage == address.name else record.cost.stages_s.get(stage)
    return Missing(reason=f"cost.{address.name} was not recorded") if value is None else (float(value),)


def _read_seeds(record: RunRecord, address: Address) -> tuple[float, ...] | Missing:
    return Missing(reason=f"seeds.{address.name} is over several runs, and this is one")


_READERS: dict[str, Callable[[RunRecord, Address], tuple[float, ...] | Missing]] = {
    "scores": _read_score,
    "scores_before": _read_score,
    "controls": _read_control,
    "epochs": _read_epochs,
    "evaluations": _read_evaluations,
    "stability": _read_stability,
    "judge": _read_judge,
    "model": _read_model,
    "cost": _read_cost,
    "seeds": _read_seeds,
}
