"""A budget in steps, whatever it was given in: tokens and seconds are measured once and turned into steps.

The record of every run then names steps, and can be run again anywhere. A rate is measured by a short run of the same
configuration and kept in the study's ledger, so that a study that goes on later comes to the same steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.experiments.study.config import Budget
from bench.experiments.study.ledger import Ledger, Rate
from bench.records.record import Cost

PROBE_STEPS = 20
"""Of the first measured run: long enough to average over batches, short beside a budget."""
_SHARE_MEASURED = 0.2
"""Least share of a budget of seconds that is measured, so that the time to set up is not taken for that of steps."""
_GROWTH = 4
"""How much longer the next measured run is at the least; of one that was too short it stays within the budget."""
_SPEED = ("batch_size", "optimizer", "max_grad_norm", "precision")
"""Fields of `training` that change how long a step takes."""

Measure = Callable[[], Rate]


def steps_of(budget: Budget, config: SuiteConfig, ledger: Ledger, measure: Measure) -> int:
    """Return how many steps a configuration may take, rounded down.

    Args:
        budget: of the study.
        config: the configuration; its own number of steps does not matter.
        ledger: where rates are kept.
        measure: runs a part of the budget; called where no rate is kept that fits.

    Raises:
        InputError: the budget is less than one step.
    """
    if budget.steps is not None:
        return budget.steps
    rate = known_rate(budget, config, ledger)
    if rate is None:
        rate = measure()
        ledger.keep_rate(rate_key(budget, config), rate)
    used = rate.n_tokens if budget.tokens is not None else rate.training_s
    amount = budget.tokens if budget.tokens is not None else (budget.seconds or 0.0)
    steps = int(amount * rate.n_steps / used)
    if steps < 1:
        raise InputError(
            f"a budget of {budget} is less than one step of {config.method_name} ({used / rate.n_steps:.3g}); give more"
        )
    return steps


def measured(budget: Budget, probe: Callable[[int], Cost]) -> tuple[int, Cost]:
    """Return the steps and the cost of a run that shows how fast a configuration is.

    Tokens show in one short run. Seconds need runs that grow until one trains for a fifth of the budget; the first is
    never the one, for it may warm up caches.

    Args:
        budget: of tokens or seconds.
        probe: runs so many steps.
    """
    n_steps, cost = PROBE_STEPS, probe(PROBE_STEPS)
    if budget.seconds is None:
        return n_steps, cost
    is_first = True
    while is_first or cost.stages_s["training"] < _SHARE_MEASURED * budget.seconds:
        training_s = cost.stages_s["training"]
        if training_s < _SHARE_MEASURED * budget.seconds:
            n_steps = int(n_steps * max(_GROWTH, budget.seconds / _GROWTH / training_s))
        is_first, cost = False, probe(n_steps)
    return n_steps, cost


def known_rate(budget: Budget, config: SuiteConfig, ledger: Ledger) -> Rate | None:
    """Return the rate that was measured for a configuration; none where there is none, or none is needed."""
    return None if budget.steps is not None else ledger.rates.get(rate_key(budget, config))


def rate_key(budget: Budget, config: SuiteConfig) -> str:
    """Return 12 hex digits that change with everything that a rate depends on.

    Tokens in a batch depend on the text, the tokenizer and the batch size; the time of a step on the method too.
    """
    values = config.model_dump(
        mode="json", include={"suite", "version", "profile", "task", "data", "model"}, exclude_none=True
    )
    training = config.training.model_dump(mode="json", include=set(_SPEED))
    if budget.tokens is not None:
        values |= {"batch_size": training["batch_size"]}
    else:
        values |= {
            "seconds": budget.seconds,
            "training": training,
            "method": config.method.model_dump(mode="json", exclude_none=True),
        }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
