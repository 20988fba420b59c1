"""The one place where predictions and references are checked before any metric sees them.

Every message names the metric, the row (`predictions[3]`, counted from 0), what was found and how to mend it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.config.inputs import Inputs
from bench.core.errors import InputError

LARGEST = 2**63 - 1
"""Of a whole number: 64 bits."""
_MOST_NATS = sys.float_info.max


def check_lengths(metric: str, predictions: Sequence[Any], references: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Check that there is one reference for every prediction, and at least one of each; return both as lists.

    Raises:
        InputError: one of the two is no list, they differ in length, or they are empty.
    """
    predictions, references = _listed(metric, "predictions", predictions), _listed(metric, "references", references)
    if len(predictions) != len(references):
        raise InputError(
            f"{metric}: {len(predictions)} predictions but {len(references)} references; "
            "give one reference per prediction"
        )
    if len(predictions) == 0:
        raise InputError(f"{metric}: there is nothing to score: predictions and references are empty")
    return predictions, references


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
    predictions, references = check_lengths(metric, predictions, references)
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
    predictions, references = check_lengths(metric, predictions, references)
    for name, rows in (("predictions", predictions), ("references", references)):
        for row, tags in enumerate(rows):
            if not isinstance(tags, list | tuple) or not all(map(_is_tag, tags)):
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
    predictions = _listed(metric, "predictions", predictions)
    if len(predictions) == 0:
        raise InputError(f"{metric}: there is nothing to score: predictions are empty")
    _check_are_texts(metric, "predictions", predictions)
    return list(predictions)


