"""The gate with a look after every seed: it stops at the first that decides, and holds alpha wherever that is. Pure.

Seeds are looked at in the order of their numbers, so the same stored runs give the same verdict whenever they are
gated, and a seed beyond the one that decided is not looked at. `bench.statistics.sequential` has the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from bench.comparing.gate.current import run_command
from bench.comparing.gate.pairs import Pair
from bench.comparing.gate.policy import Policy
from bench.comparing.gate.verdict import Stopping, Verdict
from bench.core.errors import InputError
from bench.core.wording import plural
from bench.statistics.sequential import MOST, plan

_NOTHING: Final = 1e-9
"""An alpha that decides nothing."""
Decide = Callable[[Sequence[Pair], Policy], Verdict]


def decide_in_turn(
    pairs: Sequence[Pair], policy: Policy, decide: Decide, *, max_seeds: int | None
) -> tuple[Verdict, list[Pair]]:
    """Return the verdict at the first look that decides, and what it was made of.

    Args:
        pairs: what `bench.comparing.gate.pairs.find_pairs` found.
        policy: its `alpha` is spent over all looks; its `min_seeds` is the first of them.
        decide: judges pairs by a policy, intervals by the degrees of freedom of their seeds.
        max_seeds: most seeds that will ever be looked at; default: the policy's.

    Raises:
        InputError: no maximum is stated, or it is below the first look.
    """
    most = max_seeds if max_seeds is not None else policy.max_seeds
    first = max(policy.min_seeds, 2)
    if most is None:
        raise InputError(
            "looking after every seed needs a stated maximum: give --max-seeds N, or max_seeds in the policy, before "
            "the first look"
        )
    if not first <= most <= MOST:
        raise InputError(f"max_seeds is {most}; give {first} (the policy's min_seeds) to {MOST}")
    judged = [pair for pair in pairs if pair.obstacle is None]
    last = min([most, *(_most_of(pair) for pair in judged)])
    stored = min((len(_seeds(pair)) for pair in judged), default=0)
    if not judged or last < first or stored < first:
        # Nothing of alpha is spent before the first look.
        verdict = decide(pairs, policy.model_copy(update={"alpha": _NOTHING}) if judged else policy)
        few = f"sequential: no look yet, for the first is after {plural(first, 'seed')} on both sides"
        return replace(verdict, notes=(*verdict.notes, few)) if judged else verdict, list(pairs)
    looks = plan(first, last, policy.alpha, _n_tests(judged, policy))
    for n in range(first, min(stored, last) + 1):
        chosen = [_first_seeds(pair, n) for pair in pairs]
        verdict = decide(chosen, policy.model_copy(update={"alpha": looks.level(n)}))
        if verdict.outcome in ("pass", "regression"):
            break
    stopping = Stopping(
        first=first,
        last=last,
        stated=most,
        alpha=policy.alpha,
        levels=looks.levels,
        n_seeds=n,
        is_decided=verdict.outcome in ("pass", "regression"),
    )
    said = _in_words(stopping, stored, verdict, judged)
    return replace(verdict, stopping=stopping, notes=(*verdict.notes, said)), chosen


def _n_tests(judged: Sequence[Pair], policy: Policy) -> int:
    """Return how many rows could call a regression: their p-values are corrected together."""
    metrics = [limits for pair in judged for limits in policy.suites[pair.suite].metrics.values()]
    return max(sum(limits.tier != "advisory" for limits in metrics), 1)


def _seeds(pair: Pair) -> tuple[int, ...]:
    """Return the seeds of a run, all of which count."""
    return () if pair.run is None or pair.baseline is None else pair.run.seeds


def _most_of(pair: Pair) -> int:
    """Return how many seeds can be set against the baseline."""
    return len(pair.baseline.seeds) if pair.baseline is not None and pair.pairs_seeds else MOST


def _first_seeds(pair: Pair, n: int) -> Pair:
    """Return a pair with the first seeds of its run, by number."""
    if pair.run is None or pair.obstacle is not None:
        return pair
    chosen = sorted(_seeds(pair))[:n]
    run = replace(
        pair.run,
        records=tuple(record for record in pair.run.records if record.seed in chosen),
        statistics={seed: arrays for seed, arrays in pair.run.statistics.items() if seed in chosen},
        runs={seed: run for seed, run in pair.run.runs.items() if seed in chosen},
    )
    return replace(pair, run=run)


def _in_words(stopping: Stopping, stored: int, verdict: Verdict, judged: Sequence[Pair]) -> str:
    """Return how it was stopped, in two sentences."""
    n, last = stopping.n_seeds, stopping.last
    capped = "" if last == stopping.stated else f" ({stopping.stated} were stated; the baseline has {last})"
    how = (
        f"sequential: looks after every seed from {stopping.first} to {last}{capped}, which spend alpha = "
        f"{stopping.alpha:g} as ((k - 1) / {last - 1})^2 after k seeds; the level after {n} is "
        f"{stopping.levels[n - stopping.first]:.2g}"
    )
    if stopping.is_decided:
        unseen = f"; {plural(stored - n, 'later seed')} not looked at" if stored > n else ""
        return f"{how}. Stopped after {n} seeds: {verdict.outcome}{unseen}"
    if n == last:
        return f"{how}. Not decided after the last look: {verdict.outcome}; adding seeds beyond the plan would void it"
    return f"{how}. Not decided after {n} seeds: {verdict.outcome}; {_next_seed(judged, n)}"


def _next_seed(judged: Sequence[Pair], n: int) -> str:
    fewest = min(judged, key=lambda pair: len(_seeds(pair)))
    if fewest.run is None or fewest.baseline is None:
        return "run the next seed"
    pool = fewest.baseline.seeds if fewest.pairs_seeds else range(MOST)
    seed = next(seed for seed in sorted(pool) if seed not in fewest.run.seeds)
    return f"the next look wants seed {seed}: `{run_command(fewest.run.config, [seed])}`"
