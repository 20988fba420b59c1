"""What can change a value and is not named in signatures that are stored: a part is added where it differs from theirs.

The stored baselines say `stem:porter` and name no version of `tokenizers`. All were made with the versions below, which
their records show and a test holds them to, so a signature without the part is one with those versions. Any other
version is another signature.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

NLTK = "3.10.4"
"""Of the stored records that stem."""
TOKENIZERS = "0.23.3"
"""Of the stored records that a learned metric or a judge scored."""
_STEMMER_SHA256 = "2d75d36dc9e83fc40857c72632fa1ea59208b531c5a91a765b62e63af57fa7d4"
"""Of the code of Porter's stemmer in that NLTK; another NLTK with the same code gives the same stems."""


def stemmer_part() -> dict[str, str]:
    """Return the version of NLTK where its stemmer is not the one that stored signatures mean."""
    return {} if _stemmer_sha256() == _STEMMER_SHA256 else {"nltk": version("nltk")}


def tokenizers_part() -> dict[str, str]:
    """Return the version of `tokenizers` where it is not the one that stored signatures mean."""
    installed = version("tokenizers")
    return {} if installed == TOKENIZERS else {"tokenizers": installed}


def nltk_data(*places: str) -> Path | None:
    """Return the first of NLTK's data files or folders that is installed, such as `corpora/wordnet`; or none."""
    import nltk.data

    for place in places:
        try:
            return Path(str(nltk.data.find(place)))
        except LookupError:
            continue
    return None


@cache
def data_sha256(path: Path | None) -> str:
    """Return 16 hex digits over a file, or over the names and bytes of a folder's files; `none` where there is none."""
    if path is None or not path.exists():
        return "none"
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(path) if path.is_dir() else ''} {content}\n".encode())
    return digest.hexdigest()[:16]


@cache
def _stemmer_sha256() -> str | None:
    spec = find_spec("nltk")
    if spec is None or spec.origin is None:
        return None
    return hashlib.sha256((Path(spec.origin).parent / "stem" / "porter.py").read_bytes()).hexdigest()
