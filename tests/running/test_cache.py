"""What runs of one process share must not be seen in what they give."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

from bench.config import HeadOnlyMethod, SuiteConfig
from bench.core.errors import InputError
from bench.materials.quiet import quiet_transformers
from bench.methods.applying import apply_method, build
from bench.records.record import RunRecord
from bench.running.cache import RunCache
from bench.running.runs import run_config
from bench.running.settings import RunSettings
from bench.tasks.classification import ClassificationTask
from bench.tasks.classification.task import Classification


def _run(config: SuiteConfig, cache: RunCache, root: Path) -> RunRecord:
    return run_config(config, 0, RunSettings(device="cpu", offline=True, runs_root=root), cache).record


def test_a_value_is_made_once_until_another_suite_comes() -> None:
    cache, made = RunCache(), iter(range(9))
    for expected, config in (
        (0, tiny.small("imdb", method="full")),
        (0, tiny.small("imdb", "training.steps=3", method="head_only")),
        (1, tiny.small("imdb", "task.max_length_tokens=20", method="full")),
        (2, tiny.small("gulliver")),
    ):
        cache.open(config)
        assert cache.controls.get("cpu", lambda: {"made": next(made)}) == {"made": expected}


def test_features_are_kept_by_the_weights_that_made_them(tmp_path: Path) -> None:
    """A checkpoint without a pooler has one drawn from the run seed, and the features of BERT pass through it."""
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=2
    )
    task, table = (
        ClassificationTask(kind="classification", max_length_tokens=8, padding="longest"),
        HeadOnlyMethod(kind="head_only"),
    )
    keys = []
    with quiet_transformers():
        BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            model = BertForSequenceClassification.from_pretrained(tmp_path).eval()
            model = apply_method(model, build(table), seed=seed)
            keys.append(Classification(task, None, model, table, batch_size=4).encoded_by("train"))
    assert keys[0] == keys[1] != keys[2]


def test_a_model_with_fewer_positions_is_held_to_them_after_one_with_more(tmp_path: Path) -> None:
    lengths = ("model.architecture.config.n_positions=40", "task.window_tokens=38", "training.steps=1")
    cache = RunCache()
    _run(tiny.small("gulliver", *lengths, method="lora"), cache, tmp_path)
    with pytest.raises(InputError, match=r"task\.window_tokens = 38 is longer than the 32 positions"):
        _run(tiny.small("gulliver", *lengths, method="prompt_tuning"), cache, tmp_path)
