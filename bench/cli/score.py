"""`bench score`: metrics on outputs that were made anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.command import give_json
from bench.cli.notes import print_notes, print_score_notes
from bench.cli.options import Confidence, Json, JsonFile
from bench.cli.tables import print_table
from bench.metrics import METRIC_NAMES
from bench.metrics.base import MetricSpec
from bench.metrics.reading.outputs import OutputColumns
from bench.metrics.score_files import DEFAULT_TEXT_METRICS, parse_options, score_files
from bench.metrics.user_metric import locate
from bench.records.score import Score


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
    confidence: Confidence = 0.95,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Score predictions against references, or generated texts alone."""
    options = parse_options([*(option or ()), *([] if layer is None else [f"bertscore.layer={layer}"])])
    results = score_files(
        predictions,
        references,
        [locate(name) for name in metric or DEFAULT_TEXT_METRICS],
        options=options,
        model_path=model,
        corpus=corpus,
        n_classes=n_classes,
        columns=OutputColumns(prediction=prediction_column, reference=reference_column),
        confidence=confidence,
        n_resamples=resamples,
        seed=seed,
        announce=lambda text: print_notes([text]),
    )
    values = {spec.name: result.model_dump(mode="json") for spec, result in results}
    if not give_json(values, json=json, file=json_file):
        _print_table(results)
    print_score_notes({spec.name: result for spec, result in results})


def _print_table(results: list[tuple[MetricSpec, Score]]) -> None:
    from rich.table import Table

    table = Table("metric", "value", f"{results[0][1].confidence:.0%} interval", "unit", "n", "signature")
    for column in table.columns[1:5]:
        column.no_wrap = True
    table.columns[5].overflow = "fold"  # a signature that is cut identifies nothing
    for spec, result in results:
        name = f"{spec.title} {'↑' if result.higher_is_better else '↓'}"
        interval = f"{result.low:.4g} to {result.high:.4g}"
        table.add_row(name, f"{result.value:.4g}", interval, result.unit, str(result.n_examples), result.signature)
    print_table(table)
