"""A saved model of every suite and `training.save` opens in transformers or peft, and answers as the record says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny import SMALLER
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    pipeline,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from typer.testing import CliRunner

from bench.cli.app import app
from bench.core.errors import InputError
from bench.materials.quiet import quiet_transformers
from bench.materials.splits import Example
from bench.running.cache import RunCache
from bench.running.run import materials_of
from bench.running.runs import SeedResult, run_seeds
from bench.running.settings import RunSettings

pytestmark = pytest.mark.integration
MEAN = (
    "model.pooling=mean",
    "model.architecture={model_type='bert', config={hidden_size=16, num_hidden_layers=1, num_attention_heads=2, "
    "intermediate_size=32, vocab_size=256, max_position_embeddings=32}}",
)
LOADERS = {
    "sequence_classification": AutoModelForSequenceClassification,
    "seq2seq": AutoModelForSeq2SeqLM,
    "causal": AutoModelForCausalLM,
}


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        modules = tmp_path_factory.mktemp("modules")  # where transformers puts the code that a folder brings
        patch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(modules))
        patch.syspath_prepend(str(modules))
        yield


def _run(suite: str, tmp_path: Path, method: str, save: str, *overrides: str) -> SeedResult:
    smaller = tuple(o for o in SMALLER[suite] if not (overrides and "architecture" in o))
    given = (*smaller, *overrides, f"training.save={save}")
    [result] = run_seeds(suite, profile="tiny", method=method, overrides=given, runs_root=tmp_path, offline=True)
    return result


def _answers(result: SeedResult) -> list[dict[str, Any]]:
    lines = (result.folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _base(result: SeedResult) -> Path:
    return materials_of(result.record.config, RunSettings(offline=True), RunCache()).base.folder


def _test_rows(result: SeedResult) -> Sequence[Example]:
    return materials_of(result.record.config, RunSettings(offline=True), RunCache()).splits.test


def _open(result: SeedResult, part: str = "") -> Any:
    """Open what was saved by the means that docs/models.md names."""
    folder, config = result.folder / "model" / part, result.record.config
    loader, labels = LOADERS[config.model.family], {}
    if config.data.labels and config.model.family == "sequence_classification":
        labels = {"num_labels": len(config.data.labels)}
    with quiet_transformers():
        if (folder / "adapter_config.json").is_file():
            torch.manual_seed(99)  # whatever head the base gets, the adapter brings its own
            settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
            base = loader.from_pretrained(settings["base_model_name_or_path"], **labels)
            return PeftModel.from_pretrained(base, folder).eval()
        if (folder / "model.safetensors").is_file():
            return loader.from_pretrained(folder, trust_remote_code=True).eval()
        model = loader.from_pretrained(_base(result), **labels)
        lost = model.load_state_dict(load_file(result.folder / "weights.safetensors"), strict=False)
        assert not lost.unexpected_keys
        return model.eval()


@pytest.mark.parametrize("save", ["trainable", "pretrained", "merged"])
@pytest.mark.parametrize(
    ("suite", "method"),
    [("sentiment_sst2", "frozen_body"), ("sentiment_sst2", "lora"), ("imdb", "freeze_attention"), ("imdb", "lora")],
)
def test_a_saved_classifier_gives_the_records_labels_in_a_pipeline(
    suite: str, method: str, save: str, tmp_path: Path
) -> None:
    result = _run(suite, tmp_path, method, save)
    model, folder = _open(result), result.folder / "model"
    labels = result.record.config.data.labels
    if method != "lora" or save == "merged":
        assert model.config.id2label == dict(enumerate(labels)) or save == "trainable"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = model.merge_and_unload() if isinstance(model, PeftModel) else model
    plain.config.id2label = dict(enumerate(labels))
    answer = pipeline("text-classification", model=plain, tokenizer=tokenizer, device="cpu")
    said = answer([example.input for example in _test_rows(result)], truncation=True)
    assert [row["label"] for row in said] == [labels[row["prediction"]] for row in _answers(result)]


@pytest.mark.parametrize(("method", "save"), [("full", "pretrained"), ("full", "merged"), ("lora", "merged")])
def test_a_saved_mean_pooled_classifier_opens_in_a_pipeline_with_its_own_code(
    method: str, save: str, tmp_path: Path
) -> None:
    lora = ("method.config.target_modules=['query', 'value']",) if method == "lora" else ()
    result = _run("sentiment_sst2", tmp_path, method, save, *MEAN, *lora)
    folder, labels = str(result.folder / "model"), result.record.config.data.labels
    answer = pipeline("text-classification", folder, trust_remote_code=True, device="cpu")
    assert type(answer.model).__module__.startswith("transformers_modules.")
    said = answer([example.input for example in _test_rows(result)], truncation=True)
    assert [row["label"] for row in said] == [labels[row["prediction"]] for row in _answers(result)]
    own = json.loads((result.folder / "model" / "config.json").read_text(encoding="utf-8"))["model_type"]
    assert own not in CONFIG_MAPPING_NAMES  # so that transformers takes no other class for it in silence


@pytest.mark.parametrize("save", ["trainable", "pretrained", "merged"])
@pytest.mark.parametrize("method", ["full", "lora", "lora_lm_head"])
def test_a_saved_summarizer_generates_the_records_texts(method: str, save: str, tmp_path: Path) -> None:
    result = _run("summarization", tmp_path, method, save)
    model, config = _open(result), result.record.config
    tokenizer = AutoTokenizer.from_pretrained(result.folder / "model")
    texts = [config.task.prompt.replace("{input}", example.input) for example in _test_rows(result)]  # type: ignore[attr-defined]
    batch = tokenizer(
        texts, padding=True, truncation=True, max_length=config.task.source_length_tokens, return_tensors="pt"
    )  # type: ignore[attr-defined]
    written = model.generate(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        max_new_tokens=config.task.max_new_tokens,  # type: ignore[attr-defined]
        num_beams=1,
        do_sample=False,
    )
    assert tokenizer.batch_decode(written, skip_special_tokens=True) == [row["prediction"] for row in _answers(result)]


@pytest.mark.parametrize(
    ("suite", "method", "save", "parts"),
    [
        ("gulliver", "full", "trainable", [""]),
        ("gulliver", "full", "pretrained", [""]),
        ("gulliver", "lora", "trainable", [""]),
        ("gulliver", "lora", "pretrained", [""]),
        ("gulliver", "lora", "merged", [""]),
        ("alice_edgar", "lora", "trainable", ["0-day", "1-night"]),
    ],
)
def test_a_saved_writer_is_as_surprised_by_the_test_text_as_the_record(
    suite: str, method: str, save: str, parts: list[str], tmp_path: Path
) -> None:
    result = _run(suite, tmp_path, method, save)
    tokenizer = AutoTokenizer.from_pretrained(result.folder / "model")
    task: Any = result.record.config.task
    again = []
    for part, text in zip(parts, _test_rows(result), strict=True):
        model = _open(result, part)
        ids = tokenizer(text.input, add_special_tokens=False, return_tensors="pt")["input_ids"][0]
        for passage in torch.tensor_split(ids, task.n_samples):
            windows = [window for window in torch.split(passage, task.window_tokens) if len(window) > 1]
            with torch.inference_mode():
                losses = [float(model(input_ids=w[None], labels=w[None]).loss) * (len(w) - 1) for w in windows]
            again.append(sum(losses))
    assert again == pytest.approx([row["loss_nats"] for row in _answers(result)], rel=1e-4)


@pytest.mark.parametrize(
    ("suite", "method", "save", "more"),
    [
        ("imdb", "full", "trainable", ()),
        ("imdb", "lora", "pretrained", ()),
        ("sentiment_sst2", "full", "pretrained", MEAN),
        ("summarization", "lora", "merged", ()),
    ],
)
def test_predict_answers_rows_of_a_file_as_the_run_did(
    suite: str, method: str, save: str, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _run(suite, tmp_path, method, save, *more)
    data, labels = result.record.config.data, result.record.config.data.labels
    rows = [
        {data.input_column: e.input, data.target_column: labels[e.number] if labels else e.references[0]}  # type: ignore[union-attr]
        for e in _test_rows(result)
    ]
    file, out = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    CliRunner().invoke(
        app, ["predict", str(result.folder), str(file), "--predictions", str(out)], catch_exceptions=False
    )
    said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    stored = _answers(result)
    expected = [labels[row["prediction"]] if labels else row["prediction"] for row in stored]
    assert [row["prediction"] for row in said] == expected
    assert [row["loss_nats"] for row in said] == pytest.approx([row["loss_nats"] for row in stored], rel=1e-4)
    inputs = "".join(json.dumps({data.input_column: e.input}) + "\n" for e in _test_rows(result))  # type: ignore[union-attr]
    file.write_text(inputs, encoding="utf-8")
    done = CliRunner().invoke(app, ["predict", str(result.folder), str(file)], catch_exceptions=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [line["prediction"] for line in lines] == expected
    assert set(lines[0]) == {"id", "prediction"}


def test_predict_says_what_is_missing(tmp_path: Path) -> None:
    result = _run("imdb", tmp_path, "head_only", "trainable")
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "good"}\n', encoding="utf-8")

    def fault(*arguments: str) -> str:
        with pytest.raises(InputError) as caught:
            CliRunner().invoke(app, ["predict", *arguments], catch_exceptions=False)
        return str(caught.value)

    assert "there is no such file" in fault(str(result.folder), str(tmp_path / "none.jsonl"))
    assert "holds no stored runs" in fault(str(tmp_path / "nowhere"), str(file))
    file.write_text('{"words": "good"}\n', encoding="utf-8")
    assert "there is no column 'text'; the source has: words" in fault(str(result.folder), str(file))
    file.write_text('{"text": "good"}\n', encoding="utf-8")
    (result.folder / "weights.safetensors").unlink()
    message = fault(str(result.folder), str(file))
    assert "holds no saved model (weights.safetensors is missing)" in message
    assert "bench run imdb --profile tiny --method head_only --seeds 0 --force" in message
