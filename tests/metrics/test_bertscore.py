"""BERTScore on a tiny random BERT: equal to the library, and clear where it cannot run."""

from __future__ import annotations

import json
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from byte_models import N_TOKENS, SMALL, save_byte_model
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.core.errors import InputError
from bench.metrics.bertscore import _StableText, folder_identity
from bench.metrics.score import score as score_with


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


# --- what the model does not read -------------------------------------------------------------------------------------


def texts_of_notes(metric: metrics.Metric, predictions: list[str], references: list[Any]) -> list[str]:
    return [note.text for note in metric.notes(predictions, references)]


def test_texts_that_differ_only_in_what_is_cut_are_refused(model_path: Path) -> None:
    predictions, references = ["the cat was " * 40 + "here"], ["the cat was " * 40 + "gone"]
    with pytest.raises(InputError, match="1 of 1 rows differ only beyond the 96 tokens that the model reads"):
        build(model_path).statistics(predictions, references)
    allowed = build(model_path, max_alike_share=1.0)
    result, _ = score_with(allowed, predictions, references, n_resamples=5)
    assert result.value == pytest.approx(1.0, abs=1e-5)
    assert [(note.count, note.of) for note in result.notes or ()] == [(2, 2), (1, 1)]
    assert texts_of_notes(allowed, predictions, references) == [
        "2 of 2 texts are longer than the 96 tokens that the model reads and were cut",
        "1 of 1 row differ only in what was cut or is unknown, and score 1",
    ]
    before = ["a " + references[0]]
    assert build(model_path).statistics(predictions, before)[0, 0] < 1


def test_a_share_of_cut_texts_can_be_refused(model_path: Path) -> None:
    predictions, references = ["the cat", "the dog"], ["the cat " * 80, "a dog"]
    assert texts_of_notes(build(model_path), predictions, references) == [
        "1 of 4 texts are longer than the 96 tokens that the model reads and were cut"
    ]
    build(model_path, max_cut_share=0.5).statistics(predictions, references)
    with pytest.raises(InputError, match=r"1 of 2 references are longer than .*max_cut_share = 0\.4 allows fewer"):
        build(model_path, max_cut_share=0.4).statistics(predictions, references)
    with pytest.raises(InputError, match="1 of 2 predictions are longer than"):
        build(model_path, max_cut_share=0.4).statistics(references, predictions)


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [("研究人员", "股票市场"), ("研究", "股票市场昨天下跌"), ("Привет", "мир"), ("🎉 🚀", "a 🍕")],
)
def test_texts_of_unknown_tokens_are_refused(model_path: Path, prediction: str, reference: str) -> None:
    with pytest.raises(InputError, match=r"the model does not know \d of \d tokens of the predictions"):
        build(model_path).statistics([prediction], [reference])
    with pytest.raises(InputError, match=r"the model does not know"):
        build(model_path).statistics([reference], [prediction])


def test_unknown_tokens_are_counted(model_path: Path) -> None:
    predictions, references = ["the 🎉 was a", "of"], ["the 🚀 was of", ["of", "was 🎉 the a"]]
    metric = build(model_path)
    metric.statistics(predictions, references)
    assert texts_of_notes(metric, predictions, references) == [
        "3 of 14 tokens are unknown to the model, and all the same to it"
    ]
    with pytest.raises(
        InputError, match=r"1 of 1 rows differ only beyond the 96 tokens .* or in tokens that it does not"
    ):
        metric.statistics(["the 🎉 was a"], ["the 🚀 was a"])
    assert texts_of_notes(metric, ["The cat"], ["the cat"]) == []


def test_a_model_of_robertas_family_reads_fewer_tokens_than_it_has_positions(tmp_path: Path) -> None:
    from bert_score import BERTScorer
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(**SMALL, max_position_embeddings=34, pad_token_id=1)
    folder = save_byte_model(tmp_path, RobertaModel, config, framed=True)
    predictions, references = ["the cat " * 50, "a cat"], ["a dog " * 5, "a dog"]
    library = BERTScorer(model_type=str(folder), num_layers=2)
    library._tokenizer.model_max_length = 32  # positions start after that of the padding token
    expected = library.score(predictions, references)[2].numpy()
    metric = build(folder)
    assert metric.statistics(predictions, references)[:, 0] == pytest.approx(expected, abs=1e-6)
    assert texts_of_notes(metric, predictions, references) == [
        "1 of 4 texts are longer than the 32 tokens that the model reads and were cut"
    ]


def decoders() -> list[Any]:
    from transformers import GPT2Config, GPT2Model, LlamaConfig, LlamaModel

    gpt2 = GPT2Config(
        vocab_size=N_TOKENS, bos_token_id=0, eos_token_id=2, n_embd=16, n_layer=2, n_head=2, n_positions=64
    )
    return [(GPT2Model, gpt2), (LlamaModel, LlamaConfig(**SMALL, max_position_embeddings=64))]


@pytest.mark.parametrize("which", [0, 1], ids=["gpt2", "llama"])
@pytest.mark.parametrize("layer", [1, 2])
def test_decoders_score_by_their_layers_vectors(which: int, layer: int, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = save_byte_model(tmp_path, *decoders()[which], framed=False)
    predictions, references = ["the cat sat", "of"], ["a dog", "an old mat"]
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    expected = []
    for pair in zip(predictions, references, strict=True):
        vectors = []
        for text in pair:
            ids = [tokenizer.bos_token_id, *tokenizer(text)["input_ids"], tokenizer.eos_token_id]
            with torch.no_grad():
                states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0]
            vectors.append(states / states.norm(dim=-1, keepdim=True))
        alike = vectors[0] @ vectors[1].T  # (tokens of the prediction, tokens of the reference)
        precision, recall = alike.max(dim=1).values[1:-1].mean(), alike.max(dim=0).values[1:-1].mean()
        expected.append(float(2 * precision * recall / (precision + recall)))
    # Padding is 0 to bert-score, which is above the cosines of a random model: so one pair a batch.
    metric = build(folder, layer=layer, batch_size=1)
    assert metric.statistics(predictions, references)[:, 0] == pytest.approx(expected, abs=1e-5)
    assert "|context:left|" in metric.signature()
    assert metric.statistics(["of"], ["of"])[0, 0] == pytest.approx(1.0, abs=1e-5)  # two tokens are no empty text


def test_weights_that_lack_a_layer_are_refused(model_path: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((model_path / name).read_bytes())
    weights = load_file(model_path / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"bertscore: .* the weights lack encoder\.layer\.1"):
        build(tmp_path).statistics(["the cat"], ["a cat"])


def test_a_model_that_cannot_be_read_is_said(model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((model_path / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="bertscore: bert-score cannot run the model in"):
        build(tmp_path).statistics(["the cat"], ["a cat"])
