"""`bench compare` and `bench.comparing.summary`: what is printed, written and returned, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from factories import make_imitation
from planted import means, right, write_planted
from processes import HEAVY, clean_env, run_python
from typer.testing import CliRunner

import bench
from bench.cli.app import app
from bench.core.errors import EXIT_NOT_COMPARABLE, InputError, NotComparableError
from bench.core.files import read_rows, write_rows
from bench.records.making import from_runs
from bench.records.store import write_baseline

NAME = "sentiment_sst2/documented/frozen_body"
ODD = "<b>bold</b> | [red]x[/red] \x1b[31m *"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with runs of one seed: base, and worse, better, equal to it; and one of another budget."""
    monkeypatch.chdir(tmp_path)
    loss = means([1.0, 2.0] * 100)
    for name, n_right in (("base", 160), ("worse", 120), ("better", 190), ("equal", 160)):
        write_planted(tmp_path / name, 0, {"accuracy": right(n_right, 200), "loss": loss})
    write_planted(tmp_path / "longer", 0, {"accuracy": right(160, 200), "loss": loss}, config__training__epochs=5)
    return tmp_path


def compare(*words: str) -> Result:
    return CliRunner().invoke(app, ["compare", *words])


def values(*words: str) -> Any:
    return json.loads(compare(*words, "--json").stdout)


def test_the_table_says_which_way_each_metric_went(runs: Path) -> None:
    done = compare("base", "worse")
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    for shown in (
        "A base (sentiment_sst2 · documented · frozen_body · seed 0)",
        "B - A",
        "accuracy ↑ │ 0.800 │ 0.600 │ -0.200 [-0.261, │ worse",
        "loss ↓ │ 1.500 │ 1.500 │ 0.000 [0.000, 0.000] │ not told apart",
        "200 examples",
        "McNemar",
        "adjusted by Holm over 2 cells",
    ):
        assert shown in text


def test_json_holds_full_precision_and_nothing_else(runs: Path) -> None:
    done = values("base", "worse", "better", "--correction", "none", "--confidence", "0.9")
    assert [side["name"] for side in done["sides"]] == ["base", "worse", "better"]
    assert [(c["first"], c["other"], c["comparable"]) for c in done["comparisons"]] == [
        ("base", "worse", True),
        ("base", "better", True),
    ]
    worse, better = ({row["metric"]: row for row in c["metrics"]} for c in done["comparisons"])
    assert (worse["accuracy"]["outcome"], better["accuracy"]["outcome"]) == ("worse", "better")
    assert worse["accuracy"]["difference"]["value"] == pytest.approx(-0.2, abs=1e-15)
    assert worse["accuracy"]["difference"]["confidence"] == done["confidence"] == 0.9
    assert worse["loss"]["p_adjusted"] == worse["loss"]["difference"]["p_value"] == 1.0
    assert worse["accuracy"]["p_values"].keys() == {"bootstrap", "approximate randomization", "McNemar"}


def test_p_values_are_corrected_over_every_table_shown(runs: Path) -> None:
    def accuracy(*words: str) -> dict[str, Any]:
        rows: dict[str, Any] = values(*words, "--metric", "accuracy")["comparisons"][0]["metrics"][0]
        return rows

    alone, together = accuracy("base", "better"), accuracy("base", "better", "equal", "worse")
    assert alone["p_adjusted"] == alone["difference"]["p_value"]
    assert together["p_adjusted"] == pytest.approx(2 * together["difference"]["p_value"])  # worse is surer still


def test_unlike_sides_end_with_4_and_the_flag_that_would_waive_it(runs: Path) -> None:
    done = compare("base", "longer")
    assert isinstance(done.exception, NotComparableError)
    assert done.exception.exit_code == EXIT_NOT_COMPARABLE
    assert "longer and base are not comparable: training.epochs differs" in str(done.exception)
    text = " ".join(done.stdout.split())
    assert "training.epochs │ 3 │ 5 │ --allow-mismatch training.epochs" in text
    assert "accuracy" not in text
    (one,) = values("base", "longer")["comparisons"]
    assert (one["comparable"], one["metrics"]) == (False, [])


def test_a_waived_field_stands_in_every_output(runs: Path) -> None:
    words = ("base", "longer", "--allow-mismatch", "training.epochs", "--markdown", "out.md")
    done = compare(*words)
    assert done.exit_code == 0
    assert "training.epochs │ 3 │ 5" in " ".join(done.stdout.split())
    assert "allowed to differ" in done.stdout
    markdown = (runs / "out.md").read_text(encoding="utf-8")
    assert "Allowed to differ" in markdown
    assert "`training.epochs` | 3   | 5" in markdown
    (one,) = values(*words)["comparisons"]
    assert one["waived"] == [{"field": "training.epochs", "first": "3", "other": "5"}]
    assert (one["mismatches"], len(one["metrics"])) == ([], 2)


def test_a_comparable_side_is_still_shown_beside_one_that_is_not(runs: Path) -> None:
    done = compare("base", "longer", "worse")
    assert isinstance(done.exception, NotComparableError)
    assert "B beside A: not comparable" in done.stdout
    assert "-0.200 [-0.261," in " ".join(done.stdout.split())


