"""The search: which settings are tried for one method, each told by what the trials before it scored.

Optuna proposes, in memory: nothing is stored here. The sampler is seeded and trials follow one another, so the same
scores give the same proposals, and a search that was cut off goes the same way again when its runs are read from disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import JsonValue

from bench.experiments.study.config import Choices, Range, Values

Space = Mapping[str, Values]
TrialSettings = Mapping[str, JsonValue]
"""Dotted config key -> value; empty for a method's default."""
Tried = TypeVar("Tried")


def search(
    space: Space,
    evaluate: Callable[[int, TrialSettings], Tried],
    value_of: Callable[[Tried], float | None],
    *,
    n_trials: int,
    default: TrialSettings,
    higher_is_better: bool,
    seed: int,
) -> list[Tried]:
    """Try settings one after another: the default first, then what the sampler proposes.

    Optuna's TPE proposes at random until ten trials have told it a score, and then where trials went well (Bergstra
    et al. 2011).
    A trial that failed tells it nothing. One without anything to search is its default alone.

    Args:
        space: what is searched.
        evaluate: tries the settings of the trial of that number, from 0.
        value_of: the score of what was tried; None where it failed.
        n_trials: how many to try, the default among them.
        default: value that each searched key has by default, where it has one; the sampler learns from the default
            where all of these lie in the space.
        higher_is_better: direction.
        seed: fixes the proposals.
    """
    first = evaluate(0, {})
    if not space or n_trials == 1:
        return [first]
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize", sampler=optuna.samplers.TPESampler(seed=seed)
    )
    distributions = {key: _distribution(values) for key, values in space.items()}
    known, score = _inside(space, default), value_of(first)
    if known is not None and score is not None:
        study.add_trial(optuna.trial.create_trial(params=known, distributions=distributions, value=score))
    tried = [first]
    for number in range(1, n_trials):
        trial = study.ask(distributions)
        tried.append(evaluate(number, {key: _value(space[key], drawn) for key, drawn in trial.params.items()}))
        score = value_of(tried[-1])
        if score is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, score)
    return tried


def _distribution(values: Values) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(values, Choices):  # by position, for Optuna takes no lists
        return CategoricalDistribution(tuple(range(len(values.choices))))
    if values.integer:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _value(values: Values, drawn: Any) -> JsonValue:
    chosen: JsonValue = values.choices[drawn] if isinstance(values, Choices) else drawn
    return chosen


def _inside(space: Space, default: TrialSettings) -> dict[str, Any] | None:
    """Return the default as Optuna's parameters; None where it does not lie in the space."""
    parameters: dict[str, Any] = {}
    for key, values in space.items():
        value = default.get(key)
        if isinstance(values, Choices):
            if value not in values.choices:
                return None
            parameters[key] = values.choices.index(value)
        elif isinstance(value, int | float) and _holds(values, value):
            parameters[key] = int(value) if values.integer else float(value)
        else:
            return None
    return parameters


def _holds(values: Range, value: float) -> bool:
    return values.low <= value <= values.high and (not values.integer or float(value).is_integer())


def words_of(values: Values) -> str:
    """Return what is searched in words: `1e-05 to 0.01, log`, `4, 8, 16`."""
    if isinstance(values, Choices):
        return ", ".join(str(value) for value in values.choices)
    kinds = (("log", values.log), ("integer", values.integer))
    return ", ".join([f"{values.low:g} to {values.high:g}", *(name for name, given in kinds if given)])
