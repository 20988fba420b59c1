"""Every verb by name, in the order of a first session, and where it is: a verb is imported when it is called for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import typer

from bench.cli.command import Command

VERBS = {
    "run": "bench.cli.run:run",
    "fetch": "bench.cli.fetch:fetch",
    "list": "bench.cli.list:list_names",
    "show": "bench.cli.show:show",
    "validate": "bench.cli.validate:validate",
    "score": "bench.cli.score:score",
    "rescore": "bench.cli.rescore:rescore",
    "predict": "bench.cli.predict:predict",
    "report": "bench.cli.report:report",
    "claims": "bench.cli.claims:claims",
    "compare": "bench.cli.compare:compare",
    "gate": "bench.cli.gate:gate",
    "sweep": "bench.cli.sweep:sweep",
    "study": "bench.cli.study:study",
    "leaderboard": "bench.cli.leaderboard:leaderboard",
    "baseline": "bench.cli.baseline:baseline",
    "noise": "bench.cli.noise:noise",
    "reproduce": "bench.cli.reproduce:reproduce",
    "doctor": "bench.cli.doctor:doctor",
}
"""Name -> `module:function`, or an app of several."""


def app_of(names: Iterable[str]) -> typer.Typer:
    """Return the command line with some of its verbs, or all.

    Args:
        names: keys of `VERBS`.
    """
    app = typer.Typer(
        name="bench",
        help="Reproducible evaluation of fine-tuning: documented recipes, one metric layer, evidence, not one number.",
        epilog="Exit codes: 0 done, 1 regression, 2 bad input, 3 inconclusive, 4 not comparable or stale, "
        "5 a run failed.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_nothing)  # with a callback, one verb alone is a verb still
    for name in names:
        module, _, attribute = VERBS[name].partition(":")
        verb = getattr(importlib.import_module(module), attribute)
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name)
        else:
            app.command(name=name, cls=Command)(verb)
    return app


def _nothing() -> None:
    return
