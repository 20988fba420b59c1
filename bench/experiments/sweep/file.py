"""A sweep written down, so that it can be committed: the keys are the options of `bench sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from bench.config import Strict
from bench.core.errors import suggest
from bench.core.schema import Fault, validate
from bench.experiments.sweep.engine import EngineName, EngineSettings
from bench.suites.resolve import read_tables


class Sweep(Strict):
    """What is run, and where."""

    suites: tuple[str, ...] = Field(min_length=1)
    """Suite folders or names, from the folder that the command is given in."""
    methods: tuple[str, ...] = ()
    """By name, `./file.py:Name`, or `all`; default: each suite's own."""
    seeds: str = "0"
    """Run seeds, such as `0-4` or `0,3,7`."""
    profile: str = "auto"
    """As `bench run --profile`."""
    set: tuple[str, ...] = ()
    """`key.path=value` each, for every cell."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """As `bench run --device`."""
    offline: bool = False
    """Fetch nothing."""
    engine: EngineName = "local"
    address: str | None = None
    """Of a Ray cluster: `auto`, `host:port` or `ray://host:port`; default: an instance of our own on this machine."""
    slots: int | None = Field(default=None, ge=1)
    """Cells at a time; default: one a GPU, else as many as `cpus_per_cell` allows, else 1."""
    cpus_per_cell: int | None = Field(default=None, ge=1)
    """Threads of a cell; results depend on it in their last bits. Default: an equal share of the cores."""
    gpus_per_cell: float | None = Field(default=None, ge=0, le=1)
    """Part of a GPU that a cell gets: 1, 0.5 for two cells on one GPU, 0 for none; default: 1 where there are any."""

    @property
    def engine_settings(self) -> EngineSettings:
        """Return which engine is asked for, and what a cell gets."""
        return EngineSettings(
            name=self.engine,
            address=self.address,
            slots=self.slots,
            cpus_per_cell=self.cpus_per_cell,
            gpus_per_cell=self.gpus_per_cell,
        )


def load_sweep(path: Path) -> Sweep:
    """Read a sweep file.

    Raises:
        InputError: there is none, it is not TOML, or a key or value is wrong.
    """
    return checked_sweep(read_tables(path, "sweep"), place=str(path))


def checked_sweep(tables: dict[str, object], *, place: str) -> Sweep:
    """Return the sweep that tables describe.

    Args:
        tables: keys and values.
        place: where they were written, for messages.

    Raises:
        InputError: a key or value is wrong.
    """
    return validate(Sweep, tables, explain=lambda fault: f"{place}: {_explain(fault)}")


def _explain(fault: Fault) -> str:
    key = str(fault.location[0])
    if fault.kind == "unknown key":
        return f"{key} is not a known key{suggest(key, Sweep.model_fields)}"
    if fault.kind == "missing key":
        return f'{key} is missing; for example {key} = ["suites/imdb"]'
    return f"{fault.field}: {fault.message} (got {fault.value!r})"
