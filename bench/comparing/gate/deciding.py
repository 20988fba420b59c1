"""Evidence x policy -> the rows of a verdict. Pure: no file is read.

How a metric's row is decided. Its drop is the baseline minus the run in the harmful direction, and its interval covers
1 - 2 * alpha, so that either end is a one-sided test at alpha.

- `pass`: the interval lies wholly within the margin. A gate passes only if every critical row passes, so each row may
  be tested at alpha without correction, and a harmful run still passes with a chance of at most alpha (an
  intersection-union test: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24).
- `regression`: the interval lies wholly beyond the margin, and the one-sided p-value for "not worse than the margin" is
  at most alpha after correction. One row is enough to fail a gate, so here the p-values of all critical and supporting
  rows are corrected together: without any harm, some row is called a regression with a chance of at most alpha.
- `inconclusive`: anything else, and whatever would pass on fewer seeds or examples than the policy asks for.

Where nothing varies (every example, or every seed, moved by the same amount) there is no standard error. No difference
at all passes. Any other counts as n coin flips that agree (`bench.statistics.differences`), so a handful of examples
decides nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.comparing.gate.policy import MetricPolicy, Policy
from bench.comparing.gate.verdict import CostEvidence, GateEvidence, GateOutcome, GateRow
from bench.core.wording import plural
from bench.statistics.intervals import Interval

_SLACK = 1e-9
"""Share of the larger value below which two numbers are the same one, rounded otherwise."""


# --- metrics ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drop(Interval):
    """A difference, turned so that above zero is a loss."""

    p_beyond: float
    """One-sided, for a loss of at most the margin."""


def decide(evidence: Sequence[tuple[MetricPolicy, GateEvidence]], policy: Policy) -> list[GateRow]:
    """Return one row a metric, in the order given.

    Args:
        evidence: every metric of every suite that is gated, with its limits: correction is over all of them together.
        policy: what decides.
    """
    from bench.statistics.tests import adjusted

    margins = [
        None if metric_evidence.baseline is None else limits.margin(metric_evidence.baseline)
        for limits, metric_evidence in evidence
    ]
    drops = [_drop_of(metric_evidence, margin) for (_, metric_evidence), margin in zip(evidence, margins, strict=True)]
    family = [i for i, (limits, _) in enumerate(evidence) if limits.tier != "advisory" and drops[i] is not None]
    p_values = [drop.p_beyond for i in family if (drop := drops[i]) is not None]
    corrected = dict(zip(family, adjusted(p_values, policy.correction), strict=True))
    return [
        _metric_row(limits, metric_evidence, margin, drop, corrected.get(i), policy)
        for i, ((limits, metric_evidence), margin, drop) in enumerate(zip(evidence, margins, drops, strict=True))
    ]


def _drop_of(evidence: GateEvidence, margin: float | None) -> _Drop | None:
    """Return the drop against its margin, or none where nothing can be said."""
    difference = evidence.difference
    if difference is None or evidence.run is None or evidence.baseline is None:
        return None
    if not all(math.isfinite(number) for number in (evidence.run, evidence.baseline, difference.value)):
        return None
    sign: Literal[1, -1] = -1 if evidence.higher_is_better else 1
    low, high = sorted((sign * difference.low + 0.0, sign * difference.high + 0.0))  # + 0.0: no zero below zero
    value = sign * difference.value + 0.0
    p_beyond = difference.p_at_most((margin or 0.0) + _slack(evidence), sign=sign)
    return _Drop(value=value, low=low, high=high, confidence=difference.confidence, p_beyond=p_beyond)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _slack(evidence: GateEvidence) -> float:
    return _SLACK * max(abs(evidence.run or 0.0), abs(evidence.baseline or 0.0))


def _metric_row(
    limits: MetricPolicy,
    evidence: GateEvidence,
    margin: float | None,
    drop: _Drop | None,
    p_adjusted: float | None,
    policy: Policy,
) -> GateRow:
    if drop is None:
        outcome, reason = _not_comparable(evidence)
    else:
        outcome, reason = _judged(limits, evidence, margin, drop, p_adjusted, policy)
    too_good = drop is not None and _is_too_good(drop, evidence, policy)
    if too_good:
        reason += "; better than the policy believes: look for a leak between training and test rows"
    return GateRow(
        suite=evidence.suite,
        method=evidence.method,
        kind="metric",
        name=evidence.metric,
        tier=limits.tier,
        outcome=outcome,
        decides=limits.tier != "advisory",
        reason=reason,
        unit=evidence.unit,
        higher_is_better=evidence.higher_is_better,
        run=_finite(evidence.run),
        baseline=_finite(evidence.baseline),
        margin=_finite(margin),
        drop=None if drop is None else drop.value,
        low=None if drop is None else _finite(drop.low),
        high=None if drop is None else _finite(drop.high),
        over=None if drop is None or evidence.difference is None else evidence.difference.over,
        p_value=None if drop is None or margin is None else drop.p_beyond,
        p_adjusted=None if margin is None else p_adjusted,
        n_seeds_run=evidence.n_seeds_run,
        n_seeds_baseline=evidence.n_seeds_baseline,
        n_examples=evidence.n_examples,
        noise=evidence.noise,
        paired_seeds=evidence.difference is not None and evidence.difference.paired_seeds,
        too_good=too_good,
    )


def _not_comparable(evidence: GateEvidence) -> tuple[GateOutcome, str]:
    if evidence.why:
        return "not comparable", evidence.why
    return "not comparable", f"{evidence.metric} is not a finite number on both sides"


def _judged(
    limits: MetricPolicy,
    evidence: GateEvidence,
    margin: float | None,
    drop: _Drop,
    p_adjusted: float | None,
    policy: Policy,
) -> tuple[GateOutcome, str]:
    """Return the outcome of a row whose two sides compare, and why."""
    if margin is None:
        return "shown", "no limit is set"
    slack = _slack(evidence)
    needed_seeds, n_seeds = limits.min_seeds or policy.min_seeds, min(evidence.n_seeds_run, evidence.n_seeds_baseline)
    needed_examples, n_examples = limits.min_examples or policy.min_examples, evidence.n_examples or 0
    beyond, within = drop.low > margin + slack, drop.high <= margin + slack
    if beyond and (drop.p_beyond if p_adjusted is None else p_adjusted) <= policy.alpha:
        few = f", on {plural(n_seeds, 'seed')} alone" if n_seeds < needed_seeds else ""
        return "regression", f"the whole interval is beyond the margin{few}"
    if n_seeds < needed_seeds:
        side = "run" if evidence.n_seeds_run <= evidence.n_seeds_baseline else "baseline"
        few = f"the {side} has {plural(n_seeds, 'seed')}, and the policy wants {needed_seeds}"
        return "inconclusive", f"{few}: {plural(needed_seeds - n_seeds, 'more seed')} may decide"
    if n_examples < needed_examples:
        few = f"the scores are of {plural(n_examples, evidence.counts)}, and the policy wants {needed_examples}"
        return "inconclusive", f"{few}: {plural(needed_examples - n_examples, f'more {evidence.counts}')} may decide"
    if within:
        is_zero = drop.low == drop.high and abs(drop.value) <= slack
        return "pass", "no difference at all" if is_zero else "the whole interval is within the margin"
    if beyond and p_adjusted:
        corrected = policy.alpha * drop.p_beyond / p_adjusted
        doubt = "the interval is beyond the margin, but not after correction over all rows"
        return "inconclusive", f"{doubt}; {_needs(evidence, margin, corrected)}"
    doubt = _rows_that_agree(evidence, drop, margin) or "the interval straddles the margin"
    return "inconclusive", f"{doubt}; {_needs(evidence, margin, policy.alpha)}"


def _rows_that_agree(evidence: GateEvidence, drop: _Drop, margin: float) -> str:
    """Return why right and wrong answers that hardly differ do not pass; empty where it is not that."""
    difference = evidence.difference
    if difference is None or not difference.of_decisions or drop.high <= margin or difference.standard_error > 0:
        return ""
    rows = plural(difference.n_examples, evidence.counts)
    return f"the two sides agree on all of the {rows}, and so few cannot rule out a drop of {drop.high:.3f}"


def _needs(evidence: GateEvidence, margin: float, alpha: float) -> str:
    """Return what would decide, were the difference found the true one.

    Args:
        evidence: of a row whose two sides compare.
        margin: in the harmful direction.
        alpha: one-sided.
    """
    from bench.statistics.power import needed

    if evidence.difference is None:
        return ""
    signed = -margin if evidence.higher_is_better else margin
    return needed(evidence.difference, margin=signed, alpha=alpha, counts=evidence.counts).why


def _is_too_good(drop: _Drop, evidence: GateEvidence, policy: Policy) -> bool:
    """Return whether the whole interval is a gain beyond the policy's share of what was left to gain."""
    if policy.too_good is None or evidence.baseline is None:
        return False
    left = abs(evidence.baseline if evidence.best is None else evidence.best - evidence.baseline)
    return left > 0 and -drop.high > policy.too_good * left


