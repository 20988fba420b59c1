"""What the checks let through, and what they say of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.core.errors import InputError
from bench.metrics.inputs import check_generations, check_styles


def test_generations_are_texts_and_may_be_empty() -> None:
    assert check_generations("m", ("a", "")) == ["a", ""]


def test_styles_are_texts_and_authors() -> None:
    texts, authors = check_styles("m", ("a", ""), np.array([1, 0]), 2)
    assert (texts, authors.tolist(), authors.dtype) == (["a", ""], [1, 0], np.int64)


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (["a"], [2], r"references\[0\] is 2 \(int\), not the number of an author; give whole numbers from 0 to 1"),
        (["a"], [-1], r"references\[0\] is -1"),
        (["a", "b"], [0, True], r"references\[1\] is True \(bool\)"),
        (["a"], ["0"], r"references\[0\] is '0' \(str\)"),
        (["a", 3], [0, 1], r"predictions\[1\] is 3 \(int\), not a text"),
        (["a"], [0, 1], "1 predictions but 2 references"),
        ([], [], "there is nothing to score"),
        ("a", [0], "predictions is a single string"),
    ],
)
def test_mistakes_in_styles_are_said(predictions: Any, references: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^m: {message}"):
        check_styles("m", predictions, references, 2)
