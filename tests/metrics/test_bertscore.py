"""BERTScore on a tiny random BERT: equal to the library, and clear where it cannot run."""

from __future__ import annotations

import json
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.bertscore import _StableText, folder_identity


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a 2-layer BERT over letters and a few words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("encoder")
    letters = [prefix + letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789.,:'%!-" for prefix in ("", "##")]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "was", "of", *letters]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=96,
        )
        BertModel(config).save_pretrained(folder)
    return folder


def build(model_path: Path | None, **options: Any) -> metrics.Metric:
    resources = metrics.open_resources("bertscore", model_path=model_path, model_identity="tiny@1")
    return metrics.build("bertscore", {"layer": 2, **options}, resources=resources)


def test_equals_the_library(model_path: Path) -> None:
    from bert_score import BERTScorer

    library = BERTScorer(model_type=str(model_path), num_layers=2)
    library._tokenizer.model_max_length = 96
    pairs = [pair for pair in zip(PREDICTIONS, REFERENCES, strict=True) if pair[0]]
    predictions, references = map(list, zip(*pairs, strict=True))
    expected = library.score(predictions, references)
    for part, score in enumerate(("precision", "recall", "f1")):
        metric = build(model_path, score=score)
        statistics = metric.statistics(predictions, references)
        assert statistics[:, 0] == pytest.approx(expected[part].numpy(), abs=1e-5)
        assert float(metric.aggregate(statistics.sum(axis=0))) == pytest.approx(float(expected[part].mean()), abs=1e-5)


def test_several_references_are_scored_as_the_library_does(model_path: Path) -> None:
    from bert_score import BERTScorer

    pairs = [(text, reference) for text, reference in zip(PREDICTIONS, REFERENCES, strict=True) if text.strip()]
    texts = [text for text, _ in pairs]
    several = [[reference, texts[(row + 1) % len(texts)]][: 1 + row % 2] for row, (_, reference) in enumerate(pairs)]
    library = BERTScorer(model_type=str(model_path), num_layers=2)
    library._tokenizer.model_max_length = 96
    expected = library.score(texts, several)[2].numpy()
    assert build(model_path).statistics(texts, several)[:, 0] == pytest.approx(expected, abs=1e-5)


def test_blank_sides_score_zero_and_move_nothing_else(model_path: Path) -> None:
    metric = build(model_path)
    alone = metric.statistics(["the cat"], ["a cat"])
    mixed = metric.statistics(["", "the cat", " ", "dog"], ["a dog", "a cat", "", "\n"])
    assert mixed[[0, 2, 3], 0].tolist() == [0.0, 0.0, 0.0]
    assert mixed[1, 0] == pytest.approx(alone[0, 0], abs=1e-5)
    assert build(model_path).statistics([""], [""]).tolist() == [[0.0, 1.0]]


def test_identity_scores_one_and_long_texts_are_cut(model_path: Path) -> None:
    texts = ["the cat was here", "word " * 400]
    assert build(model_path).statistics(texts, texts)[:, 0] == pytest.approx([1.0, 1.0], abs=1e-5)


def test_signature_carries_model_layer_score_and_versions(model_path: Path) -> None:
    versions = f"transformers:{version('transformers')}|v:{version('bert-score')}"
    assert build(model_path).signature() == ("bertscore|score:f1|model:tiny@1|layer:2|idf:no|rescale:no|" + versions)
    assert build(model_path, layer=1).signature() != build(model_path).signature()
    assert build(model_path, score="recall").signature() != build(model_path).signature()


def test_identity_is_the_content_of_the_folder(model_path: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((model_path / name).read_bytes())
    before = folder_identity(tmp_path)
    (tmp_path / "README.md").write_text("notes", encoding="utf-8")
    assert folder_identity(tmp_path) == before
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert folder_identity(tmp_path) != before
    metric = metrics.build(
        "bertscore", {"layer": 1}, resources=metrics.open_resources("bertscore", model_path=model_path)
    )
    assert f"model:{folder_identity(model_path)}|" in metric.signature()


def test_batches_do_not_hang_on_the_salted_hash() -> None:
    assert hash(_StableText("abc")) == zlib.crc32(b"abc")
    assert _StableText("abc") == "abc"


def test_a_missing_model_is_said() -> None:
    with pytest.raises(InputError, match=r"metrics\.bertscore\.model is missing.*--model FOLDER"):
        build(None)


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no config\.json"):
        build(tmp_path)


@pytest.mark.parametrize(("layer", "message"), [(None, "layer is missing; the model in"), (3, "has layers 1 to 2")])
def test_the_layer_must_exist(model_path: Path, layer: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(model_path, layer=layer)


def test_a_path_that_would_load_another_class_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "not-a-t5"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "num_hidden_layers": 2}), encoding="utf-8")
    with pytest.raises(InputError, match=r"for a T5 model, and .* holds a bert"):
        build(folder)
