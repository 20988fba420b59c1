"""Opening the engine of a sweep by its name."""

from __future__ import annotations

from bench.core.errors import InputError
from bench.experiments.sweep.engine import Engine, EngineSettings
from bench.running.settings import RunSettings


def open_engine(engine: EngineSettings, settings: RunSettings, *, n_cells: int) -> Engine:
    """Return an engine that is ready to be given cells.

    Args:
        engine: which one, and what a cell gets.
        settings: how the cells run.
        n_cells: how many there are to run; there are no more slots than that.

    Raises:
        InputError: the engine has no such setting, or is not installed.
        RunError: it cannot be reached, or has not what a cell needs.
    """
    if engine.name == "ray":
        from bench.experiments.sweep.on_ray import open_ray

        return open_ray(engine, settings, n_cells=n_cells)
    if engine.address is not None:
        raise InputError(f"--address {engine.address}: the local engine has none; add --engine ray")
    from bench.experiments.sweep.local import LocalEngine
    from bench.experiments.sweep.places import places_here

    return LocalEngine(places_here(engine, device=settings.device, n_cells=n_cells))
