"""`python -m bench`, and the `bench` command."""

from __future__ import annotations

import os
import sys

from bench.core.errors import EXIT_BAD_INPUT, BenchError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main() -> None:
    """Run the command line; an error of ours becomes one message and its exit code, never a traceback."""
    # bench draws its own progress; libraries read this when they first import tqdm
    os.environ.setdefault("TQDM_DISABLE", "1")
    from bench.cli.app import app

    try:
        app()
    except BenchError as error:
        sys.exit(_ended(f"error: {error}", error.exit_code))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write has no reader
        sys.exit(EXIT_BROKEN_PIPE)
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(_ended(f"error: {error.filename}: {error.strerror}; name another place", EXIT_BAD_INPUT))
    except KeyboardInterrupt:
        sys.exit(_ended("interrupted: the run in progress left nothing behind", EXIT_INTERRUPTED))


def _ended(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


if __name__ == "__main__":
    main()