def check_styles(
    metric: str, predictions: Sequence[Any], references: Sequence[Any], n_authors: int | None
) -> tuple[list[str], NDArray[np.int64]]:
    """Return texts and the author that each is meant to be by.

    Args:
        metric: name used in messages.
        predictions: n_examples texts.
        references: as many authors, whole numbers from 0.
        n_authors: how many authors there are; None accepts any.

    Raises:
        InputError: as `check_lengths`, or a row is not a text or not the number of an author.
    """
    predictions, references = check_lengths(metric, predictions, references)
    _check_are_texts(metric, "predictions", predictions)
    upper = "" if n_authors is None else f" to {n_authors - 1}"
    for row, value in enumerate(references):
        if not _is_whole_number(value) or not 0 <= value <= (LARGEST if n_authors is None else n_authors - 1):
            raise InputError(
                f"{metric}: references[{row}] is {_shown(value)}, not the number of an author; "
                f"give whole numbers from 0{upper}, one per text"
            )
    return predictions, np.array(references, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Labels of both sides, as positions in the list of classes."""

    classes: Sequence[int | str]
    """Whole numbers or names, in their order: all that there may be, or where that is not known, those that occur."""
    predicted: NDArray[np.int64]
    """(n_examples,)."""
    actual: NDArray[np.int64]
    """(n_examples,)."""


def check_labels(metric: str, predictions: Sequence[Any], references: Sequence[Any], n_classes: int | None) -> Labels:
    """Return both sides as positions in one list of classes.

    Args:
        metric: name used in messages.
        predictions: n_examples whole numbers from 0, or names: whatever the first reference is.
        references: as many of the same.
        n_classes: how many classes there are; None accepts any.

    Raises:
        InputError: as `check_lengths`, or a row is no label of that kind, or there are more classes.
    """
    predictions, references = check_lengths(metric, predictions, references)
    named = isinstance(references[0], str)
    for name, values in (("predictions", predictions), ("references", references)):
        for row, value in enumerate(values):
            if named:
                _check_is_label_name(metric, f"{name}[{row}]", value)
            else:
                _check_is_class_number(metric, f"{name}[{row}]", value, n_classes)
    seen = sorted({*predictions, *references})
    if named and n_classes is not None and len(seen) > n_classes:
        raise InputError(f"{metric}: there are {len(seen)} labels, but n_classes = {n_classes}: {brief(seen)}")
    if n_classes is not None and not named:
        predicted, actual = (np.array(side, dtype=np.int64) for side in (predictions, references))
        return Labels(classes=range(n_classes), predicted=predicted, actual=actual)
    positions = {label: position for position, label in enumerate(seen)}
    predicted, actual = (
        np.array([positions[label] for label in side], dtype=np.int64) for side in (predictions, references)
    )
    return Labels(classes=seen, predicted=predicted, actual=actual)


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
    predictions, references = check_lengths(metric, predictions, references)
    for row, value in enumerate(predictions):
        if not _is_number(value) or not 0 <= value <= _MOST_NATS:
            raise InputError(
                f"{metric}: predictions[{row}] is {_shown(value)}, not a summed negative log-likelihood; "
                "give a finite number of nats, 0 or above"
            )
    for row, value in enumerate(references):
        if not _is_whole_number(value) or not 1 <= value <= LARGEST:
            raise InputError(
                f"{metric}: references[{row}] is {_shown(value)}, not a token count; "
                "give whole numbers from 1, and drop rows without tokens"
            )
    return np.array(predictions, dtype=np.float64), np.array(references, dtype=np.float64)


def check_inputs(
    metric: str, inputs: Inputs, predictions: Sequence[Any], references: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Return both sides as lists, once all rows are of the kind that a metric reads; references of texts as lists.

    Args:
        metric: name used in messages.
        inputs: the kind its spec names.
        predictions: n_examples values.
        references: as many; of generations, none.

    Raises:
        InputError: as the check of that kind.
    """
    match inputs:
        case "texts":
            texts, several = check_texts(metric, predictions, references)
            return list(texts), [list(row) for row in several]
        case "labels":
            check_labels(metric, predictions, references, None)
        case "losses":
            check_losses(metric, predictions, references)
        case "styles":
            check_styles(metric, predictions, references, None)
        case "tags":
            check_tags(metric, predictions, references)
        case "generations":
            return list(check_generations(metric, predictions)), []
    return check_lengths(metric, predictions, references)


def _listed(metric: str, name: str, values: Sequence[Any]) -> list[Any]:
    """Return values that stand in order (a list, tuple, array or column) as a list of Python's own numbers and texts.

    Raises:
        InputError: they do not: a text, a set, a dict, a generator, one value, a table.
    """
    mend = "give a list with one entry per example"
    if isinstance(values, str | bytes):
        raise InputError(f"{metric}: {name} is a single string; {mend}")
    in_order = hasattr(values, "__len__") and hasattr(values, "__getitem__") and not isinstance(values, Mapping)
    if not in_order or getattr(values, "ndim", 1) != 1:
        raise InputError(f"{metric}: {name} is no list ({type(values).__name__}); {mend}, in order")
    try:
        return values.tolist() if hasattr(values, "tolist") else list(values)
    except Exception as error:  # an object of someone else's
        raise InputError(f"{metric}: {name} cannot be listed ({type(error).__name__}: {error}); {mend}") from None


def _check_are_texts(metric: str, name: str, values: Sequence[Any]) -> None:
    for row, value in enumerate(values):
        _check_is_text(metric, f"{name}[{row}]", value)


def _check_is_text(metric: str, place: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _no_text(metric, place, value)
    if half := half_of_a_pair(value):
        raise InputError(f"{metric}: {place} {half}")


def _no_text(metric: str, place: str, value: Any) -> InputError:
    return InputError(
        f"{metric}: {place} is {_shown(value)}, not a text; write an empty string for an empty text, or drop the row"
    )


def _references(metric: str, row: int, value: Any) -> References:
    if isinstance(value, str):
        _check_is_text(metric, f"references[{row}]", value)
        return (value,)
    if not isinstance(value, list | tuple):
        raise _no_text(metric, f"references[{row}]", value)
    if not value:
        raise InputError(f"{metric}: references[{row}] is an empty list; give a text, or a list of one or more")
    _check_are_texts(metric, f"references[{row}]", value)
    return tuple(value)


def _check_is_label_name(metric: str, place: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InputError(
            f"{metric}: {place} is {_shown(value)}, not the name of a label; labels are names or whole numbers, never "
            "both"
        )
    _check_is_text(metric, place, value)


def _check_is_class_number(metric: str, place: str, value: Any, n_classes: int | None) -> None:
    if not _is_whole_number(value) or not 0 <= value <= LARGEST:
        raise InputError(
            f"{metric}: {place} is {_shown(value)}, not a class number; "
            "give whole numbers from 0 that fit 64 bits, one per example, or a name for each"
        )
    if n_classes is not None and value >= n_classes:
        raise InputError(
            f"{metric}: {place} is {brief(value)}, but with n_classes = {n_classes} the highest class is "
            f"{n_classes - 1}; raise n_classes or mend the label"
        )


def _is_tag(value: Any) -> bool:
    if isinstance(value, str):
        return not half_of_a_pair(value)
    return _is_whole_number(value) and abs(value) <= LARGEST


def _is_whole_number(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """Return a value as a message shows it: short, and with its type where that is what is wrong."""
    return f"{brief(value)} ({type(value).__name__})"


def brief(value: Any) -> str:
    """Return a value as code spells it, cut to 40 characters; whatever cannot be spelt is told by its type."""
    try:
        text = repr(value)
    except Exception:  # nested too deep, a number too long for Python to spell, or an object that refuses
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}..."


def half_of_a_pair(text: str) -> str:
    """Return what is wrong with a text that holds half of a surrogate pair, which is no character; else nothing."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        return f"holds half of a surrogate pair, {code} at character {error.start + 1}; mend or drop the text"
    return ""
