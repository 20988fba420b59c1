"""What a gate says of seeds that failed to train. Pure; `bench.comparing.failed_seeds` says which they are.

A failed seed stays in every mean and interval, so a run that has one is seldom decided. Where a run has none, few seeds
say little: three miss a failure of one in five half of the time, and then the others may pass. No test of the scores
can see that, so the verdict says how often seeds may fail unseen, and a policy may limit it (`max_failure_rate`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.comparing.failed_seeds import in_words, named, rate_interval, training_of
from bench.comparing.gate.deciding import suite_row
from bench.comparing.gate.policy import Policy
from bench.comparing.gate.verdict import GateOutcome, GateRow
from bench.comparing.side import Side
from bench.core.wording import plural


def failure_notes(suite: str, run: Side, baseline: Side) -> Iterator[str]:
    """Yield a sentence on the run, and one on the baseline where seeds of it failed."""
    yield f"{suite}: of the run, {in_words(training_of(run.records))}"
    if (training := training_of(baseline.records)).failed:
        yield f"{suite}: of the baseline, {in_words(training)}"


def with_failures(rows: Sequence[GateRow], run: Side, baseline: Side) -> list[GateRow]:
    """Return the rows of metrics that decide, with the seeds that failed in their reasons."""
    clauses = [
        f"{named(training.failed)} of {name} failed to train"
        for name, side in (("the run", run), ("the baseline", baseline))
        if (training := training_of(side.records)).failed
    ]
    if not clauses:
        return list(rows)
    said = f"; {' and '.join(clauses)}"
    return [replace(row, reason=row.reason + said) if row.kind == "metric" and row.decides else row for row in rows]


def failure_rows(suite: str, run: Side, policy: Policy) -> list[GateRow]:
    """Return a row where the policy limits the rate of failure and the run is not surely within it."""
    limit = policy.suites[suite].max_failure_rate
    limit = policy.max_failure_rate if limit is None else limit
    if limit is None:
        return []
    training = training_of(run.records)
    n_failed, n_seeds = len(training.failed), len(training.seeds)
    outcome: GateOutcome
    low, high = rate_interval(n_failed, n_seeds, confidence=policy.confidence)
    ends = f"{n_failed} of {plural(n_seeds, 'seed')} failed to train, a rate of {100 * low:.0f} % to {100 * high:.0f} %"
    if low > limit:
        outcome, reason = "regression", f"{ends}, and the policy allows {100 * limit:g} %"
    elif high > limit:
        # With none failed the upper end is 1 - alpha ** (1 / n).
        needed = math.ceil(math.log(policy.alpha) / math.log1p(-limit)) if limit < 1 else 1
        reason = f"{ends}, and the policy allows {100 * limit:g} %: {needed} seeds of which none fails would show that"
        outcome = "inconclusive"
    else:
        outcome, reason = "pass", f"{ends}, within the {100 * limit:g} % that the policy allows"
    return [suite_row(suite, run.config.method_name, name="failed seeds", outcome=outcome, reason=reason)]
