"""The overview: what stands in it for runs, for baselines alone, and for claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from cells import lines
from click.testing import Result
from factories import make_duel, make_record, write_cell
from processes import HEAVY, clean_env, run_python
from stored import write_suite
from typer.testing import CliRunner

from bench.cli.app import app
from bench.comparing.claims.review import Review
from bench.comparing.summary import summarize
from bench.core.builtin import builtin_root
from bench.core.errors import EXIT_BAD_INPUT
from bench.records.making import from_runs
from bench.records.store import write_baseline
from bench.reports import run as report
from bench.reports.overview import OverviewRow, render_overview, write_overview
from bench.suites.resolve import builtin_suites

COLUMNS = [
    "profile", "method", "seeds", "metric", "before → after", "change", "p", "baseline", "gate", "time", "peak memory",
    "report",
]  # fmt: skip


def one_cell(*seeds: int, **changes: Any) -> OverviewRow:
    comparison = summarize([make_record(seed, **changes) for seed in seeds])
    return OverviewRow(kind="runs", summary=comparison, report="a.md", is_as_shipped=True)


def row(cell: OverviewRow) -> dict[str, str]:
    headings, found = lines([render_overview([cell], ())])[:2]
    assert headings == COLUMNS
    return dict(zip(headings, found, strict=True))


# --- a line ----------------------------------------------------------------------------------------------------------


def test_a_line_is_the_primary_metric_with_what_it_cost() -> None:
    assert row(one_cell(0, 1)) == {
        "profile": "documented",
        "method": "`frozen_body`",
        "seeds": "0, 1",
        "metric": "Accuracy ↑",
        "before → after": "0.500 [0.475, 0.525] → 0.831 ± 0.001",
        "change": "+0.331 [+0.318, +0.344]",
        "p": "0.005",
        "baseline": "none stored",
        "gate": "—",
        "time": "3 min 20 s",
        "peak memory": "1.5 GB",
        "report": "[report](a.md)",
    }


def test_a_config_that_is_not_the_suites_own_is_named_and_a_missing_report_is_a_dash() -> None:
    comparison = summarize([make_record()])
    found = row(OverviewRow(kind="baseline", summary=comparison, report=None, is_as_shipped=False))
    assert found["method"] == f"`frozen_body`, `{comparison.config.key}`"
    assert (found["report"], found["baseline"]) == ("—", "is the baseline")
    assert (found["change"], found["p"]) == ("+0.330", "—")


def test_memory_is_the_gpus_where_there_is_one_and_units_are_said() -> None:
    found = row(one_cell(0, cost__peak_gpu_memory_bytes=9_000_000_000, config__primary_metric="loss"))
    assert found["peak memory"] == "9.0 GB"
    assert found["metric"] == "Loss ↓, nats per token"


def test_nothing_stored_is_said() -> None:
    text = render_overview((), [Review(suite="a", recipe=None, evidence=None, verdicts=())])
    assert "Neither runs nor baselines are stored" in text
    assert "### a\n\nNo claims are written down for this suite." in text


def test_leaderboards_that_are_there_are_linked_below_their_suite() -> None:
    there = ["sentiment_sst2-documented-leaderboard.md", "imdb-tiny-leaderboard.md"]
    text = render_overview([one_cell(0)], (), there)
    assert f"Leaderboards, methods side by side: [documented]({there[0]})." in text
    assert there[1] not in text
    assert "Leaderboards" not in render_overview([one_cell(0)], ())


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder: a suite, runs with a baseline and a policy, runs without, a baseline without runs."""
    monkeypatch.chdir(tmp_path)
    roots = tmp_path / "baselines"
    tiny = {"config__profile": "tiny"}
    for changes in ({}, tiny, {"config__profile": "offline"}):
        records = [make_record(seed, **changes) for seed in (0, 1)]
        runs = write_cell(tmp_path / "earlier", *records)
        write_baseline(*from_runs(runs, reason="r"), root=roots)
    write_suite(tmp_path, make_record().config, make_record(**tiny).config)
    write_cell(tmp_path / "runs", make_record(0), make_record(1), make_duel())
    write_cell(tmp_path / "runs", *(make_record(seed, scores__accuracy__value=0.4, **tiny) for seed in (0, 1)))
    limits = {"accuracy": {"tier": "critical", "max_drop": 0.1}}
    policy = {"profile": "tiny", "min_seeds": 2, "suites": {"sentiment_sst2": {"metrics": limits}}}
    (roots / "policy.toml").write_text(tomli_w.dumps(policy), encoding="utf-8")
    return tmp_path


def test_runs_stand_for_a_line_and_a_baseline_where_there_are_none(stored: Path) -> None:
    reports = stored / "reports"
    path = write_overview(runs_root=stored / "runs", reports_root=reports, roots=[stored / "baselines"])
    assert path == reports / "README.md"
    text = path.read_text(encoding="utf-8")
    found = [dict(zip(COLUMNS, line, strict=True)) for line in lines([text]) if len(line) == len(COLUMNS)]
    shown = [(line["profile"], line["baseline"], line["gate"]) for line in found if line["profile"] != "profile"]
    assert shown == [
        ("documented", "identical", "—"),
        ("offline", "is the baseline", "—"),
        ("tiny", "worse", "regression"),
        ("documented", "none stored", "—"),
    ]
    assert text.index("## sentiment\\_sst2") < text.index("## two\\_writers") < text.index("## Documented claims")
    assert all(line["report"] in ("report", "—") for line in found)
    assert str(stored) not in text


def test_claims_of_every_suite_are_judged_and_counted(stored: Path) -> None:
    roots = [stored / "baselines", builtin_root("baselines")]
    path = write_overview(runs_root=stored / "runs", reports_root=stored, roots=roots)
    text = path.read_text(encoding="utf-8").partition("## Documented claims")[2]
    assert [line.removeprefix("### ").replace("\\", "") for line in text.splitlines() if line.startswith("### ")] == (
        list(builtin_suites())
    )
    assert "6 claims, " in text
    assert "By stored runs: profile `documented`, method `frozen_body`, seeds 0, 1." in text
    assert "**reproduced**" in text


def test_reports_that_are_there_are_linked(stored: Path) -> None:
    places = {"runs_root": stored / "runs", "reports_root": stored, "roots": [stored / "baselines"]}
    (written,) = report.rebuild("sentiment_sst2", profile="tiny", **places)
    assert f"[report]({written.name})" in write_overview(**places).read_text(encoding="utf-8")


# --- the command -----------------------------------------------------------------------------------------------------


def command(*words: str) -> Result:
    return CliRunner().invoke(app, ["report", *words])


def test_the_command_writes_the_overview_without_torch(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stored)
    code = (
        "import sys; from bench.cli.app import app; app(['report', '--suites', 'all'], standalone_mode=False); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = run_python(code, clean_env())
    assert (done.returncode, done.stdout) == (0, "reports/README.md\n\n"), done.stderr
    assert "regression" in Path("reports/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no suite was given"),
        (("--suites", "imdb"), "--suites takes the word all"),
        (("imdb", "--suites", "all"), "neither a suite"),
        (("--suites", "all", "--profile", "tiny"), "nor --profile"),
    ],
)
def test_a_command_that_names_no_suite_or_too_much_is_refused(words: tuple[str, ...], said: str) -> None:
    done = command(*words)
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == EXIT_BAD_INPUT
