"""Metrics of users: found, hashed, imported, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import metrics
from bench.config.metric import USER_METRICS, MetricConfig
from bench.core.errors import InputError
from bench.metrics.score import score
from bench.metrics.score_files import score_files
from bench.metrics.user_metric import locate, tables_of
from bench.suites.resolve import load_suite, resolve

CLASS = """
import numpy as np
from bench.metrics import Metric, MetricSpec

class Same(Metric):
    spec = MetricSpec(name="Same", title="Same", unit="fraction", low=0.0, high=1.0, higher_is_better=True,
                      inputs="texts", source="share of equal texts")
    identity_is_best = True

    def signature(self):
        return "same"

    def statistics(self, predictions, references):
        return np.array([(p == r, 1) for p, r in zip(predictions, references)], dtype=float)

    def aggregate(self, totals):
        return totals[..., 0] / totals[..., 1]
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    before = dict(USER_METRICS)
    yield
    USER_METRICS.clear()
    USER_METRICS.update(before)


def write(folder: Path, *changes: tuple[str, str]) -> str:
    code = CLASS
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    (folder / "same.py").write_text(code, encoding="utf-8")
    return f"{folder / 'same.py'}:Same"


def test_it_scores_as_any_other(tmp_path: Path) -> None:
    name = locate(write(tmp_path))
    assert name == "Same"
    assert metrics.spec(name).title == "Same"
    result, statistics = score(metrics.build(name), ["a", "b"], ["a", "c"])
    assert (result.value, statistics.shape) == (0.5, (2, 2))
    sha256 = USER_METRICS[name].sha256
    assert sha256 is not None
    assert result.signature == f"same|sha256:{sha256[:12]}"
    assert metrics.unopened(name).aggregate(statistics.sum(axis=0)) == 0.5
    (tmp_path / "p.txt").write_text("a\nb\n", encoding="utf-8")
    assert score_files(tmp_path / "p.txt", tmp_path / "p.txt", [name])[0][1].value == 1.0


def test_a_suite_gets_it_by_a_table_with_its_hash(tmp_path: Path) -> None:
    tables = tables_of([write(tmp_path), "accuracy"])
    assert [*tables["Same"]] == ["use", "sha256"]
    assert tables["accuracy"] == {}
    assert MetricConfig().model_dump(exclude_none=True).keys() == {"prediction", "options"}  # no key has moved


def test_another_version_is_refused(tmp_path: Path) -> None:
    name = locate(write(tmp_path))
    write(tmp_path, ("p == r", "p != r"))
    with pytest.raises(InputError, match=r"same\.py: is not the file that the configuration was made with"):
        metrics.build(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ((("(Metric)", ""),), r"is no subclass of bench\.metrics\.Metric"),
        ((("    spec = MetricSpec(", "    other = MetricSpec("),), "has no `spec`"),
        ((('title="Same"', 'title=""'),), "its spec is not whole"),
        (
            (("dtype=float", "dtype=int"),),
            r"statistics must be a float64 array \(2, n_statistics\), got int64",
        ),
        ((("(p == r, 1)", "(p == r, np.nan)"),), "statistics of row 0 are not finite"),
        ((("totals[..., 0] / totals[..., 1]", "totals[0] / totals[1]"),), "aggregate of totals|must have the shape"),
        ((("(p == r, 1)", "(9, 1)"),), "the value 9 lies outside its spec's range 0 to 1"),
        ((("(p == r, 1)", "(p != r, 1)"),), "references scored against themselves give 0, not the best, 1"),
        ((("(p == r, 1)", "(np.nan, 1)"), ("dtype=float)", "dtype=float) * 0")), "statistics of row 0 are not finite"),
        (
            (("    def signature(self)", "    def check(self):\n        1 / 0\n\n    def signature(self)"),),
            "ZeroDivisionError",
        ),
        (
            (("    def signature(self)", "    def __init__(self, *given):\n        1 / 0\n\n    def signature(self)"),),
            "ZeroDiv",
        ),
        ((("    identity_is_best = True", "    Options = dict"),), "Options must be a class that derives from"),
        ((('inputs="texts"', 'inputs="text"'),), "spec.inputs = 'text' is not known; did you mean 'texts'"),
        ((("    identity_is_best = True", "    needs = {'gpu'}"),), "needs 'gpu', which is not known"),
        ((("low=0.0", 'low="0"'),), "its spec is not whole"),
        ((("totals[..., 0] / totals[..., 1]", "'much'"),), r"ValueError: could not convert string to float"),
        ((('return "same"', "return 3"),), "signature must return a text, got int"),
        ((("totals[..., 0] / totals[..., 1]", "totals[..., 0] * np.nan"),), "the value is not a number"),
        ((("(p == r, 1)", "(exit(0), 1)"),), r"Same: SystemExit: 0 \(same\.py:14\)"),
        ((("(p == r, 1)", "(p == 1 / 0, 1)"),), r"Same: ZeroDivisionError: division by zero \(same\.py:14\)"),
    ],
)
def test_what_it_does_wrong_is_named(tmp_path: Path, changes: Any, message: str) -> None:
    name = locate(write(tmp_path, *changes))
    with pytest.raises(InputError, match=message):
        score(metrics.build(name), ["a", "b"], ["a", "c"])


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; --metric takes"):
        locate(f"{tmp_path}/none.py:Same")
    assert locate("rouge1") == "rouge1"


def test_the_name_of_a_metric_of_bench_is_taken(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "same.py").write_text(CLASS.replace("class Same", "class rouge1"), encoding="utf-8")
    with pytest.raises(InputError, match="rouge1 is a metric of bench, which would be scored in its place; give it an"):
        locate(f"{tmp_path / 'same.py'}:rouge1")
    with pytest.raises(InputError, match=r"metrics\.rouge1\.use: rouge1 is a metric of bench; give your own another"):
        resolve(
            load_suite("suites/summarization"),
            profile="tiny",
            overrides=[f"metrics.rouge1.use='{tmp_path / 'same.py'}:rouge1'"],
        )


def test_pages_name_a_metric_whose_file_is_gone(tmp_path: Path) -> None:
    name = locate(write(tmp_path))
    (tmp_path / "same.py").unlink()
    with pytest.raises(InputError, match="there is no such file"):
        metrics.spec(name)
    assert metrics.spec_or_name(name).title == "Same"
