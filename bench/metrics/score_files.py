"""Scoring files of outputs that were made anywhere: what `bench score` does."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import metrics
from bench.config import Scalar
from bench.core.errors import InputError
from bench.core.progress import Announce, no_announcement
from bench.metrics import Metric, MetricSpec
from bench.metrics.reading.lines import read_bytes
from bench.metrics.reading.outputs import USUAL_COLUMNS, OutputColumns, Outputs, read_outputs
from bench.metrics.reading.values import parse, parse_groups
from bench.metrics.score import score
from bench.records.score import Score
from bench.statistics.groups import number_groups

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
    built = build_metrics(
        names,
        options,
        model_path=model_path,
        model_identity=model_identity,
        corpus=corpus,
        n_classes=n_classes,
    )
    outputs = read_outputs(predictions, references, compared=needs_references(built), columns=columns)
    for note in outputs.notes:
        announce(note)
    scored = score_outputs(built, outputs, confidence=confidence, n_resamples=n_resamples, seed=seed)
    return [(result.metric.spec, result.score) for result in scored]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredMetric:
    """One metric on what a file holds."""

    metric: Metric
    score: Score
    statistics: NDArray[np.float64]
    """(n_examples, n_statistics), as `Metric.statistics`."""


def build_metrics(
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Scalar]] | None = None,
    *,
    model_path: Path | None = None,
    model_identity: str | None = None,
    corpus: Path | None = None,
    n_classes: int | None = None,
) -> list[Metric]:
    """Return all metrics, ready to score, before any scores: one that is misspelt costs no time.

    Args:
        names: as `score_files`.
        options: as `score_files`.
        model_path: as `score_files`.
        model_identity: as `score_files`.
        corpus: as `score_files`.
        n_classes: as `score_files`.

    Raises:
        InputError: a metric or option is unknown, or what one reads is missing or unfit.
    """
    by_metric = dict(options or {})
    for name in by_metric:
        if name not in names:
            raise InputError(f"options are given for {name!r}, which is not among the metrics: {', '.join(names)}")
    if corpus is not None and not any("corpus" in metrics.needs(name) for name in names):
        raise InputError(f"{corpus}: is given as training text, but none of {', '.join(names)} compares with one")
    text = None if corpus is None else _read_corpus(corpus)
    return [
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
        for name in dict.fromkeys(names)
    ]


def needs_references(built: Iterable[Metric]) -> bool:
    """Return whether any of the metrics compares with references."""
    return any(metric.spec.inputs != "generations" for metric in built)


def score_outputs(
    built: Sequence[Metric], outputs: Outputs, *, confidence: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> list[ScoredMetric]:
    """Score what files hold by each metric; over groups where the outputs have them.

    Args:
        built: metrics, as `build_metrics` returns them.
        outputs: as `read_outputs` returns them.
        confidence: as `score`.
        n_resamples: as `score`.
        seed: as `score`.

    Raises:
        InputError: a value is not what a metric reads; the message names file and line.
    """
    groups = None if outputs.groups is None else number_groups(parse_groups(outputs.groups))
    scored = []
    for metric in built:
        result, statistics = score(
            metric,
            *parse(metric.spec.inputs, outputs.predictions, outputs.references),
            confidence=confidence,
            n_resamples=n_resamples,
            seed=seed,
            groups=groups,
        )
        scored.append(ScoredMetric(metric=metric, score=result, statistics=statistics))
    return scored


def row_scores(scored: Sequence[ScoredMetric], outputs: Outputs) -> list[dict[str, Any]]:
    """Return each row as JSON holds it: where it stood, what it is, and each metric's value on it alone.

    A value that is not finite on one row, such as the perplexity of a hopeless one, is none. The mean of a metric's
    values is its score only where the metric is a mean over rows: BLEU, chrF and F1 pool counts.

    Args:
        scored: as `score_outputs` returns it.
        outputs: what it scored.
    """
    by_metric = {}
    for result in scored:
        with np.errstate(all="ignore"):
            values = result.metric.aggregate(result.statistics)
        by_metric[result.metric.spec.name] = [value if math.isfinite(value) else None for value in values.tolist()]
    columns = {"id": outputs.ids, "group": outputs.groups, "prediction": outputs.predictions}
    columns["reference"] = outputs.references
    return [
        {"line": outputs.predictions.lines[row]}
        | {name: column.values[row] for name, column in columns.items() if column is not None}
        | {"scores": {name: values[row] for name, values in by_metric.items()}}
        for row in range(len(outputs.predictions))
    ]


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
