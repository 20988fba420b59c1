"""Made-up books in the frame of Project Gutenberg's plain text files; nothing of a real book is in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Literal

_CHAPTERS = 10
_NOTICE = "This eBook is for the use of anyone anywhere, and every word of this notice is to be left out of the text."


def paragraphs(author: Literal["prose_day", "prose_night", "prose_plain"], n: int, *, seed: int = 0) -> list[str]:
    """Return `n` paragraphs by one of the authors that `bench` generates, with a printed book's capitals and commas."""
    from bench.config import GeneratedSource
    from bench.materials.sources.generated import rows

    source = GeneratedSource(kind="generated", name=author, n_examples=n, seed=seed)
    return [_printed(row["text"]) for row in rows(source)]


def _printed(text: str) -> str:
    text = re.sub(r" ([,.!?])", r"\1", text).replace(" i ", " I ")
    return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda letter: letter[0].upper(), text)


def book(title: str, text: Sequence[str]) -> bytes:
    """Return a book as its site serves it: byte order mark, CRLF, licence around it, contents, chapters, wrapped lines.

    Args:
        title: in the frame and at the top.
        text: the paragraphs; ten or more.
    """
    n = len(text) // _CHAPTERS
    chapters = [text[i * n : (i + 1) * n if i < _CHAPTERS - 1 else None] for i in range(_CHAPTERS)]
    names = [f"CHAPTER {i}." for i in range(1, _CHAPTERS + 1)]
    lines = [f"The Project Gutenberg eBook of {title}", "", *textwrap.wrap(_NOTICE, 72), ""]
    lines += [f"*** START OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***", "", "", title, "", "CONTENTS", ""]
    lines += [f" {name}" for name in names] + [""]
    for name, chapter in zip(names, chapters, strict=True):
        lines += ["", name, "", ""]
        for paragraph in chapter:
            lines += [*textwrap.wrap(paragraph, 72), ""]
    lines += [f"*** END OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***", "", *textwrap.wrap(_NOTICE, 72), ""]
    return "\r\n".join(lines).encode("utf-8-sig")
