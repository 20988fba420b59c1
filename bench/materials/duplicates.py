"""Rows of the test split that stand, whole or nearly, in the training split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESEMBLANCE = 0.8
"""Jaccard similarity of two rows' word pairs from which they count as near duplicates."""
N_FEATURES = 2**22
BLOCK_ROWS = 64
"""Test rows compared at once: keeps the table of pairs small."""


def near_duplicates(train: Sequence[str], test: Sequence[str]) -> int:
    """Count the test texts that resemble a training text.

    Resemblance is |A & B| / |A | B| over the sets of pairs of neighbouring words (Broder 1997, "On the resemblance and
    containment of documents", with shingles of two words). It is computed for every pair of rows, not estimated; pairs
    of words are hashed to 2**22 numbers, so two different ones rarely count as one. A text of one word has no pairs
    and resembles nothing.

    Args:
        train: training texts.
        test: test texts.

    Returns:
        How many of `test` reach `RESEMBLANCE` with at least one of `train`.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    shingles = HashingVectorizer(
        token_pattern=r"(?u)\b\w+\b",  # noqa: S106 - words of a text, nobody's password
        ngram_range=(2, 2),
        n_features=N_FEATURES,
        alternate_sign=False,
        binary=True,
        norm=None,
        dtype=np.float32,
    )
    known, asked = shingles.transform(train), shingles.transform(test)  # (n_texts, N_FEATURES), sparse
    n_known, n_asked = (np.asarray(rows.sum(axis=1)).ravel() for rows in (known, asked))
    n_near = 0
    for start in range(0, len(test), BLOCK_ROWS):
        shared = (asked[start : start + BLOCK_ROWS] @ known.T).tocoo()  # (block, n_train), pairs with any in common
        union = n_asked[start + shared.row] + n_known[shared.col] - shared.data
        n_near += len(np.unique(shared.row[shared.data >= RESEMBLANCE * union]))
    return n_near
