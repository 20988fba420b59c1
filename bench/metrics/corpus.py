"""A training text as tokens, and a quick answer to what of another text was copied from it.

    corpus = corpus_of(text, folder)                        # the tokenizer in `folder` cuts every text
    corpus.match_lengths(corpus.encode("a new sentence"))   # from each token on, how many occur there in a row

Every occurrence of a sequence begins one of the corpus's suffixes, and suffixes in order are searched by halving.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError

# `tokenizer.json` holds everything; without it, the vocabulary files of the older kinds do.
_WHOLE_FILE = "tokenizer.json"
_PART_FILES = ("merges.txt", "spiece.model", "tokenizer.model", "vocab.json", "vocab.txt")

# In big-endian bytes of equal width, sequences compare as their token ids do.
_ORDERED = np.dtype(">u4")


class Tokenizer:
    """The tokenizer of a saved model; the weights beside it are not looked at."""

    def __init__(self, folder: Path) -> None:
        """Find the tokenizer's files; they are loaded when a text is first cut.

        Raises:
            InputError: the folder holds none.
        """
        names = [_WHOLE_FILE] if (folder / _WHOLE_FILE).is_file() else _PART_FILES
        files = [folder / name for name in names if (folder / name).is_file()]
        if not files:
            raise InputError(
                f"{folder}: holds no tokenizer, neither {_WHOLE_FILE} nor any of {', '.join(_PART_FILES)}; "
                "give the folder of a saved transformers model"
            )
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        self.folder = folder
        self.identity = digest.hexdigest()[:16]

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, whole and without special tokens.

        Raises:
            InputError: the files cannot be loaded.
        """
        # `verbose=False`: a text longer than the model reads is no mistake here.
        return list(self._loaded(text, add_special_tokens=False, verbose=False)["input_ids"])

    @cached_property
    def version(self) -> dict[str, str]:
        """Return what else the tokens hang on, for a signature: a tokenizer that was made in loading, by its hash.

        transformers makes one from the older files, and may change what `tokenizer.json` says by the files beside it.
        Where it loads the file as it is, the file's hash says everything.
        """
        from tokenizers import Tokenizer as Library

        backend = getattr(self._loaded, "backend_tokenizer", None)
        if backend is None:
            return {"transformers": version("transformers")}
        loaded, file = _meaning(backend.to_str()), self.folder / _WHOLE_FILE
        if file.is_file() and _meaning(Library.from_file(str(file)).to_str()) == loaded:
            return {}
        return {"loaded": hashlib.sha256(loaded.encode()).hexdigest()[:16]}

    def n_unknown(self, ids: Sequence[int]) -> int:
        """Return how many of a text's token ids stand for what the tokenizer does not know."""
        unknown = self._loaded.unk_token_id
        # Where one token has several uses (GPT-2), texts are made of bytes and nothing is unknown.
        return 0 if unknown in (None, self._loaded.eos_token_id) else sum(token == unknown for token in ids)

    @cached_property
    def _loaded(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(self.folder)
        except Exception as error:  # each library behind these files has errors of its own, some of them bare
            message = str(error).partition("\n")[0]
            raise InputError(
                f"{self.folder}: the tokenizer cannot be loaded ({message}); give the folder of a saved "
                "transformers model"
            ) from error


def _meaning(saved: str) -> str:
    """Return the part of a saved tokenizer that decides a text's tokens, without special ones."""
    values = json.loads(saved)
    return json.dumps({key: values[key] for key in ("added_tokens", "normalizer", "pre_tokenizer", "model")})


class Corpus:
    """A training text and the tokenizer that cuts it."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.text = text
        self.tokenizer = tokenizer
        self.identity = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """Return the corpus's token ids as (n_tokens,), at least one.

        Raises:
            InputError: the text has no tokens.
        """
        ids = np.array(self.encode(self.text), dtype=np.int64)
        if not len(ids):
            raise InputError("the corpus holds no tokens; give the training text, as plain text")
        return ids

    @property
    def tokenizer_identity(self) -> str:
        """Return the hash of the tokenizer's files: the same whichever model lies beside them."""
        return self.tokenizer.identity

    def encode(self, text: str) -> list[int]:
        """Return another text's token ids; see `Tokenizer.encode`."""
        return self.tokenizer.encode(text)

    def most_common(self, n: int) -> frozenset[int]:
        """Return the n most frequent token ids, of equals the lower one; all where there are fewer."""
        return frozenset(self._by_frequency[:n].tolist())

    def match_lengths(self, ids: Sequence[int]) -> NDArray[np.int64]:
        """Return, for each start in a sequence, the length of its longest prefix found verbatim in the corpus.

        A start costs about log2(n_tokens) comparisons of as many tokens as match.

        Args:
            ids: token ids (n,).

        Returns:
            Lengths in tokens (n,); 0 where not even the first token occurs.

        Source:
            Manber and Myers 1993, "Suffix arrays: a new method for on-line string searches", section 2.
        """
        sought = np.array(ids, dtype=np.int64)
        lengths = np.zeros(len(sought), dtype=np.int64)
        longest = 0
        for start in reversed(range(len(sought))):
            # What is found here was found from the next token on, less this one: it is at most one token longer.
            longest = self._n_leading(sought[start : start + longest + 1])
            lengths[start] = longest
        return lengths

    def _n_leading(self, sought: NDArray[np.int64]) -> int:
        """Return how many leading tokens of a sequence (n,) occur in a row in the corpus."""
        width, size = len(sought), _ORDERED.itemsize
        place = bisect_left(
            self._suffixes,
            sought.astype(_ORDERED).tobytes(),
            key=lambda suffix: self._bytes[suffix * size : (suffix + width) * size],
        )
        # The suffix that shares most with the sequence stands right before or right after it in the order.
        neighbours = self._suffixes[max(place - 1, 0) : place + 1]
        return max(_n_shared(sought, self.ids[suffix : suffix + width]) for suffix in neighbours)

    @cached_property
    def _suffixes(self) -> NDArray[np.int64]:
        return suffix_array(self.ids)

    @cached_property
    def _bytes(self) -> bytes:
        return self.ids.astype(_ORDERED).tobytes()

    @cached_property
    def _by_frequency(self) -> NDArray[np.int64]:
        ids, counts = np.unique(self.ids, return_counts=True)
        return ids[np.argsort(-counts, kind="stable")]


@lru_cache(maxsize=4)
def tokenizer_of(folder: Path) -> Tokenizer:
    """Return the tokenizer in a folder, loaded once for all metrics that share it."""
    return Tokenizer(folder)


@lru_cache(maxsize=4)
def corpus_of(text: str, tokenizer_folder: Path) -> Corpus:
    """Return the corpus of a text, cut and put in order once for all metrics that share it."""
    return Corpus(text, tokenizer_of(tokenizer_folder))


def suffix_array(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each suffix of a sequence starts, the suffixes in lexicographic order.

    Suffixes are ranked by their first token, then by their first 2, 4, 8, ... until no two are equal: a rank by 2w
    tokens is the pair of the ranks by w tokens, here and w further on. That takes log2(longest repeat) sorts.

    Args:
        ids: at least one token id, (n,).

    Returns:
        Start positions (n,).

    Source:
        Manber and Myers 1993, section 3, with a sort by comparison in place of buckets.
    """
    n = len(ids)
    ranks = np.unique(ids, return_inverse=True)[1].astype(np.int64)  # (n,)
    order = np.argsort(ranks)
    width = 1
    while ranks[order[-1]] < n - 1:
        further = np.zeros(n, dtype=np.int64)  # 0: past the end, which comes before any token
        further[: n - width] = ranks[width:] + 1
        pairs = ranks * (n + 1) + further  # (n,) one number for each pair of ranks
        order = np.argsort(pairs)
        ranks[order[0]] = 0
        ranks[order[1:]] = np.cumsum(np.diff(pairs[order]) > 0)
        width *= 2
    return order


def _n_shared(first: NDArray[np.int64], second: NDArray[np.int64]) -> int:
    """Return how many leading values two sequences share."""
    n = min(len(first), len(second))
    different = np.flatnonzero(first[:n] != second[:n])
    return int(different[0]) if len(different) else n
