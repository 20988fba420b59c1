"""The code that runs were made by, beside the code at hand, and beside that of the other seeds. Pure.

A result speaks for the code that made it: a run of another version or commit, or of changes that no commit holds, says
nothing of the code at hand, and a mean over seeds of different code mixes what should be held apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from bench.records.provenance import Code
from bench.records.record import RunRecord

CodeFault = Literal["commit", "version", "dirty", "mixed"]
"""Another commit or version of bench than the one at hand; changes of its code that no commit holds; seeds that were
made by different code."""


def code_objections(records: Sequence[RunRecord], at_hand: Code) -> Iterator[tuple[CodeFault, str]]:
    """Yield what is wrong with the code that runs were made by.

    Two states of changed code are one only where the hash of the source files shows it.

    Args:
        records: one a seed.
        at_hand: the code that is gated.
    """
    if mixed := mixed_code(records):
        yield "mixed", f"the seeds were made by different code: {'; '.join(mixed)}"
    by_name: dict[CodeFault, dict[str, None]] = {}
    for code in dict.fromkeys(Code.of(record.environment) for record in records):
        for name, objection in differences_from(code, at_hand):
            by_name.setdefault(name, {})[objection] = None
    yield from ((name, "; ".join(objections)) for name, objections in by_name.items())


def differences_from(code: Code, at_hand: Code) -> Iterator[tuple[CodeFault, str]]:
    """Yield in what the code that made runs is not the code at hand."""
    checks: dict[CodeFault, Callable[[Code, Code], str]] = {"version": _version, "commit": _commit, "dirty": _dirty}
    for name, check in checks.items():
        if objection := check(code, at_hand):
            yield name, objection


def _version(code: Code, at_hand: Code) -> str:
    if code.version == at_hand.version:
        return ""
    return f"the runs are of bench {code.version}, and {at_hand.version} is at hand"


def _commit(code: Code, at_hand: Code) -> str:
    same_files = _same_files(code, at_hand)
    if code.commit == at_hand.commit and (code.commit is not None or same_files):
        return ""
    if None in (code.commit, at_hand.commit) and same_files:
        return ""
    if code.commit == at_hand.commit:
        return "neither the runs nor the code at hand name a commit, and nothing shows that they are the same code"
    proven = " (the source files of bench are the same)" if same_files else ""
    return f"the runs are of {_named(code)}, and {_named(at_hand)} is at hand{proven}"


def _named(code: Code) -> str:
    return "no known commit" if code.commit is None else f"commit {code.commit[:7]}"


def _dirty(code: Code, at_hand: Code) -> str:
    if code.commit is None or _same_files(code, at_hand):
        return ""
    if (
        code.commit == at_hand.commit
        and None not in (code.sha256, at_hand.sha256)
        and not (code.dirty or at_hand.dirty)
    ):
        return "one commit is named by the runs and at hand, and the source files of bench differ all the same"
    if code.dirty is False and (at_hand.dirty is False or code.commit != at_hand.commit):
        return ""
    if code.dirty is False:
        return "the code at hand has changes that no commit holds, and the runs were made without them"
    return "the runs were made by code with changes that no commit holds, and nothing shows that it is the code at hand"


def _same_files(code: Code, at_hand: Code) -> bool:
    return code.sha256 is not None and code.sha256 == at_hand.sha256


def mixed_note(records: Sequence[RunRecord]) -> str:
    """Return a sentence that says so beside a mean over seeds; empty where all were made by one code."""
    mixed = mixed_code(records)
    if not mixed:
        return ""
    return f"These seeds were made by different code, and every mean below mixes them: {'; '.join(mixed)}."


def mixed_code(records: Sequence[RunRecord]) -> list[str]:
    """Return each thing in which the code or the libraries of seeds differ, with who has what; empty where none does.

    Args:
        records: one a seed, of one config.
    """
    packages = sorted({name for record in records for name in record.environment.packages})
    things: list[tuple[str, Callable[[RunRecord], str]]] = [
        ("bench", lambda record: record.environment.bench_version),
        ("commit", lambda record: (record.environment.commit or "none")[:7]),
        ("source files", _state),
        *((name, _package_of(name)) for name in packages),
    ]
    return [difference for name, read in things if (difference := _by_value(name, records, read))]


def _package_of(name: str) -> Callable[[RunRecord], str]:
    return lambda record: record.environment.packages.get(name, "absent")


def _state(record: RunRecord) -> str:
    """Return which state of uncommitted changes a run was made in; without a commit, the hash alone tells the code."""
    code = Code.of(record.environment)
    if code.commit is None:
        return "not known" if code.sha256 is None else code.sha256[:7]
    if not code.dirty:
        return "as committed"
    return "changed" if code.sha256 is None else f"changed ({code.sha256[:7]})"


def _by_value(name: str, records: Sequence[RunRecord], read: Callable[[RunRecord], str]) -> str:
    """Return `name A for seeds 0, 1 and B for seed 2`; empty where all have one value."""
    seeds: dict[str, list[int]] = {}
    for record in records:
        seeds.setdefault(read(record), []).append(record.seed)
    if len(seeds) == 1:
        return ""
    parts = [f"{value} for seed{'s'[: len(of) > 1]} {', '.join(map(str, of))}" for value, of in seeds.items()]
    return f"{name} {' and '.join(parts)}"
