"""Scoring files of outputs that were made anywhere: what `bench score` does."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import metrics
from bench.config import Scalar
from bench.core.errors import InputError
from bench.metrics import Inputs, MetricSpec
from bench.metrics.score import score
from bench.records.record import Score

DEFAULT_TEXT_METRICS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "sacrebleu", "chrf")


NumberedValue = tuple[int, Any]
"""A value and the number of the line it came from, counted from 1."""


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
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> list[tuple[MetricSpec, Score]]:
    """Score one file against another, or one `.jsonl` file that holds both sides.

    A `.jsonl` file has one object per line, with `prediction` and `reference` (either alone where two files are given);
    any other file has one example per line, so that a text of several lines needs a `.jsonl` file. A `reference` may be
    a list of texts, each of which is right; the labels of words are a list, or one text with spaces between. Labels,
    authors and token counts are whole numbers, losses are numbers.

    Args:
        predictions: UTF-8 file with the predictions.
        references: UTF-8 file with the references; none where `predictions` is a `.jsonl` with both. Not read where
            every metric scores generated text alone.
        names: metrics, in the order they are wanted.
        options: metric name -> its options.
        model_path: the one folder for every metric that needs a model, a tokenizer or a judge; a model's and a judge's
            folder have a tokenizer too.
        model_identity: a model's name in the signature; default: a hash of its files.
        corpus: UTF-8 file with the training text, for metrics that compare with it.
        n_classes: number of classes, for metrics on labels.
        confidence: as `score`.
        n_resamples: as `score`.
        seed: as `score`.

    Returns:
        For each name, what the metric is and its score.

    Raises:
        InputError: a metric or option is unknown, or a file is missing, empty, not UTF-8, of another length, or holds a
            line that the metric cannot read; the message names file and line.
    """
    by_metric = dict(options or {})
    for name in by_metric:
        if name not in names:
            raise InputError(f"options are given for {name!r}, which is not among the metrics: {', '.join(names)}")
    if corpus is not None and not any("corpus" in metrics.needs(name) for name in names):
        raise InputError(f"{corpus}: is given as training text, but none of {', '.join(names)} compares with one")
    text = None if corpus is None else _read_text(corpus)
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
    if compared and references is None and predictions.suffix != ".jsonl":
        raise InputError(f"{predictions}: references are missing; give a second file, or one .jsonl file with both")
    rows_predicted = _read(predictions, "prediction")
    reference_file = predictions if references is None else references
    rows_actual = _read(reference_file, "reference") if compared else []
    if compared and len(rows_predicted) != len(rows_actual):
        raise InputError(
            f"{predictions} holds {len(rows_predicted)} predictions but {reference_file} holds {len(rows_actual)} "
            "references; line n of one must belong to line n of the other"
        )
    results = []
    for metric in built:
        parse_prediction, parse_reference = _PARSERS[metric.spec.inputs]
        result, _ = score(
            metric,
            [parse_prediction(predictions, row) for row in rows_predicted],
            [parse_reference(reference_file, row) for row in rows_actual],
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


def _read(file: Path, field: str) -> list[NumberedValue]:
    """Return the lines of a text file, or one field of every object of a `.jsonl` file."""
    content = _read_bytes(file)
    # Only a newline ends an example: texts may hold the other separators that str.splitlines knows.
    lines = content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n") if content else []
    if not lines:
        raise InputError(f"{file}: the file is empty; it must hold one example per line")
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{file}:{number}: is not UTF-8 ({error.reason}); save the file as UTF-8") from None
        rows.append((number, _field(file, number, text, field) if file.suffix == ".jsonl" else text))
    return rows


def _read_text(file: Path) -> str:
    r"""Return a whole text file, with `\n` for every kind of line break."""
    try:
        text = _read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 ({error.reason}); save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path") from None


def _field(file: Path, number: int, line: str, field: str) -> Any:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise InputError(f"{file}:{number}: is not JSON ({error}); give one object per line") from None
    if not isinstance(values, dict) or field not in values:
        content = f"its keys are {', '.join(values) or 'none'}" if isinstance(values, dict) else "it is not an object"
        raise InputError(f"{file}:{number}: the field {field!r} is missing; {content}")
    return values[field]


def _text(file: Path, row: NumberedValue) -> str:
    number, value = row
    if not isinstance(value, str):
        raise InputError(f"{file}:{number}: {json.dumps(value)} is not a text; give a JSON string (it may be empty)")
    return value


def _whole_number(file: Path, row: NumberedValue) -> int:
    number, value = row
    try:
        if isinstance(value, bool | float):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise InputError(
            f"{file}:{number}: {value!r} is not a whole number; labels, authors and token counts are"
        ) from None


def _real_number(file: Path, row: NumberedValue) -> float:
    number, value = row
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{file}:{number}: {value!r} is not a number; losses are sums in nats") from None


def _reference_text(file: Path, row: NumberedValue) -> str | list[str]:
    number, value = row
    if isinstance(value, list) and value:
        return [_text(file, (number, text)) for text in value]
    return _text(file, row)


def _tags(file: Path, row: NumberedValue) -> list[Any]:
    number, value = row
    tags = value.split() if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise InputError(f"{file}:{number}: {value!r} is no list of labels; give one label a word")
    return tags


def _anything(file: Path, row: NumberedValue) -> Any:
    return row[1]


_PARSERS: dict[Inputs, tuple[Callable[[Path, NumberedValue], Any], Callable[[Path, NumberedValue], Any]]] = {
    "texts": (_text, _reference_text),
    "labels": (_whole_number, _whole_number),
    "losses": (_real_number, _whole_number),
    "generations": (_text, _anything),
    "styles": (_text, _whole_number),
    "tags": (_tags, _tags),
}
