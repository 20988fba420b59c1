"""Experiment trackers: the Trainer's own integrations, off unless they are asked for.

What they are told is for watching; nothing that a run stores or scores depends on them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import InputError, suggest

PROJECT = "bench"
_PROJECT_VARIABLES = ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME")
_STAY_OPEN = ("wandb",)
"""Trackers whose run goes on after training, so that the next seed of the process would be written into it; the others
end it themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Which trackers watch a training, and what they are told of it."""

    names: tuple[str, ...] = ()
    """Of the Trainer's own integrations, such as `tensorboard`."""
    run_name: str | None = None
    """What they call the run."""
    folder: Path | None = None
    """Where one that writes files puts them."""


def check_trackers(names: Sequence[str]) -> None:
    """Check that trackers are known to the Trainer and installed.

    Raises:
        InputError: one is not.
    """
    if not names:
        return
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    installed = get_available_reporting_integrations()
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            allowed = suggest(name, INTEGRATION_TO_CALLBACK)
            raise InputError(f"--report-to {name!r} is not known to the Trainer{allowed}")
        if name not in installed:
            raise InputError(f"--report-to {name}: {name} is not installed; `pip install {name}`, or leave it out")


@contextmanager
def track(tracking: Tracking) -> Iterator[None]:
    """Name the project where the user's environment does not, give TensorBoard its folder, and close runs at the end.

    TensorBoard takes its folder from the environment alone.
    """
    names, folder = tracking.names, tracking.folder
    chosen = {} if folder is None else {"TENSORBOARD_LOGGING_DIR": str(folder)}
    if names:
        chosen |= {variable: PROJECT for variable in _PROJECT_VARIABLES if variable not in os.environ}
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name in (name for name in names if name in _STAY_OPEN):
            importlib.import_module(name).finish()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