# --- cost and whole suites -------------------------------------------------------------------------------------------


def decide_cost(evidence: CostEvidence) -> GateRow:
    """Return the row of one cost limit: the ratio of the medians over seeds against its limit."""
    run, baseline = (statistics.median(side) if side else None for side in (evidence.run, evidence.baseline))
    outcome: GateOutcome = "not comparable"
    ratio = None
    if evidence.why:
        reason = evidence.why
    elif run is None or not baseline:
        reason = f"the {'run' if run is None else 'baseline'} measured none"
    else:
        ratio = run / baseline
        within = ratio <= evidence.limit * (1 + _SLACK)
        outcome = "pass" if within else "regression"
        reason = f"the ratio is {'within' if within else 'beyond'} the limit"
        if evidence.other_device:
            outcome, reason = "not comparable", f"{evidence.other_device}: the ratio decides nothing"
    return GateRow(
        suite=evidence.suite,
        method=evidence.method,
        kind="cost",
        name=evidence.limit_name,
        tier="critical",
        outcome=outcome,
        decides=not evidence.other_device,
        reason=reason,
        unit=evidence.unit,
        higher_is_better=False,
        run=run,
        baseline=baseline,
        margin=evidence.limit,
        drop=ratio,
        n_seeds_run=len(evidence.run),
        n_seeds_baseline=len(evidence.baseline),
    )


def suite_row(
    suite: str,
    method: str,
    *,
    outcome: GateOutcome,
    reason: str,
    decides: bool = True,
    name: str = "evidence",
) -> GateRow:
    """Return a row that is about a suite as a whole: a run or a baseline is stale, missing or broken."""
    return GateRow(
        suite=suite,
        method=method,
        kind="suite",
        name=name,
        tier="critical",
        outcome=outcome,
        decides=decides,
        reason=reason,
    )
