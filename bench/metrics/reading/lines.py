"""Bytes of a file -> its lines, as text: unpacked, decoded, and with a word on whatever is odd about them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.core.errors import InputError
from bench.core.wording import plural

MOST_UNPACKED_BYTES = 1 << 32
"""4 GiB: a small archive may unpack to more than any machine holds."""
_UTF8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_NO_TEXT = {
    b"PK\x03\x04": "a zip archive; unpack it",
    b"PAR1": "a Parquet file; save its rows as JSON lines",
    b"%PDF": "a PDF; save its text",
}
"""First bytes -> what a file is, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A text file, a line each, without what ends it."""

    file: Path
    lines: list[str]
    """At least one."""
    notes: tuple[str, ...]
    """What is odd about the file: a sentence each, with its counts."""


def read_lines(file: Path) -> Lines:
    r"""Return the lines of a UTF-8 file, packed (gzip, bzip2, xz, Zstandard) or not.

    Only `\n` and `\r\n` end a line, or `\r` in a file that has no `\n`: texts may hold the other separators that
    `str.splitlines` knows. A byte order mark at the start of a line is no part of it.

    Raises:
        InputError: the file cannot be read or unpacked, is empty, or is no UTF-8 text; the message names what it is
            (UTF-16, a zip archive, ...) or the line.
    """
    content = read_bytes(file)
    if not content.removeprefix(_UTF8_MARK):
        raise InputError(f"{file}: the file is empty; it must hold one example per line")
    notes = []
    if b"\n" in content:
        lines = [line.removesuffix(b"\r") for line in content.removesuffix(b"\n").split(b"\n")]
    else:
        lines = content.removesuffix(b"\r").split(b"\r")
        if len(lines) > 1 or content.endswith(b"\r"):
            notes.append(f"{file}: {plural(len(lines), 'line')}, ended by carriage returns alone")
    del content
    if n_marked := sum(line.startswith(_UTF8_MARK) for line in lines):
        lines = [line.removeprefix(_UTF8_MARK) for line in lines]
        notes.append(f"{file}: {plural(n_marked, 'line')} with a byte order mark at the start, which is no part of it")
    return Lines(file=file, lines=[_decoded(file, n, line) for n, line in enumerate(lines, start=1)], notes=(*notes,))


def read_bytes(file: Path) -> bytes:
    """Return the bytes of a file, unpacked where its first bytes say that it is packed.

    Raises:
        InputError: it cannot be read or unpacked, or its first bytes are those of something that is no text.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:  # a NUL in the name
        raise InputError(f"{str(file)!r}: cannot be read ({error}); check the path") from None
    for start, (name, unpack) in _PACKINGS.items():
        if content.startswith(start):
            content = _unpacked(file, name, unpack, content)
            break
    for start, what in _NO_TEXT.items():
        if content.startswith(start):
            raise InputError(f"{file}: is {what}")
    for start, name in _WIDE_MARKS.items():
        if content.startswith(start):
            raise InputError(f"{file}: is {name}; save the file as UTF-8")
    return content


def _unpacked(file: Path, name: str, unpack: Callable[[IO[bytes]], IO[bytes]], content: bytes) -> bytes:
    try:
        with unpack(io.BytesIO(content)) as stream:
            text = stream.read(MOST_UNPACKED_BYTES + 1)
    except Exception as error:  # each packing has kinds of its own
        raise InputError(f"{file}: cannot be unpacked as {name} ({error}); copy or make the file again") from None
    if len(text) > MOST_UNPACKED_BYTES:
        raise InputError(f"{file}: unpacks to more than {MOST_UNPACKED_BYTES >> 30} GiB; score it in parts")
    return text


def _zstandard(stream: IO[bytes]) -> Any:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdFile
    else:
        from backports.zstd import ZstdFile
    return ZstdFile(stream)


_PACKINGS: dict[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": ("Zstandard", _zstandard),
}
"""First bytes -> what packs so, and what unpacks it."""


def _decoded(file: Path, number: int, line: bytes) -> str:
    if b"\0" in line:
        what = "is UTF-16 without a byte order mark, or no text" if _is_every_other_nul(line) else "is no text"
        raise InputError(f"{file}:{number}: holds a NUL byte, so the file {what}; save it as UTF-8")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}:{number}: is not UTF-8 ({error.reason}); save the file as UTF-8") from None


def _is_every_other_nul(line: bytes) -> bool:
    return line.count(b"\0") * 3 > len(line)
