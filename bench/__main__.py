"""`python -m bench`, and the `bench` command."""

from __future__ import annotations

import os
import sys

from bench.errors import BenchError

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line; an error of ours becomes one message and its exit code, never a traceback."""
    # bench draws its own progress; libraries read this when they first import tqdm
    os.environ.setdefault("TQDM_DISABLE", "1")
    from bench.cli.app import app

    try:
        app()
    except BenchError as error:
        sys.exit(_ended(f"error: {error}", error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_ended("interrupted: the run in progress left nothing behind", EXIT_INTERRUPTED))


def _ended(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


if __name__ == "__main__":
    main()
