"""`python -m bench`, and the `bench` command: where every verb starts, and where an error that nobody catches ends."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys

from bench.core.errors import EXIT_BAD_INPUT, EXIT_RUN_FAILED, BenchError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_WRONG_PLACE = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ELOOP,
    errno.ENAMETOOLONG, errno.EROFS,
}  # fmt: skip
"""What another path would mend; a full disk or a broken one is no bad input."""


def main() -> None:
    """Run the command line; an error of ours becomes one message and its exit code, never a traceback.

    Any other error is a bug, of ours or of a library. It ends with 5 and one line, which names a file with the trace:
    Python's own ending would be 1, the code of a regression.
    """
    # bench draws its own progress; libraries read this when they first import tqdm
    os.environ.setdefault("TQDM_DISABLE", "1")
    sys.exit(_run())


def _run() -> int:
    """Run the command line and return the exit code."""
    gc.disable()  # what imports make stays: to look for garbage in it is a fifth of the time of a short command
    try:
        try:
            from bench.cli.command import Escaped, check_text
            from bench.cli.verbs import VERBS, app_of

            app = app_of(sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in VERBS else VERBS)
        except SystemExit as error:
            return _end(error)
        finally:
            gc.freeze()
            gc.enable()
        check_text(sys.argv[1:])
        try:
            app()
        except Escaped as escaped:
            return _end(escaped.error)
        except SystemExit as ended:  # click's own ending, with a code of ours
            _flush()
            return ended.code if isinstance(ended.code, int) else 0
        return 0
    except BaseException as error:
        return _end(error)


def _end(error: BaseException) -> int:
    """Say what ended the command, and return its exit code."""
    ended_by_rich = isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)
    if isinstance(error, BrokenPipeError) or ended_by_rich:
        _drop_output()
        return EXIT_BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        return _ended("interrupted: the run in progress left nothing behind", EXIT_INTERRUPTED)
    if isinstance(error, OSError) and error.filename is not None and error.errno in _WRONG_PLACE:
        return _ended(f"error: {error.filename}: {error.strerror}; name another place", EXIT_BAD_INPUT)
    from bench.core.traces import one_line, write_trace

    foreign = not isinstance(error, BenchError)
    trace = write_trace(error) if foreign or error.__cause__ is not None else None
    if foreign:
        where = "it could not be written to any folder" if trace is None else str(trace)
        return _ended(
            f"error: the command failed unexpectedly: {one_line(error)}; whole trace: {where}", EXIT_RUN_FAILED
        )
    code = error.exit_code if isinstance(error, BenchError) else EXIT_RUN_FAILED
    return _ended(f"error: {error}" + ("" if trace is None else f"\nwhole trace: {trace}"), code)


def _flush() -> None:
    """Write what is left: at the interpreter's own end a full disk or a closed pipe would have another code."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _ended(message: str, code: int) -> int:
    try:
        _flush()
    except (OSError, ValueError):
        _drop_output()
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()
    return code


def _drop_output() -> None:
    """Let nothing be written after the end: what is left has no reader, or was said already."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
