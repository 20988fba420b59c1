"""Files that are whole or not there: hashes, canonical JSON, JSON lines, atomic writes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.core.errors import InputError

DEEPEST = 64
"""Levels of tables and lists within a TOML file; nothing that bench reads has a tenth of them."""


def cache_root() -> Path:
    """Return the folder of downloads, built weights and traces: `BENCH_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("BENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("bench", appauthor=False))


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: Path, *, mend: str) -> Any:
    """Return the value of a JSON file.

    Args:
        path: the file.
        mend: what to do where it cannot be read, for the message.

    Raises:
        InputError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); {mend}") from None
    except RecursionError:
        raise InputError(f"{path}: cannot be read as JSON (it nests too deep); {mend}") from None


def read_toml(path: Path, *, shown: object = None) -> dict[str, Any]:
    """Return the tables of a TOML file that a person wrote.

    Args:
        path: the file.
        shown: how messages name it; default: by its path.

    Raises:
        InputError: it cannot be read, is not TOML, nests too deep, or holds what no name and no text may hold.
    """
    place = path if shown is None else shown
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: cannot be read as TOML: {error}") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        ValueError: it is not TOML, nests too deep, or holds a NUL character, which no path and no name may hold.
    """
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"it nests more than {DEEPEST} levels deep") from None
    level: list[Any] = [tables]
    for _ in range(DEEPEST):
        level = [part for value in level for part in _parts(value)]
        if any(isinstance(part, str) and "\0" in part for part in level):
            raise ValueError("it holds a NUL character (\\u0000); take it out")
    if level:
        raise ValueError(f"it nests more than {DEEPEST} levels deep")
    return tables


def _parts(value: Any) -> list[Any]:
    """Return keys and values of a table, and the values of a list."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, two-space indent and a final newline; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a scratch folder that becomes `target` only if the block ends well.

    A crash or Ctrl-C inside the block leaves whatever stood at `target` before, and no half-written folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        yield new
        if target.exists():
            target.replace(Path(scratch) / "old")
        new.replace(target)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as f:
        scratch = Path(f.name)
        try:
            f.write(text)
            f.close()
            scratch.chmod(0o644)
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON lines, one object a line, keys in the order given."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines.

    Raises:
        InputError: a line is no JSON object.
    """
    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as lines:
        try:
            for line in lines:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("it is no object")
                rows.append(row)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}:{len(rows) + 1}: cannot be read as a line of JSON ({error}); run again with --force"
            ) from None
    return rows
