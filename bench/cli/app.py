"""The Typer app: every verb by name, in the order of a first session."""

from __future__ import annotations

import typer

from bench.cli.baseline import baseline
from bench.cli.claims import claims
from bench.cli.command import Command
from bench.cli.compare import compare
from bench.cli.doctor import doctor
from bench.cli.fetch import fetch
from bench.cli.gate import gate
from bench.cli.leaderboard import leaderboard
from bench.cli.list import list_names
from bench.cli.noise import noise
from bench.cli.report import report
from bench.cli.reproduce import reproduce
from bench.cli.rescore import rescore
from bench.cli.run import run
from bench.cli.score import score
from bench.cli.show import show
from bench.cli.study import study
from bench.cli.sweep import sweep
from bench.cli.validate import validate

app = typer.Typer(
    name="bench",
    help="Reproducible evaluation of fine-tuning: documented recipes, one metric layer, evidence, not one number.",
    epilog="Exit codes: 0 done, 1 regression, 2 bad input, 3 inconclusive, 4 not comparable or stale, 5 a run failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command(cls=Command)(run)
app.command(cls=Command)(fetch)
app.command(name="list", cls=Command)(list_names)
app.command(cls=Command)(show)
app.command(cls=Command)(validate)
app.command(cls=Command)(score)
app.command(cls=Command)(rescore)
app.command(cls=Command)(report)
app.command(cls=Command)(claims)
app.command(cls=Command)(compare)
app.command(cls=Command)(gate)
app.command(cls=Command)(sweep)
app.command(cls=Command)(study)
app.command(cls=Command)(leaderboard)
app.add_typer(baseline, name="baseline")
app.command(cls=Command)(noise)
app.command(cls=Command)(reproduce)
app.command(cls=Command)(doctor)
