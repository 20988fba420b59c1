"""A metric's aggregate by name alone: the same number as the metric's own, without model, tokenizer or corpus."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factories import judge_values

from bench import metrics
from bench.core.errors import InputError
from bench.metrics import METRIC_NAMES, Resources, unopened
from bench.records.record import JudgeSummary

LABELS = ([0, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 1])
TEXTS = (["the cat sat on the mat today", "a dog ran far"], ["the cat sat on the mat", "a dog ran away so far"])
JUDGED = Resources(judge_summary=JudgeSummary.model_validate(judge_values()))


@pytest.mark.parametrize(
    ("name", "options", "given"),
    [
        ("accuracy", {}, LABELS),
        ("f1", {}, LABELS),
        ("f1", {"average": "binary"}, LABELS),
        ("sacrebleu", {}, TEXTS),
        ("chrf", {"word_order": 2}, TEXTS),
        ("rouge1", {"stemmer": False}, TEXTS),
        ("loss", {}, ([3.0, 4.0], [2, 5])),
        ("perplexity", {}, ([3.0, 4.0], [2, 5])),
    ],
)
def test_it_is_the_metrics_own(name: str, options: dict[str, Any], given: Any) -> None:
    metric = metrics.build(name, options)
    totals = metric.statistics(*given).sum(axis=0)
    assert unopened(name, options).aggregate(totals) == metric.aggregate(totals)


def test_options_reach_the_aggregate() -> None:
    totals = metrics.build("f1", {}).statistics(*LABELS).sum(axis=0)
    assert unopened("f1", {"average": "binary"}).aggregate(totals) != unopened("f1").aggregate(totals)


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_every_metric_has_one_for_many_resamples_at_once(name: str) -> None:
    width = {
        "precision": 6,
        "recall": 6,
        "f1": 6,
        "sacrebleu": 10,
        "chrf": 18,
        "style_judge_accuracy_corrected": 4,
        "entity_f1": 3,
    }
    totals = np.ones((3, width.get(name, 2)))
    values = unopened(name, resources=JUDGED).aggregate(totals)
    assert values.shape == (3,)
    assert np.isfinite(values).all()


def test_the_judges_own_errors_are_corrected_from_its_summary() -> None:
    # Author 0: 30 of 40 judged own. e = 38 / 40, f = 3 / 40, so (0.75 - 0.075) / 0.875; author 1 has no text.
    totals = np.array([30.0, 40.0, 0.0, 0.0])
    assert unopened("style_judge_accuracy_corrected", resources=JUDGED).aggregate(totals) == pytest.approx(
        0.675 / 0.875
    )
    assert unopened("style_probability_0", resources=JUDGED).aggregate(np.zeros(2)) == 0.5


def test_what_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(InputError, match="style_judge_loss: the record has no summary of its judge"):
        unopened("style_judge_loss")
    with pytest.raises(InputError, match="did you mean 'rouge1'"):
        unopened("rouge_1")
    with pytest.raises(InputError, match=r"metrics\.f1\.options\.averages"):
        unopened("f1", {"averages": "macro"})
