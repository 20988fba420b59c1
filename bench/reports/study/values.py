"""What a study found -> values for JSON, at full precision. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bench.comparing.compare import Comparison, MetricComparison
from bench.experiments.study.result import Final, MethodResult, StudyResult, Trial, word_of
from bench.experiments.study.setup import value_of


def values_of(result: StudyResult) -> dict[str, Any]:
    """Return everything that a study found, ready for JSON."""
    study = result.study
    return {
        "study": study.file.model_dump(mode="json"),
        "metric": study.metric,
        "reference": study.reference,
        "allowed_mismatches": list(result.allowed),
        "warnings": list(result.warnings),
        "failures": list(result.failures),
        "methods": {method.name: _method(result, method) for method in result.methods},
    }


def _method(result: StudyResult, method: MethodResult) -> dict[str, Any]:
    study, pairs = result.study, result.comparisons[method.name]
    space = study.file.methods[method.name].space
    return {
        "trials": [_trial(trial) for trial in method.trials],
        "default_settings": {key: value_of(study.defaults[method.name], key) for key in space},
        "chosen_trial": None if method.best is None else method.best.number,
        "chosen_settings": None if method.best is None else dict(method.best.settings),
        "best_of_k": method.curve(higher_is_better=study.higher_is_better),
        "default": _final(method.default),
        "tuned": _final(method.tuned),
        "tuned_minus_default": _table(pairs.tuned_and_default),
        "default_minus_reference": _table(pairs.defaults),
        "tuned_minus_reference": _table(pairs.tuned),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    config = trial.config
    return {
        "number": trial.number,
        "settings": dict(trial.settings),
        "config_key": None if config is None else config.key,
        "steps": None if config is None else config.training.steps,
        "rate": None if trial.rate is None else trial.rate.model_dump(),
        "value": trial.value,
        "scores": {str(seed): score for seed, score in trial.scores.items()},
        "failure": trial.failure,
        "spent": asdict(trial.spent),
    }


def _final(final: Final | None) -> dict[str, Any] | None:
    if final is None:
        return None
    records = () if final.side is None else final.side.records
    return {
        "config_key": final.config.key,
        "folder": None if final.side is None else str(next(iter(final.side.runs.values())).folder.parent),
        "steps": final.config.training.steps,
        "scores": {
            str(record.seed): {metric: score.value for metric, score in record.scores.items()} for record in records
        },
        "n_training_tokens": {str(record.seed): record.cost.n_training_tokens for record in records},
        "training_s": {str(record.seed): record.cost.stages_s["training"] for record in records},
        "failures": {str(seed): why for seed, why in final.failures.items()},
        "spent": asdict(final.spent),
    }


def _table(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "mismatches": [asdict(mismatch) for mismatch in comparison.mismatches],
        "waived": [asdict(mismatch) for mismatch in comparison.waived],
        "metrics": {row.metric: _row(row) for row in comparison.rows},
    }


def _row(row: MetricComparison) -> dict[str, Any]:
    return {
        "unit": row.unit,
        "higher_is_better": row.higher_is_better,
        "difference": None if row.difference is None else asdict(row.difference),
        "outcome": word_of(row),
        "p_adjusted": row.p_adjusted,
        "why": row.why,
    }
