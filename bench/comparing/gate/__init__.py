"""The gate: stored runs x stored baselines x a policy -> a verdict that CI can trust.

    >>> from pathlib import Path
    >>> import bench
    >>> verdict = bench.gate(runs_root=Path("runs"))                       # doctest: +SKIP
    >>> verdict.outcome, verdict.exit_code                                 # doctest: +SKIP
    ('pass', 0)

`policy` reads what is looked at, `pairs` finds runs and baselines, `current` says in what the suite differs from
stored runs, `evidence` sets both sides beside each other, `deciding` makes a row of each, and `verdict` is what comes
of it. It works on stored files and loads no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.comparing.gate.deciding import decide, decide_cost, suite_row
from bench.comparing.gate.evidence import cost_evidence, metric_evidence
from bench.comparing.gate.explaining import explain
from bench.comparing.gate.failures import failure_notes, failure_rows, with_failures
from bench.comparing.gate.in_turn import decide_in_turn
from bench.comparing.gate.pairs import Obstacle, Pair, came_with_bench, find_pairs
from bench.comparing.gate.policy import ALLOWANCES, Policy, find_policy, load_policy
from bench.comparing.gate.soundness import faults
from bench.comparing.gate.trace import amended, leave_traces, replanned
from bench.comparing.gate.verdict import GateRow, Origin, Origins, Verdict
from bench.comparing.side import Side
from bench.core.errors import InputError, suggest
from bench.records.provenance import Code, code_at_hand
from bench.records.store import Store, default_roots
from bench.statistics.sequential import by_seeds

__all__ = ["GateRow", "Policy", "Verdict", "decide_pairs", "find_policy", "gate", "judge", "load_policy"]


def gate(
    runs: Sequence[str | Path] = (),
    *,
    policy: Path | None = None,
    runs_root: Path = Path("runs"),
    baselines_root: Path | None = None,
    allow: Collection[str] = (),
    at_hand: Code | None = None,
    sequential: bool = False,
    max_seeds: int | None = None,
) -> Verdict:
    """Hold stored runs to the stored baselines, as a policy says.

    Args:
        runs: run folders and config-key folders; default: the stored runs of every suite that the policy names, of the
            config that it has now.
        policy: the policy file; default: `policy.toml` in the folder of baselines.
        runs_root: where runs are stored.
        baselines_root: where baselines are stored; default: `bench.records.store.default_roots()`.
        allow: what is judged although it would be stale, besides what the policy allows; see
            `bench.comparing.gate.policy.Allowance`.
        at_hand: the code that is gated; default: that of this process.
        sequential: look after every seed, in the order of their numbers, and stop at the first look that decides.
        max_seeds: most seeds that this will ever look at; default: the policy's.

    Returns:
        The verdict: one row a metric and cost limit. Runs or baselines that are stale, missing, or cannot be read, are
        rows too, so that they hide no regression elsewhere.

    Raises:
        InputError: the policy is wrong, `allow` holds an unknown word, or a given run does not exist or is none of its
            suites.
    """
    for word in allow:
        if word not in ALLOWANCES:
            raise InputError(f"--allow {word!r} is not known{suggest(word, ALLOWANCES)}")
    roots = None if baselines_root is None else (baselines_root,)
    path = policy or find_policy([*(roots or ()), *default_roots()])
    held_to = load_policy(path)
    held_to = held_to.model_copy(
        update={"allow": tuple(name for name in ALLOWANCES if name in (*held_to.allow, *allow))}
    )
    store = Store(runs_root=runs_root, roots=roots)
    pairs = find_pairs(runs, held_to, store, at_hand or code_at_hand())
    verdict = judge(pairs, held_to, policy_path=str(path), sequential=sequential, max_seeds=max_seeds)
    if policy is None and came_with_bench(path, store.roots[0]):
        said = f"the policy is the one that came with bench ({path}), for {store.roots[0]} has none"
        return replace(verdict, notes=(*verdict.notes, said))
    return verdict


def judge(
    pairs: Sequence[Pair],
    policy: Policy,
    *,
    policy_path: str,
    sequential: bool = False,
    max_seeds: int | None = None,
) -> Verdict:
    """Return the verdict on runs beside their baselines, and note it beside the runs (`bench.comparing.gate.trace`).

    Arguments and errors: `decide_pairs` and `gate`.
    """
    if sequential:
        verdict, looked_at = decide_in_turn(
            pairs,
            policy,
            lambda chosen, at: decide_pairs(chosen, at, policy_path=policy_path, by_seeds_alone=True),
            max_seeds=max_seeds,
        )
        if verdict.stopping is not None:
            moved = [note for pair in looked_at for note in replanned(pair, verdict.stopping.last)]
            verdict = replace(verdict, notes=(*verdict.notes, *moved))
    else:
        looked_at = list(pairs)
        verdict = decide_pairs(pairs, policy, policy_path=policy_path)
        verdict = replace(verdict, notes=(*verdict.notes, *(note for pair in pairs for note in amended(pair))))
    leave_traces(verdict, looked_at)
    return verdict


def decide_pairs(pairs: Sequence[Pair], policy: Policy, *, policy_path: str, by_seeds_alone: bool = False) -> Verdict:
    """Return the verdict on runs beside their baselines. Pure.

    Args:
        pairs: what `bench.comparing.gate.pairs.find_pairs` found.
        policy: what decides.
        policy_path: what outputs call it.
        by_seeds_alone: give intervals the degrees of freedom that seeds leave, and no more.

    Raises:
        InputError: the policy names a metric that a baseline lacks.
    """
    evidence = [[] if pair.obstacle else metric_evidence(pair, policy) for pair in pairs]
    if by_seeds_alone:
        evidence = [
            [
                (limits, known if known.difference is None else replace(known, difference=by_seeds(known.difference)))
                for limits, known in metrics
            ]
            for metrics in evidence
        ]
    decided = iter(decide([metric for metrics in evidence for metric in metrics], policy))
    by_suite: dict[str, list[GateRow]] = {}
    for pair, metrics in zip(pairs, evidence, strict=True):
        own = [next(decided) for _ in metrics]
        by_suite.setdefault(pair.suite, []).extend(_rows_of(pair, own, policy))
    return Verdict(
        policy=policy,
        policy_path=policy_path,
        rows=tuple(row for rows in by_suite.values() for row in rows),
        origins=tuple(_origins(pair) for pair in pairs if pair.run is not None or pair.baseline is not None),
        notes=tuple(note for pair in pairs for note in pair.notes),
        failures=tuple(note for pair in pairs for note in _failures(pair)),
    )


def _failures(pair: Pair) -> Iterator[str]:
    if pair.obstacle is None and pair.run is not None and pair.baseline is not None:
        yield from failure_notes(pair.suite, pair.run, pair.baseline)


def _rows_of(pair: Pair, metrics: Sequence[GateRow], policy: Policy) -> list[GateRow]:
    """Return all rows of a pair: its metrics, its costs, and what stands in the way of a pass beside them."""
    if pair.obstacle is not None:
        return [_obstacle_row(pair, pair.obstacle, policy)]
    rows = [*metrics, *map(decide_cost, cost_evidence(pair, policy))]
    if pair.run is not None and pair.baseline is not None:
        origins = _origins(pair)
        rows = [replace(row, explanation=explain(row, pair.run, pair.baseline, origins)) for row in rows]
        rows += [
            suite_row(pair.suite, pair.method, name=fault.name, outcome="not comparable", reason=fault.reason)
            for fault in faults(pair.run, pair.baseline, policy)
        ]
        rows = [*with_failures(rows, pair.run, pair.baseline), *failure_rows(pair.suite, pair.run, policy)]
        primary = policy.suites[pair.suite].primary or pair.run.config.primary_metric
        rows += _without_primary(primary, pair, metrics)
    return rows


def _without_primary(primary: str, pair: Pair, metrics: Sequence[GateRow]) -> list[GateRow]:
    """Return a row that stands in the way where the primary metric did not decide: nothing else passes for it."""
    row = next((row for row in metrics if row.name == primary), None)
    if row is not None and row.decides and not row.is_tolerated:
        return []
    if row is not None and row.is_tolerated:
        reason = f"the primary metric, {primary}, did not decide, and nothing else passes for it: {row.reason}"
        return [suite_row(pair.suite, pair.method, name="primary metric", outcome="inconclusive", reason=reason)]
    reason = (
        f"the policy does not let the primary metric, {primary}, decide, and nothing else passes for it; give it "
        f'tier = "critical" and a limit under suites.{pair.suite}.metrics, or name another, suites.{pair.suite}.primary'
    )
    return [suite_row(pair.suite, pair.method, name="primary metric", outcome="not comparable", reason=reason)]


def _obstacle_row(pair: Pair, obstacle: Obstacle, policy: Policy) -> GateRow:
    """Return the row of a suite of which nothing is judged; what is not required stands in nobody's way."""
    decides = obstacle.outcome != "shown"
    if obstacle.outcome in ("missing", "stale") and not obstacle.given:
        decides = policy.suites[pair.suite].required
    return suite_row(
        pair.suite, pair.method, name=obstacle.name, outcome=obstacle.outcome, reason=obstacle.reason, decides=decides
    )


def _origins(pair: Pair) -> Origins:
    run, baseline = (None if side is None else _origin(side) for side in (pair.run, pair.baseline))
    packages = [{} if origin is None else origin.packages for origin in (run, baseline)]
    names = sorted({*packages[0], *packages[1]}) if all(packages) else []
    others = [
        f"{name} {packages[0].get(name, 'absent')}, baseline {packages[1].get(name, 'absent')}"
        for name in names
        if packages[0].get(name) != packages[1].get(name)
    ]
    return Origins(suite=pair.suite, method=pair.method, run=run, baseline=baseline, other_packages=tuple(others))


def _origin(side: Side) -> Origin:
    environments = [record.environment for record in side.records]
    packages = {
        name: ", ".join(dict.fromkeys(environment.packages.get(name, "absent") for environment in environments))
        for name in sorted({name for environment in environments for name in environment.packages})
    }
    return Origin(
        config_key=side.config.key,
        seeds=side.seeds,
        code=tuple(dict.fromkeys(str(Code.of(environment)) for environment in environments)),
        packages=packages,
    )
