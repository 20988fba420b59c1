"""Rows of one group, scores of single rows, and two files against each other: from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from bench import metrics
from bench.cli.app import app
from bench.core.errors import InputError
from bench.metrics.score import score
from bench.statistics.groups import number_groups

RIGHT = [1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1]
BETTER = [1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0]
GROUPS = ["a", "a", "a", "b", "b", "b", "c", "c", "d", "d", "d", "d"]


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["score", *arguments], env={"COLUMNS": "200"})


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """Return files of two models' labels, and of references with groups: every reference is 1."""
    sides = [
        write(tmp_path / name, *({"id": i, "prediction": label} for i, label in enumerate(labels)))
        for name, labels in (("first.jsonl", RIGHT), ("other.jsonl", BETTER))
    ]
    wanted = ({"id": i, "reference": 1, "passage": name} for i, name in enumerate(GROUPS))
    return sides[0], sides[1], write(tmp_path / "wanted.jsonl", *wanted)


def test_a_group_is_drawn_whole(files: tuple[str, str, str]) -> None:
    first, _, wanted = files
    done = run(first, wanted, "--metric", "accuracy", "--group-column", "passage", "--json")
    result = json.loads(done.stdout)["accuracy"]
    expected, _ = score(metrics.build("accuracy"), RIGHT, [1] * 12, groups=number_groups(GROUPS))
    assert result == json.loads(expected.model_dump_json())
    assert (result["n_examples"], result["n_groups"]) == (12, 4)
    alone = json.loads(run(first, wanted, "--metric", "accuracy", "--json").stdout)["accuracy"]
    assert alone["value"] == result["value"]
    assert (alone["low"], alone["high"]) != (result["low"], result["high"])
    assert "4 of 12" in run(first, wanted, "--metric", "accuracy", "--group-column", "passage").stdout


def test_groups_are_in_every_row(files: tuple[str, str, str], tmp_path: Path) -> None:
    first, _, wanted = files
    with pytest.raises(InputError, match=r"wanted\.jsonl and .*first\.jsonl: no column 'document' in every row"):
        raise run(first, wanted, "--group-column", "document").exception
    for name in ("null", "true", '""', "[1]"):
        file = tmp_path / "b.jsonl"
        file.write_text(f'{{"prediction": 1, "reference": 1, "g": {name}}}\n', encoding="utf-8")
        with pytest.raises(InputError, match=r"b\.jsonl:1: .* names no group; give a text or a whole number"):
            raise run(str(file), "--metric", "accuracy", "--group-column", "g").exception
    text = tmp_path / "p.txt"
    text.write_text("1\n", encoding="utf-8")
    with pytest.raises(InputError, match="no column 'g' in every row"):
        raise run(str(text), str(text), "--metric", "accuracy", "--group-column", "g").exception


def test_each_row_has_its_own_scores(files: tuple[str, str, str], tmp_path: Path) -> None:
    first, _, wanted = files
    rows_file = tmp_path / "rows.jsonl"
    done = run(
        first, wanted, "--metric", "accuracy", "--metric", "f1", "--group-column", "passage", "--rows", str(rows_file)
    )
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in rows_file.read_text(encoding="utf-8").splitlines()]
    assert [row["scores"]["accuracy"] for row in rows] == RIGHT
    assert rows[2] == {
        "line": 3,
        "id": 2,
        "group": "a",
        "prediction": 0,
        "reference": 1,
        "scores": {"accuracy": 0.0, "f1": 0.0},
    }


def test_scores_of_rows_are_the_metric_on_each_alone(tmp_path: Path) -> None:
    pairs = [("the cat sat on a mat", "the cat sat on the mat"), ("no\nwords", "at all"), ("猫", "猫")]
    file = write(tmp_path / "b.jsonl", *({"prediction": p, "reference": r} for p, r in pairs))
    names = ["rouge1", "sacrebleu", "chrf"]
    uses = [word for name in names for word in ("--metric", name)]
    tokenizer = ["--option", "rouge1.tokenizer=unicode", "--option", "sacrebleu.tokenizer=char"]
    done = run(file, *uses, *tokenizer, "--rows", str(tmp_path / "rows.jsonl"))
    assert done.exit_code == 0, done.output
    options: dict[str, Any] = {"rouge1": {"tokenizer": "unicode"}, "sacrebleu": {"tokenizer": "char"}}
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    for line, (prediction, reference) in zip(lines, pairs, strict=True):
        for name in names:
            alone, _ = score(metrics.build(name, options.get(name)), [prediction], [reference])
            assert json.loads(line)["scores"][name] == pytest.approx(alone.value, abs=1e-12)


def test_a_row_without_a_finite_value_has_none(tmp_path: Path) -> None:
    rows = [{"prediction": 800.0, "reference": 1}, *[{"prediction": 1.0, "reference": 1000}] * 9]
    file = write(tmp_path / "b.jsonl", *rows)
    done = run(file, "--metric", "perplexity", "--rows", str(tmp_path / "rows.jsonl"))
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    values = [json.loads(line)["scores"]["perplexity"] for line in lines]
    assert values == [None, *[pytest.approx(np.exp(0.001))] * 9]


