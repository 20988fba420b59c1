"""Options that several verbs share, and how their text is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.core.errors import InputError

Suite = Annotated[
    str, typer.Argument(help="Suite folder or name, such as suites/summarization; or a stored config.lock.toml.")
]
Profile = Annotated[str, typer.Option(help="documented, offline, tiny, or auto, which chooses and says why.")]
Method = Annotated[
    str | None,
    typer.Option(
        help="A method of the suite, one of `bench list methods`, or ./file.py:Name. Default: the profile's own."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Repeatable; override a value, such as training.learning_rate=1e-4."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch nothing; every network connection is refused.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON at full precision on standard output, and nothing else.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json-file", metavar="FILE", help="Write that JSON to a file, beside what is printed.")
]
Force = Annotated[bool, typer.Option("--force", help="Run again even where a record stands.")]
Runs = Annotated[Path, typer.Option(help="Where runs are stored.")]
Reports = Annotated[Path, typer.Option(help="Where reports go.")]
Baselines = Annotated[
    list[Path] | None,
    typer.Option(help="Repeatable; where baselines are stored. Default: ./baselines, then the built-in ones."),
]
Confidence = Annotated[float, typer.Option(help="Coverage that the intervals aim at, between 0 and 1.")]


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read `0-2`, `0,3,7` or a mixture.

    Raises:
        InputError: a part is no integer or range of integers, or a seed comes twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(f"--seeds {text!r}: {part.strip()!r} is no seed; expected integers, such as 0-2 or 0,3,7")
        seeds.extend(range(int(first), int(last or first) + 1))
    if len(set(seeds)) != len(seeds) or not seeds:
        raise InputError(f"--seeds {text!r}: expected each seed once and ranges that rise, such as 0-2 or 0,3,7")
    return tuple(seeds)
