"""What an error leaves behind: one line for people, and a file with its whole trace for whoever mends it."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.core.errors import BenchError
from bench.core.files import cache_root

_LONGEST_TEXT = 300
"""Characters of an unforeseen error's own text that its line shows."""
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY", re.IGNORECASE)
_SHORTEST_SECRET = 6
"""Characters: a shorter value of such a variable is a switch, not a secret."""
_URL_USER = re.compile(r"(?<=://)[^/@\s'\"]+@")
_KEY = re.compile(r"\b(?:hf_|ghp_|sk-)\w{8,}")
_LIBRARIES = ("bench", "torch", "transformers", "peft", "accelerate")


def one_line(error: BaseException) -> str:
    """Return an error in one line: ours as it is, any other with its type and where it was raised."""
    text = " ".join(_text_of(error).split())
    if isinstance(error, BenchError):
        return text
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}..."
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    return without_secrets(f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}")


def trace_of(error: BaseException) -> str:
    """Return the whole trace of an error, its causes included: lines of code and messages, no values of variables."""
    return without_secrets("".join(traceback.format_exception(error)))


def write_trace(error: BaseException) -> Path | None:
    """Write versions and the whole trace of an error into a file of its own, which its owner alone may read.

    It lies in `errors/` of the cache folder, else in the system's folder for temporary files, else in the working
    folder. This never raises: an error about an error would hide the first.

    Returns:
        The file; none where no folder takes it.
    """
    for folder in (lambda: cache_root() / "errors", lambda: Path(tempfile.gettempdir()), Path.cwd):
        with contextlib.suppress(Exception):
            return _written(folder, "\n".join([*_versions(), "", trace_of(error)]))
    return None


def without_secrets(text: str) -> str:
    """Return a text without users and passwords of addresses, access keys, and what secret variables hold."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return _KEY.sub("<key>", _URL_USER.sub("<user>@", text))


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # of a class of the user's own
        return f"its message cannot be read ({type(another).__name__})"


def _written(folder: Callable[[], Path], text: str) -> Path:
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place, prefix="bench-error-", suffix=".log")  # mode 600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}, {platform.platform()}"
    for library in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            yield f"{library} {version(library)}"
