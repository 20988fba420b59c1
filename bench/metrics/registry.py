"""The metrics of bench by name: each the place of its class, imported when it is asked for."""

from __future__ import annotations

METRICS = {
    "accuracy": "bench.metrics.classification:Accuracy",
    "precision": "bench.metrics.classification:PerClass",
    "recall": "bench.metrics.classification:PerClass",
    "f1": "bench.metrics.classification:PerClass",
    "sacrebleu": "bench.metrics.bleu:Bleu",
    "chrf": "bench.metrics.bleu:Chrf",
    "sentence_bleu_method1": "bench.metrics.bleu:SentenceBleu",
    "rouge1": "bench.metrics.rouge:Rouge",
    "rouge2": "bench.metrics.rouge:Rouge",
    "rougeL": "bench.metrics.rouge:Rouge",
    "rougeLsum": "bench.metrics.rouge:RougeLsum",
    "meteor": "bench.metrics.meteor:Meteor",
    "bertscore": "bench.metrics.bertscore:BertScore",
    "loss": "bench.metrics.loss:Loss",
    "perplexity": "bench.metrics.loss:Perplexity",
    "common_token_ratio": "bench.metrics.generation:CommonTokenRatio",
    "longest_overlap": "bench.metrics.generation:LongestOverlap",
    "copied_5grams": "bench.metrics.generation:CopiedNgrams",
    "copied_8grams": "bench.metrics.generation:CopiedNgrams",
    "distinct1": "bench.metrics.generation:DistinctNgrams",
    "distinct2": "bench.metrics.generation:DistinctNgrams",
    "distinct3": "bench.metrics.generation:DistinctNgrams",
    "repetition": "bench.metrics.generation:Repetition",
    "line_length": "bench.metrics.generation:LineLength",
    "tag_accuracy": "bench.metrics.tags:TagAccuracy",
    "entity_f1": "bench.metrics.tags:EntityF1",
    "style_judge_accuracy": "bench.metrics.style:StyleJudgeAccuracy",
    "style_judge_accuracy_corrected": "bench.metrics.style:StyleJudgeAccuracyCorrected",
    "style_judge_loss": "bench.metrics.style:StyleJudgeLoss",
    "style_probability_0": "bench.metrics.style:StyleProbability",
    "style_probability_1": "bench.metrics.style:StyleProbability",
}
"""Name -> `module:Class`; the module's `SPECS` has what the metric is."""

METRIC_NAMES = tuple(METRICS)
