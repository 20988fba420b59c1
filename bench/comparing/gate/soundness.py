"""What keeps runs from being evidence at all, whatever they score. Pure.

Copies of one run under several seed numbers say nothing of how seeds differ; weights that do not give their predictions
again are not what was scored; and test rows that were trained on measure memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.comparing.gate.policy import Policy
from bench.comparing.side import Side
from bench.records.record import RunRecord

_HASHES: Final[tuple[tuple[Literal["final_trainable", "predictions"], str], ...]] = (
    ("final_trainable", "weights"),
    ("predictions", "predictions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that keeps a suite from passing."""

    name: Literal["seeds", "reload", "leak"]
    reason: str


def copies(run: Side, baseline: Side) -> str:
    """Return which seeds are one run under several numbers; empty where none are.

    One number on both sides may well have given the same: that is what a repeated run should do.

    Args:
        run: what is gated.
        baseline: what it is held to.
    """
    for field, what in _HASHES:
        owners: dict[str, list[tuple[str, int]]] = {}
        for name, side in (("the run", run), ("the baseline", baseline)):
            for record in side.records:
                owners.setdefault(getattr(record.hashes, field), []).append((name, record.seed))
        for sha256, seeds in owners.items():
            if len({seed for _, seed in seeds}) > 1:
                listed = " and ".join(f"seed {seed} of {name}" for name, seed in seeds)
                return (
                    f"{listed} have the same {what} (sha256 {sha256[:12]}), so they are one run under several numbers "
                    "and say nothing of how seeds differ"
                )
    return ""


def faults(run: Side, baseline: Side, policy: Policy) -> Iterator[Fault]:
    """Yield what keeps a run from passing, whatever it scored; a regression is still one.

    Args:
        run: what is gated.
        baseline: what it is held to.
        policy: how many test rows may stand in the training rows.
    """
    for name, side in (("run", run), ("baseline", baseline)):
        if seeds := [str(record.seed) for record in side.records if not record.reload_identical]:
            which = f"seed{'s'[: len(seeds) > 1]} {', '.join(seeds)}"
            yield Fault(
                name="reload",
                reason=f"{which} of the {name}: the saved weights, loaded again, gave other predictions, so the scores "
                "are not those of the model that was saved",
            )
    suite = policy.suites[run.config.suite]
    limit = policy.max_leak if suite.max_leak is None else suite.max_leak
    if reason := _leak(run.records, limit):
        yield Fault(name="leak", reason=reason)


def _leak(records: Sequence[RunRecord], limit: float) -> str:
    """Return that too many scored rows were trained on; empty where they are within the limit."""
    record = max(records, key=_n_leaked)
    split = record.config.scored_split or "test"
    n_rows = record.data.splits[split].n_examples if split in record.data.splits else 0
    n_leaked = _n_leaked(record)
    if not n_leaked or n_leaked <= limit * n_rows:
        return ""
    unit = record.data.splits[split].unit if split in record.data.splits else "rows"
    return (
        f"{n_leaked:,} of {n_rows:,} test {unit} ({n_leaked / max(n_rows, 1):.1%}) also stand in the training rows, "
        f"whole or nearly, and the policy allows {limit:.1%} (max_leak): scores on them measure memory"
    )


def _n_leaked(record: RunRecord) -> int:
    return max(record.data.train_test_overlap, record.data.near_duplicates or 0)
