"""Which code made runs, beside the code at hand: what is objected to, and by which name it may be allowed."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_record

from bench.records.other_code import code_objections, mixed_code
from bench.records.provenance import Code
from bench.records.record import RunRecord

A, B, SOURCES, OTHER_SOURCES = "a" * 40, "b" * 40, "1" * 64, "2" * 64


def by(*seeds: int, **environment: Any) -> list[RunRecord]:
    """Return records of version 0.1.0, commit A, clean; `environment` changes that."""
    values = {"commit": A, "code_sha256": SOURCES, **environment}
    return [make_record(seed, **{f"environment__{name}": value for name, value in values.items()}) for seed in seeds]


def at_hand(**changes: Any) -> Code:
    return Code(**{"version": "0.1.0", "commit": A, "dirty": False, "sha256": SOURCES, **changes})


def names(records: list[RunRecord], code: Code) -> list[str]:
    return [name for name, _ in code_objections(records, code)]


@pytest.mark.parametrize(
    ("environment", "code", "objections"),
    [
        ({}, {}, []),
        ({"code_sha256": None}, {}, []),  # an older record, of a commit without changes
        ({"commit": B}, {}, ["commit"]),
        ({"commit": B}, {"sha256": OTHER_SOURCES}, ["commit"]),
        ({"commit": B}, {"dirty": True, "sha256": OTHER_SOURCES}, ["commit"]),
        ({"bench_version": "0.0.9"}, {}, ["version"]),
        (
            {"bench_version": "0.0.9", "commit": B, "dirty": True},
            {"sha256": OTHER_SOURCES},
            "version commit dirty".split(),
        ),
        # changes that no commit holds: one state only where the hash shows it
        ({"dirty": True}, {"dirty": True}, []),
        ({"dirty": True}, {"dirty": True, "sha256": OTHER_SOURCES}, ["dirty"]),
        ({"dirty": True, "code_sha256": None}, {"dirty": True}, ["dirty"]),
        ({"dirty": True}, {"sha256": OTHER_SOURCES}, ["dirty"]),
        ({}, {"dirty": True, "sha256": OTHER_SOURCES}, ["dirty"]),
        ({}, {"dirty": True}, []),  # only suites were changed, and those are in the config key
        ({"code_sha256": None}, {"dirty": True}, ["dirty"]),
        ({"dirty": None, "code_sha256": None}, {}, ["dirty"]),
        # one commit and two states of its files contradict each other
        ({}, {"sha256": OTHER_SOURCES}, ["dirty"]),
        # an installed package names no commit
        ({"commit": None, "dirty": None}, {"commit": None, "dirty": None}, []),
        ({"commit": None, "dirty": None}, {"commit": None, "dirty": None, "sha256": OTHER_SOURCES}, ["commit"]),
        ({"commit": None, "dirty": None, "code_sha256": None}, {"commit": None, "dirty": None}, ["commit"]),
        ({"commit": None, "dirty": None}, {}, []),
        ({"commit": None, "dirty": None}, {"sha256": OTHER_SOURCES}, ["commit"]),
        ({}, {"commit": None, "dirty": None}, []),
        ({}, {"commit": None, "dirty": None, "sha256": OTHER_SOURCES}, ["commit"]),
    ],
)
def test_runs_of_other_code_are_objected_to_by_name(
    environment: dict[str, Any], code: dict[str, Any], objections: list[str]
) -> None:
    assert names(by(0, 1, 2, **environment), at_hand(**code)) == objections


def test_an_objection_names_both_sides() -> None:
    ((_, text),) = code_objections(by(0, commit=B), at_hand(sha256=OTHER_SOURCES))
    assert text == "the runs are of commit bbbbbbb, and commit aaaaaaa is at hand"
    ((_, text),) = code_objections(by(0, commit=B), at_hand())
    assert text.endswith("commit aaaaaaa is at hand (the source files of bench are the same)")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"commit": B}, "commit aaaaaaa for seeds 0, 1 and bbbbbbb for seed 2"),
        ({"bench_version": "0.2.0"}, "bench 0.1.0 for seeds 0, 1 and 0.2.0 for seed 2"),
        (
            {"packages": {"torch": "2.10.0", "transformers": "5.0.0"}},
            "torch 2.9.0 for seeds 0, 1 and 2.10.0 for seed 2",
        ),
        ({"packages": {"torch": "2.9.0"}}, "transformers 5.0.0 for seeds 0, 1 and absent for seed 2"),
        ({"dirty": True}, "source files as committed for seeds 0, 1 and changed (1111111) for seed 2"),
    ],
)
def test_seeds_by_different_code_or_libraries_are_mixed(changes: dict[str, Any], text: str) -> None:
    objections = dict(code_objections(by(0, 1) + by(2, **changes), at_hand()))
    assert objections["mixed"] == f"the seeds were made by different code: {text}"


def test_every_code_of_a_mixture_is_held_to_the_code_at_hand() -> None:
    assert names(by(0, 1) + by(2, commit=B), at_hand()) == ["mixed", "commit"]


def test_seeds_by_two_installed_copies_are_mixed() -> None:
    installed = {"commit": None, "dirty": None}
    records = [*by(0, 1, **installed), *by(2, **installed, code_sha256=OTHER_SOURCES)]
    assert mixed_code(records) == ["source files 1111111 for seeds 0, 1 and 2222222 for seed 2"]
    assert names(records, at_hand(**{**installed, "sha256": SOURCES})) == ["mixed", "commit"]
    assert mixed_code(by(0, 1, **installed)) == []