def test_a_metric_that_was_asked_for_and_is_unlike_ends_with_4(runs: Path) -> None:
    write_planted(runs / "part", 0, {"accuracy": right(160, 200)})
    assert compare("base", "part").exit_code == 0
    assert compare("base", "part", "--metric", "accuracy").exit_code == 0
    asked = compare("base", "part", "--metric", "loss")
    assert isinstance(asked.exception, NotComparableError)
    assert "metrics.loss │ scored │ not scored │ none" in " ".join(asked.stdout.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["base"], "needs two sides or more"),
        (["base", "nowhere"], "nowhere: there is neither a run nor a baseline"),
        (["base", "worse", "--metric", "acuracy"], "did you mean 'accuracy'"),
        (["base", "worse", "--correction", "bonferoni"], "correction is 'bonferoni'"),
        (["base", "worse", "--allow-mismatch", "epochs"], "did you mean|allowed"),
    ],
)
def test_a_wrong_word_is_bad_input(runs: Path, words: list[str], message: str) -> None:
    done = compare(*words)
    assert isinstance(done.exception, InputError)
    with pytest.raises(InputError, match=message):
        raise done.exception


# --- flips -----------------------------------------------------------------------------------------------------------


def test_label_flips_are_counted_and_cut(runs: Path) -> None:
    for name, predictions in (("base", [0, 1, 0, 1]), ("worse", [1, 0, 1, 1])):
        path = runs / name / "predictions.jsonl"
        write_rows(path, [r | {"prediction": p} for r, p in zip(read_rows(path), predictions, strict=False)])
    text = " ".join(compare("base", "worse", "--flips", "2").stdout.split())
    assert "seed 0, from A to B: right → wrong 3, wrong → right 0 of 4 rows" in text
    assert "│ right → wrong │ 0 │ Review number 0. │ negative │ negative │ positive │" in text
    assert "Review number 2." not in text
    assert "Flips" not in compare("base", "worse", "--flips", "0").stdout
    found = values("base", "worse", "--flips", "1")["comparisons"][0]["flips"]
    assert (found["n_drops"], len(found["drops"]), found["drops"][0]["a"]) == (3, 1, "positive")


def test_what_a_model_wrote_cannot_break_a_table(tmp_path: Path) -> None:
    for name, ratio in (("a", 0.2), ("b", 0.9)):
        planted = {"common_token_ratio": means([ratio, 0.5, 0.5, 0.4]), "longest_overlap": means([5.0] * 4)}
        write_planted(tmp_path / name, 0, planted, make=make_imitation)
        path = tmp_path / name / "predictions.jsonl"
        write_rows(path, [r | {"prediction": f"{name} {ODD} " + "word " * 100} for r in read_rows(path)])
    file = tmp_path / "out.md"
    done = compare(str(tmp_path / "a"), str(tmp_path / "b"), "--markdown", str(file))
    assert "gain 1 of 4 rows" in " ".join(done.stdout.split())
    assert "[red]x" in done.stdout
    assert "\x1b" not in done.stdout
    (row,) = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("| gain")]
    assert "<b>" not in row
    assert row.replace("\\|", "").count("|") == 8
    assert "0.200 → 0.900" in row
    assert len(row) < 1000


# --- baselines, speed and the Python function ------------------------------------------------------------------------


def test_stored_baselines_are_compared_without_torch(runs: Path) -> None:
    write_baseline(*from_runs([runs / "base"], reason="first"), root=runs / "baselines")
    done = compare(NAME, "worse")
    assert "No flips: sentiment_sst2/documented/frozen_body keeps no predictions" in " ".join(done.stdout.split())
    code = (
        f"import os, sys; os.chdir({str(runs)!r}); sys.argv = ['bench', 'compare', {NAME!r}, {NAME!r}, '--json']\n"
        "from bench.cli.app import app\n"
        "try: app()\nexcept SystemExit as end: code = end.code\n"
        f"print(code, *(n for n in {HEAVY!r} if n in sys.modules), file=sys.stderr)"
    )
    fresh = run_python(code, clean_env())
    assert (fresh.returncode, fresh.stderr.strip()) == (0, "0")
    (one,) = json.loads(fresh.stdout)["comparisons"]
    assert [row["difference"]["value"] for row in one["metrics"]] == [0.0, 0.0]


def test_the_function_returns_what_the_verb_prints(runs: Path) -> None:
    found = bench.compare("base", "worse")
    assert (found.b.name, found.a.name) == ("base", "worse")
    printed = values("base", "worse")["comparisons"][0]["metrics"]
    assert [row.difference.value for row in found.rows if row.difference] == [
        row["difference"]["value"] for row in printed
    ]
    both = bench.compare_sides(["base", found.a, "better"], metrics=["accuracy"])
    assert [table.rows[0].outcome for table in both] == ["worse", "better"]
    with pytest.raises(InputError, match=r"1 side\(s\) were given"):
        bench.compare_sides(["base"])
