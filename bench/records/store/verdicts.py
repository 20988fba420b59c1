"""The trace that a verdict leaves beside the runs it was on, so that seeds added after it can be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bench.core.schema import Strict

VERDICTS_FILE: Final = "verdicts.jsonl"


class TracedVerdict(Strict):
    """One verdict on the runs of a config."""

    at: str
    """UTC, ISO 8601."""
    outcome: str
    seeds: Mapping[int, str]
    """Seed -> hash of its predictions."""
    baseline: str
    """Hash over the predictions of the baseline's seeds."""
    max_seeds: int | None = None
    """Of the plan, where seeds were looked at one by one; none for a plain verdict."""

    def says_the_same(self, other: TracedVerdict) -> bool:
        """Return whether it is the same verdict, given again."""
        return self.model_copy(update={"at": other.at}) == other


def leave_trace(config_folder: Path, verdict: TracedVerdict) -> None:
    """Add a verdict to the folder of a config's runs, unless it stands there already or nothing can be written."""
    if any(verdict.says_the_same(earlier) for earlier in read_traces(config_folder)):
        return
    try:
        with (config_folder / VERDICTS_FILE).open("a", encoding="utf-8") as file:
            file.write(verdict.model_dump_json() + "\n")
    except OSError:
        return  # a folder that is only read, as a mounted archive: its runs are not amended there either


def read_traces(config_folder: Path) -> list[TracedVerdict]:
    """Return the verdicts that were given on a config's runs, the oldest first, without lines that are none."""
    try:
        lines = (config_folder / VERDICTS_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    traces = []
    for line in lines:
        try:
            traces.append(TracedVerdict.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            continue
    return traces
