"""Scoring files of outputs that were made anywhere: what `bench score` does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import metrics
from bench.config import Scalar
from bench.core.errors import InputError
from bench.core.progress import Announce, no_announcement
from bench.metrics import MetricSpec
from bench.metrics.reading.lines import read_bytes
from bench.metrics.reading.outputs import USUAL_COLUMNS, OutputColumns, read_outputs
from bench.metrics.reading.values import parse
from bench.metrics.score import score
from bench.records.score import Score

DEFAULT_TEXT_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "sacrebleu", "chrf")


def score_files(
    predictions: Path,
    references: Path | None,
    names: Sequence[str] = DEFAULT_TEXT_METRICS,
    *,
    options: Mapping[str, Mapping[str, Scalar]] | None = None,
    model_path: Path | None = None,
    model_identity: str | None = None,
    corpus: Path | None = None,
    n_classes: int | None = None,
    columns: OutputColumns = USUAL_COLUMNS,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
    announce: Announce = no_announcement,
) -> list[tuple[MetricSpec, Score]]:
    """Score one file against another, or one file that holds both sides.

    A file of JSON lines (or one array) has one object a row with the fields `prediction` and `reference`, either alone
    where two files are given; `.csv` and `.tsv` have columns of these names; any other file has one example per line,
    so that a text of several lines needs JSON or CSV. A `reference` in JSON may be a list of texts, each of which is
    right; the labels of words are a list, or one text with spaces between. Labels are whole numbers or names, authors
    and token counts are whole numbers, losses are numbers. Files may be packed by gzip, bzip2, xz or Zstandard.

    Args:
        predictions: UTF-8 file with the predictions.
        references: UTF-8 file with the references; none where `predictions` has both. Not read where every metric
            scores generated text alone.
        names: metrics, in the order they are wanted.
        options: metric name -> its options.
        model_path: the one folder for every metric that needs a model, a tokenizer or a judge; a model's and a judge's
            folder have a tokenizer too.
        model_identity: a model's name in the signature; default: a hash of its files.
        corpus: UTF-8 file with the training text, for metrics that compare with it.
        n_classes: number of classes, for metrics on labels.
        columns: what fields and columns are called.
        confidence: as `score`.
        n_resamples: as `score`.
        seed: as `score`.
        announce: told what is odd about the files, a line each, with counts.

    Returns:
        For each name, what the metric is and its score.

    Raises:
        InputError: a metric or option is unknown, or a file is missing, empty, not UTF-8 or of another length, or
            holds a line that the metric cannot read; the message names file and line.
    """
    by_metric = dict(options or {})
    for name in by_metric:
        if name not in names:
            raise InputError(f"options are given for {name!r}, which is not among the metrics: {', '.join(names)}")
    if corpus is not None and not any("corpus" in metrics.needs(name) for name in names):
        raise InputError(f"{corpus}: is given as training text, but none of {', '.join(names)} compares with one")
    text = None if corpus is None else _read_corpus(corpus)
    # All metrics are built before any scores, so that a misspelt one costs no time.
    built = [
        metrics.build(
            name,
            by_metric.get(name),
            resources=metrics.open_resources(
                name,
                model_path=model_path if metrics.needs(name) else None,
                model_identity=model_identity,
                corpus=text,
            ),
            n_classes=n_classes,
        )
        for name in names
    ]
    compared = any(metric.spec.inputs != "generations" for metric in built)
    outputs = read_outputs(
        predictions,
        references,
        compared=compared,
        columns=columns,
    )
    for note in outputs.notes:
        announce(note)
    results = []
    for metric in built:
        result, _ = score(
            metric,
            *parse(metric.spec.inputs, outputs.predictions, outputs.references),
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
        )
        results.append((metric.spec, result))
    return results


def parse_options(assignments: Sequence[str]) -> dict[str, dict[str, Scalar]]:
    """Return metric -> options, from texts such as `rouge1.stemmer=false`.

    Args:
        assignments: `metric.key=value`; the value is read as TOML, and as plain text where it is not TOML.

    Raises:
        InputError: one has another form.
    """
    options: dict[str, dict[str, Scalar]] = {}
    for assignment in assignments:
        place, equals, text = assignment.partition("=")
        name, dot, key = place.strip().partition(".")
        if not (equals and dot and name and key):
            raise InputError(f"--option {assignment!r} has not the form metric.key=value, as in rouge1.stemmer=false")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        options.setdefault(name, {})[key] = value
    return options


def _read_corpus(file: Path) -> str:
    r"""Return a whole text file, with `\n` for every kind of line break."""
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 ({error.reason}); save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
