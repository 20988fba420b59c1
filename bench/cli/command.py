"""What all verbs have in common: names of options, JSON on standard output or in a file, errors that pass click."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer import Abort
from typer.core import TyperCommand

from bench.core.errors import InputError
from bench.core.files import canonical_json, write_text

EARLIER_NAMES = {"--root": "--baselines", "--out": "--reports", "--json": "--json-file"}
"""Option as it was called in some verb -> as it is called in all. It still works where the verb has no other of its
name, and no help shows it."""


def check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that no record could hold.

    Raises:
        InputError: one is not UTF-8.
    """
    for argument in arguments:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError(f"{argument!r}: is not UTF-8, and no record could hold it; give it another name") from None


class Escaped(Exception):  # noqa: N818 - no error itself
    """Carries what a verb raised past click, which would end the program by itself and with a code of its own.

    An exit, such as `sys.exit(0)` in a method of a user, would look like success; the end of an input and a closed pipe
    would have 1, the code of a regression.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(repr(error))
        self.error = error


class Command(TyperCommand):
    """A verb."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises:
            Escaped: it raised what click takes for its own.
        """
        try:
            return super().invoke(ctx)
        except (SystemExit, EOFError, Abort, BrokenPipeError, KeyboardInterrupt) as error:
            raise Escaped(error) from error

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read options by their present names or earlier ones."""
        names = {name for parameter in self.params for name in parameter.opts}
        return super().parse_args(ctx, [_present(argument, names) for argument in args])


def _present(argument: str, names: set[str]) -> str:
    option, equals, value = argument.partition("=")
    present = EARLIER_NAMES.get(option)
    return f"{present}{equals}{value}" if present in names and option not in names else argument


def give_json(values: Any, *, json: bool, file: Path | None) -> bool:
    """Write what a verb found as JSON, where it is asked for, and return whether nothing else shall be printed.

    Args:
        values: what is written, at full precision.
        json: whether to print it on standard output.
        file: where to write it; none writes none.
    """
    text = canonical_json(values)
    if file is not None:
        write_text(file, text)
    if json:
        sys.stdout.write(text)
    return json
