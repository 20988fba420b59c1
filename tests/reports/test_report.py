"""Reports from stored runs: the golden text, both files' bytes, and finding runs.

After a wanted change of the report's text, write the golden file again and read the difference:

    BENCH_WRITE_GOLDEN=1 python -m pytest tests/report
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import typer
from factories import make_duel, make_imitation, make_record, write_cell
from reporting import assemble, write_report
from typer.testing import CliRunner

from bench.cli.report import report as report_command
from bench.core.builtin import builtin_root
from bench.core.errors import InputError
from bench.records.making import from_runs
from bench.records.store import ResultName, Store, write_baseline
from bench.reports import run as report
from bench.reports.naming import is_as_shipped, report_stem
from bench.suites.resolve import load_suite, resolve

GOLDEN = Path(__file__).parent / "golden"
STEM = f"sentiment_sst2-documented-{make_record().config_key}"
"""The factories' config is not quite the shipped one, so its reports carry its key."""


def stored(tmp_path: Path, *seeds: int) -> tuple[list[Path], list[Path]]:
    """Return run folders and the folders of baselines: seeds 0 and 1 are the stored baseline."""
    runs = write_cell(tmp_path / "runs", *(make_record(seed) for seed in seeds))
    made, statistics = from_runs(
        write_cell(tmp_path / "earlier", make_record(0), make_record(1)),
        reason="First measured.",
        created=datetime.date(2026, 1, 2),
    )
    write_baseline(made, statistics, root=tmp_path / "baselines")
    return runs, [tmp_path / "baselines", builtin_root("baselines")]


def check_golden(text: str, name: str) -> None:
    if os.environ.get("BENCH_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text, encoding="utf-8")
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_report_is_the_golden_one(tmp_path: Path) -> None:
    runs, roots = stored(tmp_path, 0, 1, 2)
    path = write_report(assemble(runs, roots=roots), runs, reports_root=tmp_path / "reports")
    check_golden(path.read_text(encoding="utf-8"), "sentiment_sst2-documented.md")


def test_the_report_of_a_style_duel_is_the_golden_one(tmp_path: Path) -> None:
    runs = write_cell(tmp_path / "runs", make_duel(0), make_duel(1))
    path = write_report(assemble(runs, roots=[]), runs, reports_root=tmp_path / "reports")
    check_golden(path.read_text(encoding="utf-8"), "style_duel.md")


def test_runs_scored_along_the_way_have_a_second_picture(tmp_path: Path) -> None:
    for record, n_pictures in ((make_duel(), 2), (make_imitation(), 1)):
        runs = write_cell(tmp_path / "runs", record)
        path = write_report(assemble(runs, roots=[]), runs, reports_root=tmp_path / "reports")
        pictures = sorted(p.name for p in path.parent.glob(f"{path.stem}-*.svg"))
        assert len(pictures) == n_pictures
        assert all(f"]({name})" in path.read_text(encoding="utf-8") for name in pictures)


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    runs, roots = stored(tmp_path, 0, 1)
    for name in ("one", "two"):
        write_report(assemble(runs, roots=roots), runs, reports_root=tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert set(one) == {f"{STEM}.md", f"{STEM}-curve.svg"}


def test_the_picture_is_svg_without_a_date(tmp_path: Path) -> None:
    runs, roots = stored(tmp_path, 0, 1)
    write_report(assemble(runs, roots=roots), runs, reports_root=tmp_path)
    text = (tmp_path / f"{STEM}-curve.svg").read_text(encoding="utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own file
    assert "date" not in text
    assert "<!-- validation -->" in text


def test_no_path_of_this_machine_stands_in_a_report(tmp_path: Path) -> None:
    runs, roots = stored(tmp_path, 0)
    path = write_report(assemble(runs, roots=roots), runs, reports_root=tmp_path)
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_all_stored_methods_are_reported_each_under_its_name(tmp_path: Path) -> None:
    write_cell(
        tmp_path / "runs", make_record(), make_record(config__method_name="full", config__method={"kind": "full"})
    )
    written = report.rebuild("sentiment_sst2", runs_root=tmp_path / "runs", reports_root=tmp_path, roots=[])
    assert [path.name.rpartition("-")[0] for path in written] == [
        "sentiment_sst2-documented",
        "sentiment_sst2-documented-full",
    ]


def test_a_report_is_named_by_what_differs_from_the_suite() -> None:
    suite = load_suite("suites/sentiment_sst2")
    assert report_stem(resolve(suite, profile="tiny")) == "sentiment_sst2-tiny"
    assert report_stem(resolve(suite, profile="tiny", method="full")) == "sentiment_sst2-tiny-full"
    changed = resolve(suite, profile="tiny", overrides=["training.epochs=1"])
    assert report_stem(changed) == f"sentiment_sst2-tiny-{changed.key}"


def test_the_rerun_command_names_the_suite_or_else_the_stored_settings() -> None:
    suite = load_suite("suites/sentiment_sst2")
    assert is_as_shipped(resolve(suite, profile="tiny"))
    assert not is_as_shipped(resolve(suite, profile="tiny", overrides=["training.epochs=1"]))


def test_the_newest_config_key_is_reported_in_the_order_of_seeds(tmp_path: Path) -> None:
    write_cell(tmp_path, make_record(0), make_record(1))
    newer = [
        make_record(seed, config__training__epochs=5, cost__started_at="2026-02-01T00:00:00+00:00") for seed in (10, 9)
    ]
    runs = write_cell(tmp_path, *newer)
    newest = Store(runs_root=tmp_path).newest_runs(ResultName("sentiment_sst2", "documented", "frozen_body"))
    assert [run.folder for run in newest] == runs[::-1]


def test_what_is_not_stored_is_an_input_error(tmp_path: Path) -> None:
    assert Store(runs_root=tmp_path).newest_runs(ResultName("sentiment_sst2", "tiny", "full")) == ()
    with pytest.raises(InputError, match="stored: nothing"):
        report.rebuild("sentiment_sst2", runs_root=tmp_path, reports_root=tmp_path)
    runs = write_cell(tmp_path, make_record())
    with pytest.raises(
        InputError, match=r"no stored run of \*/frozen \(stored: documented/frozen_body\).*did you mean"
    ):
        report.rebuild("sentiment_sst2", method="frozen", runs_root=tmp_path, reports_root=tmp_path)
    with pytest.raises(InputError, match="no run folder was given"):
        assemble([])
    comparison = assemble(runs, roots=[])
    with pytest.raises(InputError, match="no run folder was given for seed 0"):
        write_report(comparison, [], reports_root=tmp_path)
    (runs[0] / "curve.jsonl").write_text("{")
    with pytest.raises(InputError, match=r"curve\.jsonl:1: cannot be read"):
        write_report(comparison, runs, reports_root=tmp_path)


def test_neither_reports_nor_their_commands_need_torch() -> None:
    code = (
        "import sys, bench.cli.report, bench.cli.baseline\n"
        "heavy = {'torch', 'transformers', 'matplotlib', 'peft', 'datasets'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_the_command_writes_the_report_and_names_it(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(report_command)
    write_cell(tmp_path / "runs", make_record())
    done = CliRunner().invoke(
        app, ["sentiment_sst2", "--runs", str(tmp_path / "runs"), "--reports", str(tmp_path / "reports")]
    )
    path = tmp_path / "reports" / f"{STEM}.md"
    assert (done.exit_code, done.stdout.replace("\n", "")) == (0, str(path))
    assert path.is_file()
