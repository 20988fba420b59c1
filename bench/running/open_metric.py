"""A suite's metric with whatever it reads: a model, a tokenizer, the training text, the judge of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench import metrics
from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.metrics.base import Metric

if TYPE_CHECKING:
    from bench.materials.fetch import Materials


def open_metric(
    config: SuiteConfig, name: str, *, materials: Callable[[], Materials], judge: Path | None = None
) -> Metric:
    """Return a metric, ready to score what a run of the suite predicts.

    Args:
        config: the resolved suite; its `metrics` has the name.
        name: the metric's.
        materials: returns what the suite fetched; asked only where the metric reads any of it.
        judge: folder of the run's judge; none where it has none.

    Raises:
        InputError: an option does not fit, or what the metric reads is missing or unfit.
        SourceError: it cannot be fetched.
    """
    needs, options = metrics.needs(name), dict(config.metrics[name].options)
    folder, identity, corpus = None, None, None
    if "model" in needs:
        model = materials().metric_models.get(name)
        if model is None:
            raise InputError(f"metrics.{name}.model is missing: the suite names no model that {name} could run")
        folder, identity = model.path, model.identity
    if "tokenizer" in needs:
        folder = materials().base.folder
    if "corpus" in needs:
        corpus = "\n\n".join(example.input for example in materials().splits.train)
    if "judge" in needs and judge is not None:
        folder, options = judge, dict(config.task.judge_options) | options
    resources = metrics.open_resources(name, model_path=folder, model_identity=identity, corpus=corpus)
    return metrics.build(name, options, resources=resources, n_classes=len(config.data.labels) or None)
