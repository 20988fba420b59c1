"""Progress bars on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.core.progress import Advance


class ConsoleProgress:
    """Shows stages as they run."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, emoji=False)

    def say(self, text: str) -> None:
        """Show one line, above the bar that is running."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """Open a stage; a terminal gets a bar, a log gets a line when it ends."""
        with self._bar(name, total) if self._console.is_terminal else self._line(name) as advance:
            yield advance

    @contextmanager
    def _line(self, name: str) -> Iterator[Advance]:
        start = time.perf_counter()
        last: dict[str, float] = {}

        def advance(n: int, **figures: float) -> None:
            last.update(figures)

        yield advance
        details = "".join(f", {key} {value:.4g}" for key, value in last.items())
        self.say(f"{name}: {time.perf_counter() - start:.1f} s{details}")

    @contextmanager
    def _bar(self, name: str, total: int | None) -> Iterator[Advance]:
        columns = [
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<18}"),
            *((BarColumn(), MofNCompleteColumn()) if total else ()),
            TimeElapsedColumn(),
            TextColumn("{task.fields[details]}"),
        ]
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(name, total=total, details="")

            def advance(n: int, **figures: float) -> None:
                details = "  ".join(f"{key} {value:.4g}" for key, value in figures.items())
                progress.update(task, advance=n, details=details)

            yield advance
            progress.update(task, total=total or 1, completed=total or 1)
