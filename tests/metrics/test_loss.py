"""Loss and perplexity against their definition and torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bench import metrics
from bench.core.errors import InputError


def value_of(name: str, predictions: Any, references: Any) -> float:
    metric = metrics.build(name)
    return float(metric.aggregate(metric.statistics(predictions, references).sum(axis=0)))


def test_tokens_weigh_equally() -> None:
    # 1 token at 4 nats and 3 tokens at 0 nats: a mean of 1 per token, not 2 per example.
    assert value_of("loss", [4.0, 0.0], [1, 3]) == 1.0
    assert value_of("perplexity", [4.0, 0.0], [1, 3]) == pytest.approx(math.e)


def test_uniform_guessing_has_the_vocabulary_as_perplexity() -> None:
    assert value_of("perplexity", [7 * math.log(50)], [7]) == pytest.approx(50)
    assert value_of("perplexity", [0.0], [5]) == 1.0


def test_equals_torch_cross_entropy() -> None:
    import torch

    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(9, 11, generator=generator).double(), torch.arange(9)
    each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    summed = [float(each[:4].sum()), float(each[4:].sum())]
    mean = float(torch.nn.functional.cross_entropy(logits, targets))
    assert value_of("loss", summed, [4, 5]) == pytest.approx(mean, abs=1e-12)


def test_overflow_is_infinite_not_an_error() -> None:
    assert value_of("perplexity", [1000.0], [1]) == math.inf


def test_lower_is_better() -> None:
    assert not metrics.spec("loss").higher_is_better
    assert not metrics.spec("perplexity").higher_is_better


def test_numpy_values_are_accepted() -> None:
    assert value_of("loss", np.array([4.0, 0.0]), np.array([1, 3])) == 1.0


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([math.nan], [1], "loss: predictions[0] is nan (float)"),
        ([math.inf], [1], "loss: predictions[0] is inf (float)"),
        ([-1.0], [1], "loss: predictions[0] is -1.0"),
        (["a"], [1], "loss: predictions[0] is 'a' (str)"),
        ([1.0, 2.0], [1, 0], "loss: references[1] is 0 (int), not a token count"),
        ([1.0], [1.0], "loss: references[0] is 1.0 (float), not a token count"),
    ],
)
def test_wrong_losses_are_named(predictions: Any, references: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        metrics.build("loss").statistics(predictions, references)
    assert message in str(caught.value)
