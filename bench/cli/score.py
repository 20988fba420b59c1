"""`bench score`: metrics on outputs that were made anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.command import give_json
from bench.cli.notes import print_notes, print_score_notes
from bench.cli.options import Confidence, Json, JsonFile
from bench.cli.tables import print_table
from bench.core.errors import InputError
from bench.core.files import write_text
from bench.metrics import METRIC_NAMES
from bench.metrics.reading.outputs import OutputColumns, read_outputs
from bench.metrics.score_files import (
    DEFAULT_TEXT_METRICS,
    ScoredMetric,
    build_metrics,
    needs_references,
    parse_options,
    row_scores,
    score_outputs,
)
from bench.metrics.user_metric import locate


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="One prediction per line, or a file with the field or column `prediction`, which may hold line "
            "breaks: JSON lines, a JSON array, CSV or TSV. It may be packed (gzip, bzip2, xz, Zstandard)."
        ),
    ],
    references: Annotated[
        Path | None,
        typer.Argument(
            help="One reference per line, or a file with the field or column `reference`. "
            "Not needed where PREDICTIONS has both, nor by metrics on generated text alone; "
            "style metrics want the number of the author that each text is meant to be by."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Repeatable; one of {', '.join(METRIC_NAMES)}, or ./file.py:Name. "
            f"Default: {', '.join(DEFAULT_TEXT_METRICS)}."
        ),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Repeatable; metric.key=value, such as rouge1.stemmer=false.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what the metrics read: the model of bertscore, the tokenizer that cuts generated text, "
            "the judge of style metrics (`judge` in a run's folder)."
        ),
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="Plain text file: the training text that generated text is compared with.")
    ] = None,
    layer: Annotated[int | None, typer.Option(help="Layer of bertscore's model; the same as bertscore.layer.")] = None,
    n_classes: Annotated[int | None, typer.Option(help="Number of classes; labels beyond it are errors.")] = None,
    prediction_column: Annotated[
        str, typer.Option(metavar="NAME", help="Field or column that holds predictions.")
    ] = "prediction",
    reference_column: Annotated[
        str, typer.Option(metavar="NAME", help="Field or column that holds references.")
    ] = "reference",
    group_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Field or column that names the group of a row, such as its document: intervals are over groups.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="REFERENCES",
            help="Compare two files of predictions on these references: the second minus the first, with the paired "
            "interval, as `bench compare` says it.",
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write each row with its own scores, as JSON lines."),
    ] = None,
    confidence: Confidence = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Score predictions against references, or generated texts alone; or compare two files of predictions."""
    _keep(inputs=(predictions, references, against, corpus), written=(rows, json_file))
    built = build_metrics(
        [locate(name) for name in metric or DEFAULT_TEXT_METRICS],
        parse_options([*(option or ()), *([] if layer is None else [f"bertscore.layer={layer}"])]),
        model_path=model,
        corpus=corpus,
        n_classes=n_classes,
    )
    columns = OutputColumns(prediction=prediction_column, reference=reference_column, group=group_column)
    settings: dict[str, Any] = {"confidence": confidence, "n_resamples": resamples, "seed": seed}
    if against is not None:
        from bench.cli.score_against import score_against

        if rows is not None:
            raise InputError("--rows goes with one file of predictions; leave it out, or leave out --against")
        score_against(
            predictions, references, against, built=built, columns=columns, json=json, json_file=json_file, **settings
        )
        return
    outputs = read_outputs(predictions, references, compared=needs_references(built), columns=columns)
    print_notes(outputs.notes)
    scored = score_outputs(built, outputs, **settings)
    if rows is not None:
        write_text(rows, "".join(f"{dumps(row, ensure_ascii=False)}\n" for row in row_scores(scored, outputs)))
    values = {result.metric.spec.name: result.score for result in scored}
    in_json = {name: result.model_dump(mode="json") for name, result in values.items()}
    if not give_json(in_json, json=json, file=json_file):
        _print_table(scored)
    print_score_notes(values)


def _keep(*, inputs: Sequence[Path | None], written: Sequence[Path | None]) -> None:
    """Refuse to write over a file that is read."""
    read = {file.resolve() for file in inputs if file is not None}
    for file in written:
        if file is not None and file.resolve() in read:
            raise InputError(f"{file}: is read here, and would be written over; name another file to write")


def _print_table(scored: Sequence[ScoredMetric]) -> None:
    from rich.table import Table

    first = scored[0].score
    n_heading = "n" if first.n_groups is None else "groups of n"
    table = Table("metric", "value", f"{first.confidence:.0%} interval", "unit", n_heading, "signature")
    for column in table.columns[1:5]:
        column.no_wrap = True
    table.columns[5].overflow = "fold"  # a signature that is cut identifies nothing
    for result in scored:
        score = result.score
        table.add_row(
            f"{result.metric.spec.title} {'↑' if score.higher_is_better else '↓'}",
            f"{score.value:.4g}",
            f"{score.low:.4g} to {score.high:.4g}",
            score.unit,
            str(score.n_examples) if score.n_groups is None else f"{score.n_groups} of {score.n_examples}",
            score.signature,
        )
    print_table(table)
