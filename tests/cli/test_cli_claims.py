"""`bench claims`, and how it chooses what the claims are judged by."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from factories import make_record, write_cell
from reporting import assemble
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.claims.review import find_evidence, load_documented, review, review_all
from bench.core.builtin import builtin_root
from bench.core.errors import EXIT_BAD_INPUT, InputError
from bench.records.making import from_runs
from bench.records.store import DOCUMENTED_FILE, RECORD_FILE, ResultName, Store, StoredRun, runs_root_of, write_baseline
from bench.suites.resolve import builtin_suites

SUITE = "sentiment_sst2"
FULL = {"config__method_name": "full", "config__method": {"kind": "full"}}
TINY = {"config__profile": "tiny"}
ORDER = {
    "id": "order",
    "kind": "ordering",
    "text": "Full fine-tuning is better.",
    "section": "Recipe 1, claims",
    "quantity": "scores.accuracy",
    "methods": ["full", "frozen_body"],
}


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    """Return a folder of baselines with one claim, an ordering, and no measured baseline yet."""
    folder = tmp_path / "baselines"
    values = {"suite": SUITE, "recipe": "a recipe", "fixed": {}, "claims": [ORDER]}
    (folder / SUITE).mkdir(parents=True)
    (folder / SUITE / DOCUMENTED_FILE).write_text(json.dumps(values), encoding="utf-8")
    return [folder]


def promote(tmp_path: Path, root: Path, *records: Any) -> None:
    runs = write_cell(tmp_path / "earlier", *records)
    made, statistics = from_runs(runs, reason="first", created=datetime.date(2026, 1, 2))
    write_baseline(made, statistics, root=root)


def evidence_of(runs_root: Path, roots: list[Path], **settings: Any) -> Any:
    found = review(SUITE, Store(runs_root=runs_root, roots=roots), **settings).evidence
    return None if found is None else (found.kind, found.records[0].profile, [r.seed for r in found.records])


def test_the_profile_nearest_to_the_recipe_is_judged_and_runs_come_before_baselines(
    tmp_path: Path, roots: list[Path]
) -> None:
    runs = tmp_path / "runs"
    assert evidence_of(runs, roots) is None
    promote(tmp_path, roots[0], make_record(7, **TINY))
    assert evidence_of(runs, roots) == ("baseline", "tiny", [7])
    write_cell(runs, make_record(1, **TINY), make_record(0, **TINY))
    assert evidence_of(runs, roots) == ("run", "tiny", [0, 1])
    promote(tmp_path, roots[0], make_record(3))
    assert evidence_of(runs, roots) == ("baseline", "documented", [3])
    assert evidence_of(runs, roots, profile="tiny") == ("run", "tiny", [0, 1])
    assert evidence_of(runs, roots, profile="offline") is None


def test_the_newest_config_is_the_evidence(tmp_path: Path) -> None:
    older, newer = make_record(1), make_record(2, config__training__epochs=5)  # seed 2 starts a minute later
    write_cell(tmp_path, newer, older)
    found = find_evidence(ResultName(SUITE, "documented", "frozen_body"), Store(runs_root=tmp_path, roots=[tmp_path]))
    assert found is not None
    assert found.records == (newer,)


def test_siblings_are_stored_runs_or_else_their_baseline(tmp_path: Path, roots: list[Path]) -> None:
    runs = write_cell(tmp_path / "runs", make_record(0, scores__accuracy__value=0.8))
    one = assemble(runs, roots=roots).claims[0]
    assert one.outcome == "not measured"
    assert "--method full` makes one" in one.reason
    promote(tmp_path, roots[0], make_record(0, scores__accuracy__value=0.9, **FULL))
    assert assemble(runs, roots=roots).claims[0].measured == (0.9, 0.8)
    write_cell(tmp_path / "runs", make_record(0, scores__accuracy__value=0.7, **FULL))
    one = assemble(runs, roots=roots).claims[0]
    assert (one.outcome, one.measured) == ("undecided", (0.7, 0.8))
    assert review(SUITE, Store(runs_root=tmp_path / "runs", roots=roots)).verdicts == (one,)


def test_a_run_folder_that_was_moved_has_no_root(tmp_path: Path) -> None:
    record = make_record()
    (stored,) = write_cell(tmp_path / "runs", record)
    assert runs_root_of(StoredRun(file=stored / RECORD_FILE)) == (tmp_path / "runs").resolve()
    assert runs_root_of(StoredRun(file=stored.rename(tmp_path / "seed-0") / RECORD_FILE)) is None
    assert runs_root_of(StoredRun(file=Path("/record.json"), known=record)) is None


def test_a_suite_without_claims_or_records_is_listed(tmp_path: Path, roots: list[Path]) -> None:
    store = Store(runs_root=tmp_path, roots=roots)
    bare = review("summarization", store)
    assert (bare.suite, bare.recipe, bare.verdicts) == ("summarization", None, ())
    empty = review(SUITE, store)
    assert [(v.outcome, v.n_seeds) for v in empty.verdicts] == [("not measured", 0)]
    assert "`bench run suites/sentiment_sst2 --profile documented`" in empty.verdicts[0].reason


def test_every_shipped_claim_is_listed_whatever_is_stored(tmp_path: Path) -> None:
    store = Store(runs_root=tmp_path, roots=[builtin_root("baselines")])
    reviews = review_all(store)
    assert [one.suite for one in reviews] == builtin_suites()
    for one in reviews:
        claims = load_documented(one.suite, store)
        assert [v.claim for v in one.verdicts] == list(claims.claims if claims else ())
        assert all(v.reason for v in one.verdicts)


# --- the verb --------------------------------------------------------------------------------------------------------


def bench(*words: str) -> Result:
    return CliRunner().invoke(app, ["claims", *words])


def test_the_table_says_what_it_was_judged_by(tmp_path: Path) -> None:
    write_cell(tmp_path, make_record(0), make_record(1))
    done = bench(SUITE, "--runs", str(tmp_path))
    assert done.exit_code == 0
    assert f"{SUITE} · documented · frozen_body · seeds 0, 1 · stored run" in done.stdout
    text = " ".join(done.stdout.split())
    for shown in ("The training loss falls", "0.599 → 0.499 → 0.399", "Recipe 1, claims", "3 min 20 s"):
        assert shown in text


def test_json_holds_full_precision_and_nothing_else(tmp_path: Path) -> None:
    write_cell(tmp_path, make_record(0), make_record(1))
    done = bench(f"suites/{SUITE}", "--runs", str(tmp_path), "--json")
    (one,) = json.loads(done.stdout)
    assert one["suite"] == SUITE
    assert one["evidence"] == {
        "kind": "run",
        "profile": "documented",
        "method": "frozen_body",
        "config_key": make_record().config_key,
        "seeds": [0, 1],
    }
    claims = {claim["id"]: claim for claim in one["claims"]}
    assert claims["validation_accuracy"]["measured"] == [pytest.approx(0.831, abs=1e-15)]
    assert claims["validation_accuracy"]["section"] == "Recipe 1, claims"
    assert claims["validation_accuracy"]["n_seeds"] == 2


def test_all_suites_are_shown_where_none_is_named(tmp_path: Path) -> None:
    done = bench("--runs", str(tmp_path))
    assert done.exit_code == 0
    for suite in builtin_suites():
        assert f"{suite} · " in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [(["sentiment_sst"], "did you mean 'sentiment_sst2'"), ([SUITE, "--profile", "ofline"], "did you mean 'offline'")],
)
def test_a_wrong_name_is_bad_input_with_a_suggestion(words: list[str], message: str) -> None:
    done = bench(*words)
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_code == EXIT_BAD_INPUT
    assert message in str(done.exception)


def test_an_ordering_shows_each_method_and_a_long_curve_its_ends(
    tmp_path: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    learns = {
        "id": "learns", "kind": "trend", "text": "It learns.", "section": "claims", "direction": "rises",
        "quantity": "evaluations.accuracy",
    }  # fmt: skip
    values = {"suite": SUITE, "recipe": "a recipe", "fixed": {}, "claims": [ORDER, learns]}
    (roots[0] / SUITE / DOCUMENTED_FILE).write_text(json.dumps(values), encoding="utf-8")
    points = [{"value": v, "low": v, "high": v} for v in (0.1, 0.2, 0.3, 0.4, 0.5)]
    curve = [{"step": i, "train_loss": None, "scores": {"accuracy": point}} for i, point in enumerate(points)]
    write_cell(
        tmp_path / "runs", make_record(0, evaluations=curve), make_record(0, scores__accuracy__value=0.9, **FULL)
    )
    monkeypatch.chdir(tmp_path)  # the working folder's `baselines` come first
    text = " ".join(bench(SUITE).stdout.split())
    assert "full 0.900, frozen_body 0.830" in text
    assert "0.100 → … → 0.500" in text
