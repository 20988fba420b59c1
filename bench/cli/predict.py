"""`bench predict`: what the saved model of a run says of new rows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Device, Offline
from bench.cli.progress import ConsoleProgress
from bench.core.errors import InputError
from bench.core.files import write_text
from bench.records.store import RECORD_FILE, Store
from bench.running.settings import RunSettings


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, such as runs/.../seed-0.")],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Rows with the columns of the suite's data, the target perhaps missing."),
    ],
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answers here. Default: standard output.")
    ] = None,
    device: Device = "auto",
    offline: Offline = False,
) -> None:
    """Have the saved model of a run answer the rows of a file; one JSON object a line comes out.

    A line holds the row's id and the prediction, a label by its name. Where the file says what should come out, it
    also holds that reference and its loss.
    """
    if predictions is not None and predictions.resolve() == file.resolve():
        raise InputError(f"{file}: is read here, and would be written over; name another file to write")
    if run.name == RECORD_FILE:
        run = run.parent
    runs = Store(runs_root=None).runs_in(run)
    if len(runs) != 1:
        raise InputError(f"{run}: holds {len(runs) or 'no'} stored runs; give the folder of one seed, such as seed-0")
    if not file.is_file():
        raise InputError(f"{file}: there is no such file")
    from bench.materials.tables import read_file
    from bench.running.predicting import predict_rows

    rows = read_file(file, root=file.parent)
    settings = RunSettings(device=device, offline=offline, progress=ConsoleProgress())
    answers = predict_rows(runs[0], rows, settings, place=str(file))
    text = "".join(json.dumps(answer.values(), ensure_ascii=False) + "\n" for answer in answers)
    if predictions is None:
        sys.stdout.write(text)
    else:
        write_text(predictions, text)
