"""The gate judges the right thing: golden cases, each with its exit code and the exact sentence.

Runs are of a small suite that stands in the working folder, by the code at hand; `tests/helpers/stored.py` makes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stored import METHOD, SUITE, store, suite_config, write_side, write_suite

from bench.comparing.gate import Verdict, gate
from bench.core.errors import InputError
from bench.records.provenance import Code, code_at_hand
from bench.reports.gate import json_text, junit, markdown
from bench.reports.gate_words import in_words

SIDE: dict[str, Any] = {"accuracy": [0.90, 0.91, 0.89]}
A, B = "a" * 40, "b" * 40
AT_HAND = Code(version="0.2.0", commit=A, dirty=False, sha256=None)
BY_A = {"environment__bench_version": "0.2.0", "environment__commit": A, "environment__dirty": False}
RUN = f"bench run suites/{SUITE} --profile tiny --method {METHOD} --seeds 0-2 --runs runs-of-tests"
RATE = "config__training__learning_rate"


@pytest.fixture(autouse=True)
def _where_the_suite_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def policy(**changes: Any) -> dict[str, Any]:
    return {
        "profile": "tiny",
        **changes,
        "suites": {SUITE: {"metrics": {"accuracy": {"tier": "critical", "max_drop": 0.05}}}},
    }


def gated(*runs: Path, **changes: Any) -> Verdict:
    Path("runs").rename("runs-of-tests") if Path("runs").is_dir() else None
    given = [Path("runs-of-tests", *run.parts[1:]) for run in runs]
    return gate(given, runs_root=Path("runs-of-tests"), baselines_root=Path("baselines"), **changes)


def only(verdict: Verdict) -> tuple[int, str, str]:
    """Return exit code, outcome and reason of a verdict of one row."""
    (row,) = verdict.rows
    return verdict.exit_code, row.outcome, row.reason


# --- config ----------------------------------------------------------------------------------------------------------


def experiment(**changes: Any) -> dict[str, Any]:
    return {"accuracy": [0.90, 0.91, 0.89], "changes": {RATE: 0.1, "cost__started_at": "2030-01-01", **changes}}


def test_an_experiment_beside_the_suites_run_is_named_and_does_not_pass_in_its_place() -> None:
    store(Path(), run={"accuracy": [0.5, 0.51, 0.49]}, baseline=SIDE, policy=policy())
    write_side(Path("runs"), experiment())
    verdict = gated()
    assert (verdict.exit_code, verdict.rows[0].outcome) == (1, "regression")
    key = suite_config(training__learning_rate=0.1).key
    assert verdict.notes == (
        f"{SUITE}, {METHOD}: 1 other config is stored beside the suite's and not judged: "
        f"{key} (training.learning_rate 5e-05 -> 0.1)",
    )


def test_an_experiment_that_is_given_is_stale_and_judged_where_that_is_allowed() -> None:
    store(Path(), run=None, baseline=SIDE, policy=policy())
    folder = write_side(Path("runs"), experiment())[0].parent
    ours, theirs = suite_config().key, folder.name
    assert only(gated(folder)) == (
        4,
        "stale",
        f"the runs are of config {theirs}, an experiment, and are not judged in the place of the suite as it is now "
        f"(config {ours}): training.learning_rate 5e-05 -> 0.1; run the suite: `{RUN}`, "
        "or judge the experiment by its name: --allow config",
    )
    verdict = gated(folder, allow=["config"])
    assert (verdict.exit_code, verdict.rows[0].outcome) == (0, "pass")
    assert verdict.notes == (
        f"{SUITE}, {METHOD}: allowed by name, config: the runs are an experiment, not the suite as it is now "
        f"(config {ours}): training.learning_rate 5e-05 -> 0.1",
    )


def test_a_suite_that_was_edited_and_not_run_again_is_stale() -> None:
    store(Path(), run=SIDE, baseline=SIDE, policy=policy())
    write_suite(Path(), suite_config(training__learning_rate=1e-3, training__epochs=9))
    ours, theirs = suite_config(training__learning_rate=1e-3, training__epochs=9).key, suite_config().key
    assert only(gated()) == (
        4,
        "stale",
        f"no run of the suite as it is now (config {ours}) is stored; the newest run is of config {theirs}, from which "
        f"the suite differs: training.epochs 3 -> 9, training.learning_rate 5e-05 -> 0.001; run it: `{RUN}`",
    )
    allowed = gated(allow=["config"])
    assert (allowed.exit_code, len(allowed.notes)) == (0, 1)


def test_a_title_is_no_edit() -> None:
    store(Path(), run=SIDE, baseline=SIDE, policy=policy())
    write_suite(Path(), suite_config(title="Another title"))
    assert gated().exit_code == 0


def test_an_experiment_in_the_folder_of_the_suites_key_is_still_an_experiment() -> None:
    store(Path(), run=None, baseline=SIDE, policy=policy())
    folder = write_side(Path("runs"), experiment())[0].parent
    folder.rename(folder.with_name(suite_config().key))
    assert only(gated())[:2] == (4, "stale")


def test_what_is_not_required_may_be_stale_and_still_nothing_passes_on_it() -> None:
    limits = policy()
    limits["suites"][SUITE]["required"] = False
    store(Path(), run=SIDE, baseline=SIDE, policy=limits)
    write_suite(Path(), suite_config(training__learning_rate=1e-3))
    verdict = gated()
    assert (verdict.exit_code, verdict.rows[0].outcome, verdict.rows[0].decides) == (4, "stale", False)


# --- code ------------------------------------------------------------------------------------------------------------


def test_runs_of_another_commit_are_stale() -> None:
    store(Path(), run=SIDE | {"changes": BY_A | {"environment__commit": B}}, baseline=SIDE, policy=policy())
    verdict = gated(at_hand=AT_HAND)
    assert only(verdict) == (
        4,
        "stale",
        "the runs are of commit bbbbbbb, and commit aaaaaaa is at hand; "
        f"run them again: `{RUN} --force`, or judge them all the same: --allow commit",
    )
    (origins,) = verdict.origins
    assert str(origins.run) == f"config {suite_config().key}, seeds 0, 1, 2, by bench 0.2.0, commit bbbbbbb"
    assert origins.baseline is not None
    assert origins.baseline.config_key == suite_config().key
    assert origins.baseline.packages == {"torch": "2.9.0", "transformers": "5.0.0"}
    allowed = gated(at_hand=AT_HAND, allow=["commit"])
    assert allowed.exit_code == 0
    assert allowed.notes == (
        f"{SUITE}, {METHOD}: allowed by name, commit: the runs are of commit bbbbbbb, and commit aaaaaaa is at hand",
    )


def test_a_mixed_set_of_versions_is_stale() -> None:
    store(Path(), run=None, baseline=SIDE, policy=policy())
    for seed, version in enumerate(("0.2.0", "0.1.0", "0.2.0")):
        changes = BY_A | {"environment__bench_version": version}
        write_side(Path("runs"), {"accuracy": [0.9 + seed / 100], "seeds": [seed], "changes": changes})
    assert only(gated(at_hand=AT_HAND)) == (
        4,
        "stale",
        "the seeds were made by different code: bench 0.2.0 for seeds 0, 2 and 0.1.0 for seed 1; "
        "the runs are of bench 0.1.0, and 0.2.0 is at hand; "
        f"run them again: `{RUN} --force`, or judge them all the same: --allow mixed --allow version",
    )
    assert only(gated(at_hand=AT_HAND, allow=["version"]))[:2] == (4, "stale")
    assert only(gated(at_hand=AT_HAND, allow=["version", "mixed"]))[:2] == (0, "pass")


def test_a_policy_allows_by_name_and_outputs_say_so() -> None:
    run = SIDE | {"changes": BY_A | {"environment__commit": B, "environment__dirty": True}}
    store(Path(), run=run, baseline=SIDE, policy=policy(allow=["commit", "dirty"]))
    verdict = gated(at_hand=AT_HAND)
    assert verdict.exit_code == 0
    assert [note.split(": ")[1] for note in verdict.notes] == ["allowed by name, commit", "allowed by name, dirty"]


def test_a_stale_suite_hides_its_own_regression_because_it_is_of_other_code() -> None:
    worse = {"accuracy": [0.5, 0.51, 0.49], "changes": BY_A | {"environment__commit": B}}
    store(Path(), run=worse, baseline=SIDE, policy=policy())
    assert only(gated(at_hand=AT_HAND))[:2] == (4, "stale")


def test_an_unknown_allowance_is_bad_input() -> None:
    store(Path(), run=SIDE, baseline=SIDE, policy=policy())
    with pytest.raises(InputError, match="--allow 'comit' is not known; did you mean 'commit'"):
        gated(allow=["comit"])


def test_the_code_at_hand_is_told_by_its_source_files() -> None:
    code = code_at_hand()
    assert code.sha256 is not None
    assert len(code.sha256) == 64


# --- seeds, and what is not gated ------------------------------------------------------------------------------------


def test_renumbered_seeds_of_the_baseline_are_no_fresh_ones() -> None:
    store(Path(), run=None, baseline=SIDE, policy=policy())
    for old, new in enumerate((5, 6, 7)):
        hashes = {"hashes__final_trainable": f"{old + 200:064x}", "hashes__predictions": f"{old + 300:064x}"}
        write_side(Path("runs"), {"accuracy": [SIDE["accuracy"][old]], "seeds": [new], "changes": hashes})
    assert only(gated()) == (
        4,
        "not comparable",
        "seed 5 of the run and seed 0 of the baseline have the same weights (sha256 000000000000), so they are one run "
        "under several numbers and say nothing of how seeds differ",
    )


def test_seeds_that_both_sides_have_are_paired_and_shown() -> None:
    store(Path(), run=SIDE, baseline={"accuracy": [0.90, 0.91, 0.89, 0.70, 0.71]}, policy=policy())
    verdict = gated()
    (row,) = verdict.rows
    assert (verdict.exit_code, row.reason) == (0, "no difference at all")
    assert (row.run, row.baseline, row.drop, row.n_seeds_baseline) == (pytest.approx(0.9), pytest.approx(0.9), 0.0, 3)


@pytest.mark.parametrize("sequential", [False, True])
def test_a_failed_seed_that_the_baseline_lacks_is_looked_at(sequential: bool) -> None:
    store(Path(), run=None, baseline={"accuracy": [0.90, 0.91, 0.89, 0.90, 0.91]}, policy=policy())
    write_side(Path("runs"), {"accuracy": [0.90, 0.91, 0.50], "seeds": [0, 1, 7]})
    verdict = gated(sequential=sequential, max_seeds=5)
    assert verdict.exit_code != 0
    assert verdict.rows[0].run == pytest.approx((0.90 + 0.91 + 0.50) / 3)


def test_a_stored_suite_that_the_policy_does_not_name_is_listed() -> None:
    store(Path(), run=SIDE, baseline=SIDE, policy=policy())
    write_side(Path("runs"), SIDE | {"changes": {"config__suite": "imdb"}})
    verdict = gated()
    assert verdict.exit_code == 0
    row = verdict.rows[-1]
    assert (row.suite, row.outcome, row.decides, row.reason) == (
        "imdb",
        "shown",
        False,
        "runs of it are stored (profile tiny), and the policy does not name it: nothing of it was judged; "
        "add [suites.imdb] to the policy",
    )


def test_a_baseline_and_a_policy_that_came_with_bench_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    store(Path(), run=SIDE, baseline=SIDE, policy=policy())
    Path("baselines").rename("came-with-bench")
    Path("baselines").mkdir()
    monkeypatch.setattr("bench.records.store.finding.builtin_root", lambda kind: Path("came-with-bench"))
    monkeypatch.setattr("bench.comparing.gate.pairs.builtin_root", lambda kind: Path("came-with-bench"))
    verdict = gate(runs_root=Path("runs"))
    assert verdict.exit_code == 0
    assert verdict.notes == (
        f"{SUITE}, {METHOD}: the baseline is the one that came with bench "
        f"(came-with-bench/{SUITE}/tiny/{METHOD}.json), for baselines has none of its name",
        "the policy is the one that came with bench (came-with-bench/policy.toml), for baselines has none",
    )
    Path("baselines").rmdir()
    Path("came-with-bench").rename("baselines")
    assert gate(runs_root=Path("runs")).notes == ()


# --- why, in words for someone who knows no statistics ---------------------------------------------------------------


def test_a_regression_says_what_fell_what_differs_and_which_rows_broke() -> None:
    baseline = {"accuracy": [0.79, 0.79, 0.79], "changes": {RATE: 1e-3}}
    store(Path(), run={"accuracy": [0.58, 0.58, 0.58], "predictions": True}, baseline=baseline, policy=policy())
    verdict = gated()
    (row,) = verdict.rows
    assert row.explanation is not None
    broken = row.explanation.broken
    assert broken is not None
    assert (broken.n_rows, len(broken.rows)) == (400, 3)
    assert broken.n_broken - broken.n_mended >= 0.21 * 400  # it lost 84 rows more than it won
    text = in_words(row)
    assert text.startswith(
        "accuracy fell from 0.790 to 0.580 (allowed: 0.050); "
        "settings that differ: training.learning_rate 0.001 -> 5e-05; "
        f"code and libraries that differ: none; of 400 test rows, {broken.n_broken} score worse and {broken.n_mended} "
        "better; 3 rows that broke most: (1) row row-"
    )
    first = broken.rows[0]
    number = int(first.id.removeprefix("row-"))
    answers = ("negative", "positive")
    assert (first.before, first.now) == (1.0, 0.0)  # right by every seed before, by none now
    assert (first.reference, first.prediction) == (answers[number % 2], answers[1 - number % 2])
    assert f"(1) row {first.id} 'sentence {number}', expected {first.reference!r}, got {first.prediction!r}" in text
    for output in (markdown(verdict).replace("\\", ""), junit(verdict), json_text(verdict)):
        assert "accuracy fell from 0.790 to 0.580 (allowed: 0.050)" in output
        assert "training.learning_rate 0.001 -" in output
        assert f"sentence {number}" in output


def test_rows_are_named_by_place_where_the_run_keeps_no_predictions() -> None:
    store(Path(), run={"accuracy": [0.58, 0.58, 0.58]}, baseline={"accuracy": [0.79, 0.79, 0.79]}, policy=policy())
    row = gated().rows[0]
    assert row.explanation is not None
    assert row.explanation.broken is not None
    text, place = in_words(row), row.explanation.broken.rows[0].id
    assert f"(1) row {place}, accuracy 1.000 -> 0.000 (the run keeps no predictions)" in text
    assert "settings that differ: none; code and libraries that differ: none" in text


def test_a_doubt_says_that_chance_may_move_it_as_far_and_what_would_settle_it() -> None:
    store(Path(), run={"accuracy": [0.85, 0.86, 0.84]}, baseline=SIDE, policy=policy())
    text = in_words(gated().rows[0])
    assert text.startswith(
        "accuracy fell from 0.900 to 0.850 (allowed: 0.050), but chance may move it as far, so it is not settled "
        "whether the loss is within what is allowed; what would settle it: the interval straddles the margin; "
    )


def test_rows_that_broke_are_not_known_where_the_baseline_keeps_no_statistics() -> None:
    baseline = {"accuracy": [0.90, 0.91, 0.89], "faults": ["no statistics"]}
    store(Path(), run={"accuracy": [0.70, 0.72, 0.69]}, baseline=baseline, policy=policy())
    said = "which rows broke is not known: sentiment_sst2/tiny/frozen_body stores no statistics per example of accuracy"
    assert said in in_words(gated().rows[0])


def test_other_code_and_libraries_are_named() -> None:
    libraries = {"torch": "2.13.0", "transformers": "5.0.0"}
    worse = {"accuracy": [0.5, 0.51, 0.49], "changes": BY_A | {"environment__packages": libraries}}
    baseline = SIDE | {"changes": BY_A | {"environment__commit": B}}
    store(Path(), run=worse, baseline=baseline, policy=policy())
    text = in_words(gated(at_hand=AT_HAND).rows[0])
    assert (
        "code and libraries that differ: bench 0.2.0, commit bbbbbbb -> bench 0.2.0, commit aaaaaaa, "
        "torch 2.13.0, baseline 2.9.0"
    ) in text


# --- a saturated metric ----------------------------------------------------------------------------------------------


def test_thirty_of_thirty_right_on_both_sides_is_no_evidence_for_five_points() -> None:
    full = {"accuracy": [1.0, 1.0, 1.0], "n": 30}
    store(Path(), run=full, baseline=full, policy=policy())
    verdict = gated()
    (row,) = verdict.rows
    assert (verdict.exit_code, row.outcome) == (3, "inconclusive")
    assert in_words(row).startswith(
        "accuracy is unchanged at 1.000 (allowed: 0.050), but chance may move it as far, so it is not settled"
    )
