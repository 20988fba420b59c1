"""A gate that looks after every seed, and verdicts that leave a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stored import METHOD, SUITE, store, suite_config, write_side
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.gate import Verdict, gate
from bench.core.errors import InputError
from bench.records.store import run_folder
from bench.reports.gate import json_text
from bench.statistics.sequential import plan

NEAR = [0.90, 0.91, 0.89, 0.90, 0.905, 0.895]
BASELINE: dict[str, Any] = {"accuracy": NEAR}


@pytest.fixture(autouse=True)
def _where_the_suite_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def policy(max_drop: float = 0.06, **changes: Any) -> dict[str, Any]:
    metrics = {"accuracy": {"tier": "critical", "max_drop": max_drop}}
    return {"profile": "tiny", **changes, "suites": {SUITE: {"metrics": metrics}}}


def make(accuracies: list[float], **changes: Any) -> None:
    store(Path(), run=None, baseline=BASELINE, policy=policy(**changes))
    add(accuracies, range(len(accuracies)))


def add(accuracies: list[float], seeds: Any) -> None:
    """Add runs of seeds, each with hashes of its own."""
    for seed, accuracy in zip(seeds, accuracies, strict=True):
        hashes = {f"hashes__{name}": f"{1000 + seed:064x}" for name in ("final_trainable", "predictions")}
        write_side(Path("runs"), {"accuracy": [accuracy], "seeds": [seed], "changes": hashes})


def in_turn(**changes: Any) -> Verdict:
    values = {"max_seeds": 6} | changes
    return gate(runs_root=Path("runs"), baselines_root=Path("baselines"), sequential=True, **values)


def plain() -> Verdict:
    return gate(runs_root=Path("runs"), baselines_root=Path("baselines"))


def said(verdict: Verdict) -> str:
    (note,) = (note for note in verdict.notes if note.startswith("sequential"))
    return note


def test_it_stops_at_the_first_look_that_decides_and_looks_at_no_later_seed() -> None:
    make([0.5, 0.51, 0.49, 0.5, 0.9, 0.9])
    verdict = in_turn()
    assert (verdict.outcome, verdict.stopping and verdict.stopping.n_seeds) == ("regression", 3)
    assert verdict.policy.alpha == plan(3, 6, 0.05).level(3)
    assert said(verdict).endswith("Stopped after 3 seeds: regression; 3 later seeds not looked at")
    assert "looks after every seed from 3 to 6, which spend alpha = 0.05 as ((k - 1) / 5)^2 after k seeds" in said(
        verdict
    )
    assert verdict.rows[0].n_seeds_run == 3
    assert json.loads(json_text(verdict))["stopping"]["is_decided"] is True


def test_seeds_that_come_later_do_not_change_a_verdict_that_was_given() -> None:
    make(NEAR[:4])
    first = in_turn()
    add([0.2, 0.2], (4, 5))
    again = in_turn()
    assert first.outcome == again.outcome == "pass"
    assert again.stopping == first.stopping
    assert [row.drop for row in again.rows] == [row.drop for row in first.rows]


def test_where_nothing_is_decided_it_says_which_seed_comes_next_and_when_the_plan_ends() -> None:
    make([0.84, 0.85, 0.83], max_drop=0.061)
    verdict = in_turn()
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 3)
    assert said(verdict).endswith(
        "Not decided after 3 seeds: inconclusive; the next look wants seed 3: "
        f"`bench run suites/{SUITE} --profile tiny --method {METHOD} --seeds 3`"
    )
    add([0.84, 0.845, 0.835], (3, 4, 5))
    ended = in_turn()
    assert ended.stopping is not None
    assert (ended.outcome, ended.stopping.n_seeds) == ("inconclusive", 6)
    assert "adding seeds beyond the plan would void it" in said(ended)


def test_more_seeds_than_the_baseline_has_cannot_be_looked_at() -> None:
    make([0.84, 0.85, 0.83])
    assert "from 3 to 6 (20 were stated; the baseline has 6)" in said(in_turn(max_seeds=20))


def test_before_the_first_look_nothing_is_decided() -> None:
    make([0.2, 0.2])
    verdict = in_turn()
    assert verdict.outcome == "inconclusive"
    assert said(verdict) == "sequential: no look yet, for the first is after 3 seeds on both sides"


def test_a_policy_may_state_the_maximum_and_without_one_there_is_no_look() -> None:
    make(NEAR, max_seeds=5)
    verdict = in_turn(max_seeds=None)
    assert verdict.stopping is not None
    assert verdict.stopping.last == 5
    store(Path("other"), run=None, baseline=None, policy=policy())
    with pytest.raises(InputError, match="needs a stated maximum: give --max-seeds N"):
        gate(policy=Path("other/baselines/policy.toml"), runs_root=Path("runs"), sequential=True)
    with pytest.raises(InputError, match="max_seeds is 2; give 3"):
        in_turn(max_seeds=2)


def test_what_is_stale_or_missing_is_so_in_turn_too() -> None:
    store(Path(), run=None, baseline=BASELINE, policy=policy())
    verdict = in_turn()
    assert (verdict.outcome, verdict.stopping) == ("missing", None)


def test_the_command_line() -> None:
    make(NEAR)
    words = ["gate", "--runs", "runs", "--baselines", "baselines"]
    done = CliRunner().invoke(app, [*words, "--sequential", "--max-seeds", "6"], env={"COLUMNS": "300"})
    assert done.exit_code == 0
    assert "Stopped after" in done.output
    alone = CliRunner().invoke(app, [*words, "--max-seeds", "6"])
    assert isinstance(alone.exception, InputError)


# --- the trace -------------------------------------------------------------------------------------------------------


def amendments(verdict: Verdict) -> list[str]:
    return [note.split(" Amending")[0] for note in verdict.notes if "after a verdict" in note]


def test_a_plain_verdict_warns_where_seeds_were_added_after_one() -> None:
    make([0.84, 0.85, 0.83], max_drop=0.061)
    first = plain()
    assert (first.outcome, amendments(first)) == ("inconclusive", [])
    assert amendments(plain()) == []  # the same runs again
    add([0.84, 0.845], (3, 4))
    (note,) = amendments(plain())
    assert note.startswith(f"{SUITE}: seeds 3, 4 were added after a verdict on 3 seeds (inconclusive, 20")
    assert amendments(in_turn()) == []


def test_seeds_that_were_left_out_or_run_again_are_told_too() -> None:
    make(NEAR[:4])
    plain()
    folder = run_folder(Path("runs"), suite_config(), 0).parent
    record = folder / "seed-0" / "record.json"
    record.write_text(record.read_text().replace(f"{1000:064x}", f"{2000:064x}"))
    for file in (folder / "seed-3").iterdir():
        file.unlink()
    (note,) = amendments(plain())
    assert "seed 3 was left out and seed 0 was run again after a verdict on 4 seeds (pass" in note


def test_too_few_seeds_for_a_verdict_leave_no_trace_and_a_broken_trace_is_none() -> None:
    make(NEAR[:2])
    plain()
    folder = run_folder(Path("runs"), suite_config(), 0).parent
    assert not (folder / "verdicts.jsonl").exists()
    (folder / "verdicts.jsonl").write_text('{"outcome": 1}\nnot json\n', encoding="utf-8")
    add(NEAR[2:4], (2, 3))
    assert amendments(plain()) == []
    assert len((folder / "verdicts.jsonl").read_text().splitlines()) == 3


def moved(verdict: Verdict) -> list[str]:
    return [note for note in verdict.notes if "alpha holds" in note]


def test_a_maximum_that_moves_after_a_look_is_told() -> None:
    make([0.84, 0.85, 0.83], max_drop=0.061)
    assert moved(in_turn(max_seeds=4)) == []
    assert moved(in_turn(max_seeds=4)) == []  # the same plan again
    (note,) = moved(in_turn(max_seeds=6))
    assert note.startswith(f"{SUITE}: an earlier look was planned for at most 4 seeds (inconclusive, 20")
    assert "and this one for 6: alpha holds for one maximum" in note


def test_a_seed_that_was_run_again_after_a_look_is_told() -> None:
    make([0.84, 0.85, 0.83], max_drop=0.061)
    in_turn()
    record = run_folder(Path("runs"), suite_config(), 0) / "record.json"
    record.write_text(record.read_text().replace(f"{1000:064x}", f"{2000:064x}"))
    (note,) = moved(in_turn())
    assert note.startswith(f"{SUITE}: seed 0 was run again after an earlier look")
