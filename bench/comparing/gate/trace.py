"""Verdicts leave a trace beside their runs; a plain verdict on runs that were amended after one says so.

Adding seeds until a gate decides makes it wrong more often than `alpha`, and nothing in the runs tells. So each verdict
on as many seeds as the policy asks for is noted in the runs' config folder (`bench.records.store.verdicts`).
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bench.comparing.gate.pairs import Pair
from bench.comparing.gate.verdict import EXIT_CODES, Verdict
from bench.comparing.side import Side
from bench.core.wording import plural
from bench.records.store.verdicts import TracedVerdict, leave_trace, read_traces

_DECIDED_BY_SCORES = ("pass", "regression", "inconclusive")


def leave_traces(verdict: Verdict, pairs: list[Pair]) -> None:
    """Note a verdict beside the runs of each suite that it is on.

    Args:
        verdict: as given.
        pairs: what it was made of, with the runs that it looked at.
    """
    for pair in pairs:
        folder = _folder(pair)
        if folder is None or pair.run is None or len(pair.run.seeds) < verdict.policy.min_seeds:
            continue
        deciding = {r.outcome for r in verdict.rows if r.suite == pair.suite and r.decides and not r.is_tolerated}
        outcome = next((outcome for outcome in EXIT_CODES if outcome in deciding), "pass")
        if deciding and outcome in _DECIDED_BY_SCORES:
            max_seeds = None if verdict.stopping is None else verdict.stopping.last
            leave_trace(folder, _trace(pair, outcome, max_seeds))


def amended(pair: Pair) -> Iterator[str]:
    """Yield a sentence where runs were amended after the last verdict that was on others of them.

    Args:
        pair: a run beside its baseline.
    """
    folder = _folder(pair)
    if folder is None:
        return
    now = _trace(pair, "", None)
    earlier = [t for t in read_traces(folder) if t.baseline == now.baseline and dict(t.seeds) != dict(now.seeds)]
    if not earlier:
        return
    last = earlier[-1]
    changes = {
        "added": [seed for seed in now.seeds if seed not in last.seeds],
        "left out": [seed for seed in last.seeds if seed not in now.seeds],
        "run again": [seed for seed in now.seeds if last.seeds.get(seed, now.seeds[seed]) != now.seeds[seed]],
    }
    said = " and ".join(
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} {'were' if len(seeds) > 1 else 'was'} {what}"
        for what, seeds in changes.items()
        if seeds
    )
    yield (
        f"{pair.suite}: {said} after a verdict on {plural(len(last.seeds), 'seed')} ({last.outcome}, {last.at[:10]}). "
        "Amending runs until a gate decides makes it wrong more often than alpha; `bench gate --sequential` looks "
        "after every seed and holds it"
    )


def replanned(pair: Pair, max_seeds: int) -> Iterator[str]:
    """Yield a sentence where the looks at runs were planned otherwise before, or at runs that were made again since.

    Args:
        pair: a run beside its baseline, with the seeds that were looked at.
        max_seeds: most seeds of this plan.
    """
    folder = _folder(pair)
    if folder is None:
        return
    now = _trace(pair, "", max_seeds)
    earlier = [t for t in read_traces(folder) if t.baseline == now.baseline and t.max_seeds is not None]
    moved = [t for t in earlier if t.max_seeds != max_seeds]
    if moved:
        last = moved[-1]
        yield (
            f"{pair.suite}: an earlier look was planned for at most {last.max_seeds} seeds ({last.outcome}, "
            f"{last.at[:10]}), and this one for {max_seeds}: alpha holds for one maximum that is stated before the "
            "first look, and not for one that moves"
        )
    again = [seed for seed in now.seeds if any(t.seeds.get(seed, now.seeds[seed]) != now.seeds[seed] for t in earlier)]
    if again:
        which = f"seed{'s' if len(again) > 1 else ''} {', '.join(map(str, again))}"
        yield (
            f"{pair.suite}: {which} {'were' if len(again) > 1 else 'was'} run again after an earlier look: alpha holds "
            "where each seed is drawn once"
        )


def _folder(pair: Pair) -> Path | None:
    """Return the folder of a config's runs; none where there are none on disk, or nothing was judged."""
    if pair.obstacle is not None or pair.run is None or pair.baseline is None or not pair.run.runs:
        return None
    return next(iter(pair.run.runs.values())).folder.parent


def _trace(pair: Pair, outcome: str, max_seeds: int | None) -> TracedVerdict:
    return TracedVerdict(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        outcome=outcome,
        seeds=_hashes(pair.run),
        baseline=hashlib.sha256(repr(_hashes(pair.baseline)).encode()).hexdigest()[:16],
        max_seeds=max_seeds,
    )


def _hashes(side: Side | None) -> dict[int, str]:
    return {} if side is None else {record.seed: record.hashes.predictions for record in side.records}