# --- two files -------------------------------------------------------------------------------------------------------


def test_two_files_differ_by_the_paired_interval(files: tuple[str, str, str]) -> None:
    first, other, wanted = files
    done = run(first, other, "--against", wanted, "--metric", "accuracy", "--json")
    values = json.loads(done.stdout)
    (row,) = values["metrics"]
    expected = stats.ttest_rel(BETTER, RIGHT)  # accuracy is a mean, so its jackknife is the paired t test
    low, high = expected.confidence_interval()
    assert (row["first"], row["other"]) == (np.mean(RIGHT), np.mean(BETTER))
    assert row["difference"]["value"] == pytest.approx(2 / 12)
    assert (row["difference"]["low"], row["difference"]["high"]) == pytest.approx((low, high))
    assert row["difference"]["p_value"] == pytest.approx(expected.pvalue)
    assert (row["outcome"], values["n_examples"], values["n_groups"]) == ("not told apart", 12, None)
    assert row["p_values"]["McNemar"] == pytest.approx(stats.binomtest(1, 4).pvalue)


def test_outcomes_are_three_and_follow_the_metrics_direction(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    losses, ones = draw.uniform(1, 3, size=40), [1] * 40
    wanted = write(tmp_path / "r.jsonl", *({"reference": n} for n in ones))

    def outcome(change: Any) -> tuple[str, str]:
        sides = [
            write(tmp_path / name, *({"prediction": float(loss)} for loss in values))
            for name, values in (("a.jsonl", losses), ("b.jsonl", losses + change))
        ]
        arguments = (*sides, "--against", wanted, "--metric", "loss")
        values = json.loads(run(*arguments, "--json").stdout)
        return values["metrics"][0]["outcome"], run(*arguments).stdout

    noise = draw.normal(0, 0.1, size=40)
    for change, word in ((noise - 0.5, "better"), (noise + 0.5, "worse"), (noise - noise.mean(), "not told apart")):
        said, table = outcome(change)
        assert said == word
        assert word in " ".join(table.split())
    assert outcome(0.0)[0] == "not told apart"


def test_groups_widen_what_is_known(files: tuple[str, str, str]) -> None:
    first, other, wanted = files
    done = run(first, other, "--against", wanted, "--metric", "accuracy", "--group-column", "passage", "--json")
    values = json.loads(done.stdout)
    (row,) = values["metrics"]
    assert (values["n_groups"], row["difference"]["n_examples"]) == (4, 4)
    assert "McNemar" not in row["p_values"]
    changes = [sum(b - r for b, r, g in zip(BETTER, RIGHT, GROUPS, strict=True) if g == name) for name in "abcd"]
    sizes = [GROUPS.count(name) for name in "abcd"]
    value = sum(changes) / 12
    without = [(sum(changes) - c) / (12 - n) for c, n in zip(changes, sizes, strict=True)]
    influences = [3 * (value - w) for w in without]
    error = np.std(influences, ddof=1) / 2
    assert row["difference"]["standard_error"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            [{"id": i, "prediction": 1} for i in range(11)],
            r"other\.jsonl holds 11 predictions but .* 12 references",
        ),
        ([{"id": 11 - i, "prediction": 1} for i in range(12)], "both files have the same ids: sort them alike"),
    ],
)
def test_two_files_are_of_the_same_rows(files: tuple[str, str, str], other: Any, message: str) -> None:
    first, file, wanted = files
    write(Path(file), *other)
    with pytest.raises(InputError, match=message):
        raise run(first, file, "--against", wanted, "--metric", "accuracy").exception


def test_two_files_and_no_more_are_compared(files: tuple[str, str, str], tmp_path: Path) -> None:
    first, other, wanted = files
    with pytest.raises(InputError, match="sets two files of predictions against each other; give another one"):
        raise run(first, "--against", wanted, "--metric", "accuracy").exception
    with pytest.raises(InputError, match="--rows goes with one file"):
        raise run(first, other, "--against", wanted, "--rows", str(tmp_path / "rows")).exception
    one = write(tmp_path / "one.jsonl", {"prediction": 1, "reference": 1})
    done = run(one, one, "--against", one, "--metric", "accuracy")
    assert done.exit_code == 0
    assert "one example" in " ".join(done.stdout.split())


def test_labels_that_no_reference_has_are_noted(tmp_path: Path) -> None:
    rows = [{"prediction": p, "reference": r} for p, r in (("Spam", "spam"), ("ham", "ham"), ("eggs", "spam"))]
    done = run(write(tmp_path / "b.jsonl", *rows), "--metric", "f1", "--metric", "accuracy", "--json")
    assert done.stderr == "note: f1, accuracy: 2 of 3 predictions are labels that no reference has\n"


@pytest.mark.parametrize("option", ["--rows", "--json-file"])
@pytest.mark.parametrize("position", [0, 2])
def test_no_file_that_is_read_is_written_over(files: tuple[str, str, str], option: str, position: int) -> None:
    before = Path(files[position]).read_bytes()
    result = run(files[0], files[2], "--metric", "accuracy", option, files[position])
    assert isinstance(result.exception, InputError)
    assert "would be written over" in str(result.exception)
    assert Path(files[position]).read_bytes() == before
