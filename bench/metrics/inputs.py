"""The one place where predictions and references are checked before any metric sees them.

Every message names the metric, the row (`predictions[3]`, counted from 0), what was found and how to mend it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.errors import InputError


def check_lengths(metric: str, predictions: Sequence[Any], references: Sequence[Any]) -> None:
    """Check that there is one reference for every prediction, and at least one of each.

    Raises:
        InputError: one of the two is a single string, they differ in length, or they are empty.
    """
    for name, values in (("predictions", predictions), ("references", references)):
        _check_is_list(metric, name, values)
    if len(predictions) != len(references):
        raise InputError(
            f"{metric}: {len(predictions)} predictions but {len(references)} references; "
            "give one reference per prediction"
        )
    if len(predictions) == 0:
        raise InputError(f"{metric}: there is nothing to score: predictions and references are empty")


References = tuple[str, ...]
"""The references of one row, one or more: whatever is like any of them is right."""


def check_texts(
    metric: str, predictions: Sequence[Any], references: Sequence[Any]
) -> tuple[list[str], list[References]]:
    """Return predicted texts, and the references of each; empty strings are allowed on both sides.

    Args:
        metric: name used in messages.
        predictions: n_examples texts.
        references: as many: a text, or a list or tuple of one text or more.

    Raises:
        InputError: as `check_lengths`, or a row is neither a string (None and NaN included) nor, of the references, a
            list of strings.
    """
    check_lengths(metric, predictions, references)
    _check_are_texts(metric, "predictions", predictions)
    return list(predictions), [_references(metric, row, value) for row, value in enumerate(references)]


def most_references(references: Sequence[Any]) -> int:
    """Return how many references the row with most of them has; 1 where none has several."""
    return max((len(value) for value in references if isinstance(value, list | tuple)), default=1)


def check_tags(
    metric: str, predictions: Sequence[Any], references: Sequence[Any]
) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the labels of the words of each row.

    Args:
        metric: name used in messages.
        predictions: n_examples lists of labels, each a text or a whole number, one a word.
        references: as many, each as long as its prediction.

    Raises:
        InputError: as `check_lengths`, or a row is no list, holds something else, or differs in length from the other.
    """
    check_lengths(metric, predictions, references)
    for name, rows in (("predictions", predictions), ("references", references)):
        for row, tags in enumerate(rows):
            if not isinstance(tags, list | tuple) or not all(
                isinstance(tag, str) or _is_whole_number(tag) for tag in tags
            ):
                raise InputError(
                    f"{metric}: {name}[{row}] is {_shown(tags)}, not a list of labels; give one label a word"
                )
    for row, (predicted, actual) in enumerate(zip(predictions, references, strict=True)):
        if len(predicted) != len(actual):
            raise InputError(
                f"{metric}: predictions[{row}] has {len(predicted)} labels and references[{row}] has {len(actual)}; "
                "give one label a word on both sides"
            )
    return [list(row) for row in predictions], [list(row) for row in references]


def check_generations(metric: str, predictions: Sequence[Any]) -> list[str]:
    """Return the texts that are scored alone, without references; empty strings are allowed.

    Raises:
        InputError: they are a single string, there are none, or a row is not a string (None and NaN included).
    """
    _check_is_list(metric, "predictions", predictions)
    if len(predictions) == 0:
        raise InputError(f"{metric}: there is nothing to score: predictions are empty")
    _check_are_texts(metric, "predictions", predictions)
    return list(predictions)


def check_styles(
    metric: str, predictions: Sequence[Any], references: Sequence[Any], n_authors: int
) -> tuple[list[str], NDArray[np.int64]]:
    """Return texts and the author that each is meant to be by.

    Args:
        metric: name used in messages.
        predictions: n_examples texts.
        references: as many authors, whole numbers from 0.
        n_authors: how many authors there are.

    Raises:
        InputError: as `check_lengths`, or a row is not a text or not the number of an author.
    """
    check_lengths(metric, predictions, references)
    _check_are_texts(metric, "predictions", predictions)
    for row, value in enumerate(references):
        if not _is_whole_number(value) or not 0 <= value < n_authors:
            raise InputError(
                f"{metric}: references[{row}] is {_shown(value)}, not the number of an author; "
                f"give whole numbers from 0 to {n_authors - 1}, one per text"
            )
    return list(predictions), np.array(references, dtype=np.int64)


def check_labels(
    metric: str, predictions: Sequence[Any], references: Sequence[Any], n_classes: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both sides as class numbers.

    Args:
        metric: name used in messages.
        predictions: n_examples whole numbers from 0.
        references: as many.
        n_classes: how many classes there are; None accepts any.

    Raises:
        InputError: as `check_lengths`, or a row is not a class number.
    """
    check_lengths(metric, predictions, references)
    for name, values in (("predictions", predictions), ("references", references)):
        for row, value in enumerate(values):
            if not _is_whole_number(value) or value < 0:
                raise InputError(
                    f"{metric}: {name}[{row}] is {_shown(value)}, not a class number; "
                    "give whole numbers from 0, one per example"
                )
            if n_classes is not None and value >= n_classes:
                raise InputError(
                    f"{metric}: {name}[{row}] is {value}, but with n_classes = {n_classes} the highest class is "
                    f"{n_classes - 1}; raise n_classes or mend the label"
                )
    return np.array(predictions, dtype=np.int64), np.array(references, dtype=np.int64)


def check_losses(
    metric: str, predictions: Sequence[Any], references: Sequence[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return summed negative log-likelihoods and token counts.

    Args:
        metric: name used in messages.
        predictions: n_examples sums of negative log-likelihood, in nats, finite and 0 or above.
        references: as many token counts, 1 or above.

    Raises:
        InputError: as `check_lengths`, or a row holds another kind of number.
    """
    check_lengths(metric, predictions, references)
    for row, value in enumerate(predictions):
        if not _is_number(value) or not math.isfinite(value) or value < 0:
            raise InputError(
                f"{metric}: predictions[{row}] is {_shown(value)}, not a summed negative log-likelihood; "
                "give a finite number of nats, 0 or above"
            )
    for row, value in enumerate(references):
        if not _is_whole_number(value) or value < 1:
            raise InputError(
                f"{metric}: references[{row}] is {_shown(value)}, not a token count; "
                "give whole numbers from 1, and drop rows without tokens"
            )
    return np.array(predictions, dtype=np.float64), np.array(references, dtype=np.float64)


def _check_is_list(metric: str, name: str, values: Sequence[Any]) -> None:
    if isinstance(values, str | bytes):
        raise InputError(f"{metric}: {name} is a single string; give a list with one entry per example")


def _check_are_texts(metric: str, name: str, values: Sequence[Any]) -> None:
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise _no_text(metric, f"{name}[{row}]", value)


def _no_text(metric: str, place: str, value: Any) -> InputError:
    return InputError(
        f"{metric}: {place} is {_shown(value)}, not a text; write an empty string for an empty text, or drop the row"
    )


def _references(metric: str, row: int, value: Any) -> References:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise _no_text(metric, f"references[{row}]", value)
    if not value:
        raise InputError(f"{metric}: references[{row}] is an empty list; give a text, or a list of one or more")
    _check_are_texts(metric, f"references[{row}]", value)
    return tuple(value)


def _is_whole_number(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """Return a value as a message shows it: short, and with its type where that is what is wrong."""
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(value).__name__})"
