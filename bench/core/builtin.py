"""Where the suites and baselines of this installation lie."""

from __future__ import annotations

import typing
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def builtin_root(kind: typing.Literal["suites", "baselines"]) -> Path:
    """Return the folder of the suites or baselines that came with this installation."""
    installed = _PACKAGE / "builtin" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind
