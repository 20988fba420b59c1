"""Everything that `bench` raises on purpose, and the exit code each becomes.

    BenchError
    ├── InputError            exit 2   the command line, a suite file, a policy, a record or a text file is wrong
    ├── NotComparableError    exit 4   unlike things were to be compared, or a baseline is missing
    └── RunError              exit 5   the run itself failed
        ├── SourceError                bytes could not be brought in, or are not the pinned ones
        ├── DeviceError                the device that was asked for is not there, or ran out of memory
        └── TrainingError              training left the finite numbers, or its result could not be reloaded

Every message names the place, what was got, what is allowed, and how to mend it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

EXIT_PASS = 0
EXIT_REGRESSION = 1
EXIT_BAD_INPUT = 2
EXIT_INCONCLUSIVE = 3
EXIT_NOT_COMPARABLE = 4
EXIT_RUN_FAILED = 5


class BenchError(Exception):
    """The root of the tree; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = EXIT_RUN_FAILED


class InputError(BenchError):
    """What a person wrote (command line, suite file, policy, record, text file) cannot be used."""

    exit_code = EXIT_BAD_INPUT


class NotComparableError(BenchError):
    """Two results differ in something that makes their difference meaningless, or one of them is missing."""

    exit_code = EXIT_NOT_COMPARABLE


class RunError(BenchError):
    """A run started from good input and failed."""


class SourceError(RunError):
    """Weights or data could not be fetched, or what arrived is not what was pinned."""


class DeviceError(RunError):
    """The device that was asked for is missing or too small."""


class TrainingError(RunError):
    """The loss left the finite numbers, or the saved weights do not reload to the same predictions."""


def suggest(wrong: str, allowed: Iterable[str]) -> str:
    """Return the end of an error message: the nearest allowed name, or all of them.

    Args:
        wrong: the name that was given.
        allowed: the names that would have been right.

    Returns:
        `"; did you mean 'x'?"` where one is near, else `"; allowed: a, b, c"`.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; allowed: {', '.join(names)}" if names else ""
