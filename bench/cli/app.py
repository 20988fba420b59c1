"""The whole Typer app: every verb."""

from __future__ import annotations

from bench.cli.verbs import VERBS, app_of

app = app_of(VERBS)
