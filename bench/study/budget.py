"""A budget in steps, whatever it was given in: tokens and seconds are measured once and turned into steps.

The record of every run then names steps, and can be run again anywhere. A rate is measured by a short run of the same
configuration and kept in the study's ledger, so that a study that goes on later comes to the same steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from bench.config import SuiteConfig
from bench.errors import InputError
from bench.study.config import Budget
from bench.study.ledger import Ledger, Rate

PROBE_STEPS = 20
"""Long enough to average over batches, short beside a budget."""
_SPEED = ("batch_size", "optimizer", "max_grad_norm", "precision")
"""Fields of `training` that change how long a step takes."""

Measure = Callable[[], Rate]


def steps_of(budget: Budget, config: SuiteConfig, ledger: Ledger, measure: Measure) -> int:
    """Return how many steps a configuration may take, rounded down.

    Args:
        budget: of the study.
        config: the configuration; its own number of steps does not matter.
        ledger: where rates are kept.
        measure: runs `PROBE_STEPS` of the configuration; called where no rate is kept that fits.

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
    wanted = budget.tokens if budget.tokens is not None else (budget.seconds or 0.0)
    steps = int(wanted * rate.n_steps / used)
    if steps < 1:
        raise InputError(
            f"a budget of {budget} is less than one step of {config.method_name} ({used / rate.n_steps:.3g}); give more"
        )
    return steps


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
        values |= {"training": training, "method": config.method.model_dump(mode="json", exclude_none=True)}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
