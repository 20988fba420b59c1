"""Scores from memory, from files and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from judges import save_judge
from texts import PREDICTIONS, REFERENCES
from typer.testing import CliRunner
from words import save_word_tokenizer

from bench import metrics
from bench.cli.score import score as score_command
from bench.core.errors import InputError
from bench.metrics import score_files as scoring
from bench.metrics.score import score
from bench.metrics.score_files import parse_options, score_files


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    return write(path, *(json.dumps(row) for row in rows))


def test_score_carries_all_that_a_comparison_needs() -> None:
    metric = metrics.build("rouge1")
    result, statistics = score(metric, PREDICTIONS, REFERENCES, n_resamples=200, confidence=0.9, seed=1)
    assert statistics.shape == (len(PREDICTIONS), 2)
    assert result.value == float(metric.aggregate(statistics.sum(axis=0)))
    assert result.low < result.value < result.high
    assert (result.unit, result.higher_is_better, result.confidence) == ("points", True, 0.9)
    assert (result.n_examples, result.signature) == (len(PREDICTIONS), metric.signature())
    again, _ = score(metric, PREDICTIONS, REFERENCES, n_resamples=200, confidence=0.9, seed=1)
    assert again == result


def test_an_infinite_value_is_no_score() -> None:
    with pytest.raises(InputError, match="perplexity: the value is inf"):
        score(metrics.build("perplexity"), [5000.0], [1])


def test_text_files_and_json_lines_agree(tmp_path: Path) -> None:
    pairs = [pair for pair in zip(PREDICTIONS, REFERENCES, strict=True) if "\n" not in "".join(pair)]
    texts = [
        write(tmp_path / "p.txt", *(prediction for prediction, _ in pairs)),
        write(tmp_path / "r.txt", *(reference for _, reference in pairs)),
    ]
    rows = write_rows(tmp_path / "both.jsonl", *({"id": "x", "prediction": p, "reference": r} for p, r in pairs))
    names = ["rouge1", "sacrebleu"]
    from_texts = score_files(*texts, names, n_resamples=50)
    assert from_texts == score_files(rows, None, names, n_resamples=50)
    assert from_texts == score_files(rows, texts[1], names, n_resamples=50)
    assert [spec.name for spec, _ in from_texts] == names


def test_newlines_inside_json_reach_rouge_lsum(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "both.jsonl", {"prediction": "a b\nc d", "reference": "c d\na b"})
    results = {spec.name: result.value for spec, result in score_files(rows, None, ["rougeL", "rougeLsum"])}
    assert results == pytest.approx({"rougeL": 50, "rougeLsum": 100})


def test_only_newlines_end_an_example(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes("\ufeffone\u2028two\r\n\nthree".encode())
    (tmp_path / "r").write_bytes("one\u2028two\n\nthree\n".encode())
    [(_, result)] = score_files(tmp_path / "p", tmp_path / "r", ["sentence_bleu_method1"], n_resamples=5)
    assert result.n_examples == 3


def test_labels_and_losses_are_read_as_numbers(tmp_path: Path) -> None:
    labels = write(tmp_path / "p", "0", "1", " 1"), write(tmp_path / "r", "0", "1", "0")
    results = score_files(*labels, ["accuracy", "f1"], options={"f1": {"average": "binary"}}, n_resamples=50)
    assert [result.value for _, result in results] == pytest.approx([2 / 3, 2 / 3])
    rows = write_rows(tmp_path / "l.jsonl", {"prediction": 4.0, "reference": 1}, {"prediction": 0, "reference": 3})
    [(_, result)] = score_files(rows, None, ["loss"], n_resamples=50)
    assert result.value == 1.0


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_word_tokenizer(tmp_path_factory.mktemp("words"))


def test_generated_texts_are_scored_alone(tmp_path: Path, words: Path) -> None:
    names = ["common_token_ratio", "distinct1", "line_length"]
    settings: dict[str, Any] = {
        "options": {"common_token_ratio": {"n_common": 1}},
        "model_path": words,
        "corpus": write(tmp_path / "corpus.txt", "the cat", "the mat"),
    }
    samples = write(tmp_path / "p.txt", "the the cat", "a")
    found = score_files(samples, None, names, **settings)
    assert [result.value for _, result in found] == pytest.approx([2 / 4, (2 / 3 + 1) / 2, 6.0])
    rows = write_rows(tmp_path / "p.jsonl", {"prediction": "the the\ncat"}, {"prediction": "a"})
    assert [result.value for _, result in score_files(rows, None, names, **settings)][2] == pytest.approx(11 / 3)
    assert score_files(samples, tmp_path / "never read", names, **settings) == found


def test_generation_metrics_stand_beside_metrics_with_references(tmp_path: Path, words: Path) -> None:
    rows = write_rows(tmp_path / "b.jsonl", {"prediction": "the cat", "reference": "the cat sat"})
    found = score_files(rows, None, ["distinct1", "rouge1"], model_path=words)
    assert [result.value for _, result in found] == pytest.approx([1.0, 80.0])
    with pytest.raises(InputError, match="references are missing"):
        score_files(write(tmp_path / "p.txt", "the cat"), None, ["distinct1", "rouge1"], model_path=words)


def test_style_metrics_read_authors_and_share_the_judges_tokenizer(tmp_path: Path) -> None:
    judge, texts, meant = save_judge(tmp_path / "judge"), ["tea", "the raven", "door late"], [0, 1, 1]
    metric = metrics.build(
        "style_probability_1",
        resources=metrics.open_resources(
            "style_probability_1", model_path=judge, model_identity="of another kind of model"
        ),
    )
    expected = float(metric.aggregate(metric.statistics(texts, meant).sum(axis=0)))
    assert "another kind" not in metric.signature()
    sides = write(tmp_path / "p.txt", *texts), write(tmp_path / "r.txt", *map(str, meant))
    found = score_files(*sides, ["style_probability_1", "distinct1"], model_path=judge)
    assert [result.value for _, result in found] == pytest.approx([expected, 1.0])
    with pytest.raises(InputError, match=r"r\.txt:1: 'alice' is not a whole number"):
        score_files(sides[0], write(tmp_path / "r.txt", "alice", "1", "1"), ["style_judge_loss"], model_path=judge)
    with pytest.raises(InputError, match="references are missing"):
        score_files(sides[0], None, ["style_judge_loss", "distinct1"], model_path=judge)


def test_line_breaks_of_a_corpus_file_do_not_matter(tmp_path: Path, words: Path) -> None:
    samples, signatures = write(tmp_path / "p.txt", "the cat"), set()
    for content in (b"the cat\nsat\n", b"\xef\xbb\xbfthe cat\r\nsat\r\n"):
        (tmp_path / "corpus.txt").write_bytes(content)
        settings: dict[str, Any] = {"model_path": words, "corpus": tmp_path / "corpus.txt"}
        signatures |= {result.signature for _, result in score_files(samples, None, ["longest_overlap"], **settings)}
    assert len(signatures) == 1


def test_mistakes_with_the_corpus_are_said(tmp_path: Path, words: Path) -> None:
    samples = write(tmp_path / "p.txt", "the cat")
    with pytest.raises(InputError, match="--corpus FILE"):
        score_files(samples, None, ["longest_overlap"], model_path=words)
    with pytest.raises(InputError, match="--model FOLDER"):
        score_files(samples, None, ["longest_overlap"], corpus=samples)
    with pytest.raises(InputError, match=r"p\.txt: is given as training text, but none of distinct1 compares with one"):
        score_files(samples, None, ["distinct1"], model_path=words, corpus=samples)
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        score_files(samples, None, ["longest_overlap"], model_path=words, corpus=tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"latin\.txt: is not UTF-8"):
        score_files(samples, None, ["longest_overlap"], model_path=words, corpus=tmp_path / "latin.txt")


def test_one_example_has_a_degenerate_interval(tmp_path: Path) -> None:
    [(_, result)] = score_files(write(tmp_path / "p", "a b"), write(tmp_path / "r", "a c"), ["rouge1"])
    assert result.low == result.value == result.high == pytest.approx(50)


@pytest.mark.parametrize(
    ("predictions", "references", "names", "message"),
    [
        (b"a\nb\n", b"a\n", ["rouge1"], "p.txt holds 2 predictions but .*r.txt holds 1 references"),
        (b"", b"a\n", ["rouge1"], "p.txt: the file is empty"),
        (b"a\n\xff\n", b"a\nb\n", ["rouge1"], "p.txt:2: is not UTF-8"),
        (b"0\nx\n", b"0\n1\n", ["f1"], "p.txt:2: 'x' is not a whole number"),
        (b"0\n1\n", b"0\n\n", ["f1"], "r.txt:2: '' is not a whole number"),
        (b"0.5\nx\n", b"1\n1\n", ["loss"], "p.txt:2: 'x' is not a number"),
        (b"a\n", b"a\n", ["rouge9"], "'rouge9' is not a known metric; did you mean"),
    ],
)
def test_mistakes_in_text_files_are_placed(
    tmp_path: Path, predictions: bytes, references: bytes, names: list[str], message: str
) -> None:
    (tmp_path / "p.txt").write_bytes(predictions)
    (tmp_path / "r.txt").write_bytes(references)
    with pytest.raises(InputError, match=message):
        score_files(tmp_path / "p.txt", tmp_path / "r.txt", names)


@pytest.mark.parametrize(
    ("line", "name", "message"),
    [
        ("{", "rouge1", r"b\.jsonl:1: is not JSON"),
        ("[1]", "rouge1", r"b\.jsonl:1: the field 'prediction' is missing; it is not an object"),
        ('{"prediction": "a", "target": "b"}', "rouge1", "'reference' is missing; its keys are prediction, target"),
        ('{"prediction": null, "reference": "b"}', "rouge1", r"b\.jsonl:1: null is not a text"),
        ('{"prediction": 1.5, "reference": 1}', "f1", r"b\.jsonl:1: 1\.5 is not a whole number"),
        ('{"prediction": true, "reference": 1}', "loss", r"b\.jsonl:1: True is not a number"),
    ],
)
def test_mistakes_in_json_lines_are_placed(tmp_path: Path, line: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_files(write(tmp_path / "b.jsonl", line), None, [name])


def test_missing_files_and_sides_are_said(tmp_path: Path) -> None:
    file = write(tmp_path / "p.txt", "a")
    with pytest.raises(InputError, match=r"references are missing; give a second file"):
        score_files(file, None)
    with pytest.raises(InputError, match=r"none\.txt: cannot be read \(No such file"):
        score_files(file, tmp_path / "none.txt")
    with pytest.raises(InputError, match="options are given for 'rouge2', which is not among the metrics: rouge1"):
        score_files(file, file, ["rouge1"], options={"rouge2": {}})


def test_options_are_read_as_toml() -> None:
    found = parse_options(["rouge1.stemmer=false", "chrf.word_order=2", "f1.average = binary", "f1.n_classes=2"])
    assert found == {
        "rouge1": {"stemmer": False},
        "chrf": {"word_order": 2},
        "f1": {"average": "binary", "n_classes": 2},
    }
    for wrong in ("rouge1", "rouge1.stemmer", "stemmer=false", ".a=1"):
        with pytest.raises(InputError, match=r"has not the form metric\.key=value"):
            parse_options([wrong])


# --- command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return [str(write(tmp_path / "p.txt", "the cat sat")), str(write(tmp_path / "r.txt", "the cat slept"))]


def run(arguments: list[str], columns: int = 200) -> Any:
    app = typer.Typer()
    app.command()(score_command)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns)})


def test_command_prints_a_table(files: list[str]) -> None:
    done = run([*files, "--resamples", "20"])
    assert done.exit_code == 0, done.output
    for name in scoring.DEFAULT_TEXT_METRICS:
        assert metrics.spec(name).title in done.output
    assert "95% interval" in done.output
    assert "66.67" in done.output
    narrow = run([*files, "--metric", "chrf"], columns=60).output
    assert "…" not in narrow


def test_command_prints_json_at_full_precision(files: list[str]) -> None:
    done = run([*files, "--metric", "rouge1", "--metric", "chrf", "--option", "rouge1.stemmer=false", "--json"])
    printed = json.loads(done.output)
    assert set(printed) == {"rouge1", "chrf"}
    assert printed["rouge1"]["value"] == pytest.approx(200 / 3, abs=1e-12)
    assert "stem:none" in printed["rouge1"]["signature"]


def test_command_reads_corpus_and_tokenizer(tmp_path: Path, words: Path) -> None:
    samples = write(tmp_path / "p.txt", "the cat sat on a mat")
    corpus = write(tmp_path / "c.txt", "the cat sat on the mat")
    done = run([str(samples), "--metric", "longest_overlap", "--model", str(words), "--corpus", str(corpus), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["longest_overlap"]["value"] == 4


def test_command_leaves_errors_to_the_app(files: list[str]) -> None:
    assert isinstance(run([*files, "--metric", "rouge9"]).exception, InputError)
    assert "--model FOLDER" in str(run([*files, "--metric", "bertscore", "--layer", "2"]).exception)
