"""The gate: stored runs x stored baselines x a policy -> a verdict that CI can trust.

    >>> from pathlib import Path
    >>> import bench
    >>> verdict = bench.gate(runs_root=Path("runs"))                       # doctest: +SKIP
    >>> verdict.outcome, verdict.exit_code                                 # doctest: +SKIP
    ('pass', 0)

`policy` reads what is looked at, `pairs` finds runs and baselines, `evidence` sets them side by side, `deciding` makes
a row of each, and `verdict` is what comes of it. It works on stored files and loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.comparing.gate.deciding import decide, decide_cost, suite_row
from bench.comparing.gate.evidence import cost_evidence, metric_evidence
from bench.comparing.gate.pairs import Pair, find_pairs
from bench.comparing.gate.policy import Policy, find_policy, load_policy
from bench.comparing.gate.verdict import GateRow, Verdict
from bench.records.store import Store, default_roots

__all__ = ["GateRow", "Policy", "Verdict", "decide_pairs", "find_policy", "gate", "load_policy"]


def gate(
    runs: Sequence[str | Path] = (),
    *,
    policy: Path | None = None,
    runs_root: Path = Path("runs"),
    baselines_root: Path | None = None,
) -> Verdict:
    """Hold stored runs to the stored baselines, as a policy says.

    Args:
        runs: run folders and config-key folders; default: the newest stored runs of every suite that the policy names.
        policy: the policy file; default: `policy.toml` in the folder of baselines.
        runs_root: where runs are stored.
        baselines_root: where baselines are stored; default: `bench.records.store.default_roots()`.

    Returns:
        The verdict: one row a metric and cost limit. Runs or baselines that are missing, or cannot be read, are rows
        too, so that they hide no regression elsewhere.

    Raises:
        InputError: the policy is wrong, or a given run does not exist or is none of its suites.
    """
    roots = None if baselines_root is None else (baselines_root,)
    path = policy or find_policy([*(roots or ()), *default_roots()])
    held_to = load_policy(path)
    pairs = find_pairs(runs, held_to, Store(runs_root=runs_root, roots=roots))
    return decide_pairs(pairs, held_to, policy_path=str(path))


def decide_pairs(pairs: Sequence[Pair], policy: Policy, *, policy_path: str) -> Verdict:
    """Return the verdict on runs beside their baselines. Pure.

    Args:
        pairs: what `bench.comparing.gate.pairs.find_pairs` found.
        policy: what decides.
        policy_path: what outputs call it.

    Raises:
        InputError: the policy names a metric that a baseline lacks.
    """
    by_suite: dict[str, list[GateRow]] = {}
    evidence, costs = [], []
    for pair in pairs:
        rows = by_suite.setdefault(pair.suite, [])
        if pair.missing:
            required = policy.suites[pair.suite].required
            rows.append(suite_row(pair.suite, pair.method, outcome="missing", reason=pair.missing, decides=required))
        elif pair.broken:
            rows.append(suite_row(pair.suite, pair.method, outcome="not comparable", reason=pair.broken, decides=True))
        else:
            evidence += metric_evidence(pair, policy)
            costs += cost_evidence(pair, policy)
    for row in (*decide(evidence, policy), *map(decide_cost, costs)):
        by_suite[row.suite].append(row)
    rows_of_all = [row for rows in by_suite.values() for row in (*rows, *_undecided(rows))]
    return Verdict(policy=policy, policy_path=policy_path, rows=tuple(rows_of_all))


def _undecided(rows: Sequence[GateRow]) -> list[GateRow]:
    """Return a row that stands in the way where a suite was measured and nothing of it decides."""
    if not rows or any(row.decides or row.kind == "suite" for row in rows):
        return []
    reason = "nothing that decides could be compared: cost limits alone say nothing of another device"
    return [suite_row(rows[0].suite, rows[0].method, outcome="not comparable", reason=reason, decides=True)]
