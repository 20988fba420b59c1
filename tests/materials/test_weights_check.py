"""Base weights that do not fit their model: refused with the keys, or a new head by name; nothing random in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from bench.config import ModelConfig
from bench.core.errors import InputError
from bench.materials.base_model import BaseModel, check_vocabulary, fetch_base_model, load_tokenizer, load_weights
from bench.materials.quiet import quiet_transformers

SIZES = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
}
BERT = {**SIZES, "pad_token_id": 0}
GPT2 = {"vocab_size": 20, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}


def _tokenizer(**special: str) -> Any:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "good", "bad", "film"]
    word_level = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[1]))
    word_level.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"} | special
    return PreTrainedTokenizerFast(tokenizer_object=word_level, **{k: v for k, v in names.items() if v})


def _save(folder: Path, model: Any, tokenizer: Any | None = None) -> Path:
    with quiet_transformers():
        model.save_pretrained(folder)
        (tokenizer or _tokenizer()).save_pretrained(folder)
    return folder


def _model(kind: Callable[..., Any], **values: Any) -> Any:
    torch.manual_seed(0)
    return kind(BertConfig(**BERT | values))


def _config(folder: Path, family: str = "sequence_classification", **values: Any) -> ModelConfig:
    return ModelConfig.model_validate({"source": {"kind": "local", "path": str(folder)}, "family": family} | values)


def _load(
    folder: Path, family: str = "sequence_classification", *, n_labels: int = 3, seed: int = 0, **values: Any
) -> Any:
    labels = tuple(values.pop("labels", ()))
    config = _config(folder, family, **values)
    return load_weights(config, fetch_base_model(config, []), n_labels=n_labels, seed=seed, labels=labels)


def _rename(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


# --- the body --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["architecture", "mean"])
@pytest.mark.parametrize(
    ("prefix", "mend"),
    [
        ("module.", "save model.module instead"),
        ("_orig_mod.", "save model._orig_mod instead"),
        ("my_model.", "save the model without its wrapper|begin with 'my_model.'|whole saved model"),
    ],
)
def test_keys_of_a_wrapped_model_are_refused_by_name(tmp_path: Path, pooling: str, prefix: str, mend: str) -> None:
    folder = _save(tmp_path / "wrapped", _model(BertForSequenceClassification, num_labels=3))
    _rename(folder, lambda state: {prefix + key: tensor for key, tensor in state.items()})
    with pytest.raises(InputError, match=mend) as caught:
        _load(folder, pooling=pooling)
    assert "lack 37 of the 37 weights of the body" in str(caught.value)  # 5 + 2 x 16, the pooler left out
    assert f"{prefix}bert.embeddings.LayerNorm.bias" in str(caught.value)


@pytest.mark.parametrize("n_layers", [1, 3])
def test_another_number_of_layers_than_the_configuration_says_is_refused(tmp_path: Path, n_layers: int) -> None:
    folder = _save(tmp_path / "model", _model(BertModel, num_hidden_layers=n_layers))
    _model(BertModel).config.save_pretrained(folder)  # two layers
    fault = "lack 16 of the 37 weights" if n_layers == 1 else "hold 16 weights that the model has no place for"
    with pytest.raises(InputError, match=fault):
        _load(folder)


def test_a_body_of_another_width_is_refused_with_both_shapes(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _model(BertModel, vocab_size=30))
    _model(BertModel).config.save_pretrained(folder)
    with pytest.raises(InputError, match=r"word_embeddings\.weight: \[30, 8\] in the file, \[20, 8\] in the model"):
        _load(folder)


@pytest.mark.parametrize("family", ["sequence_classification", "token_classification", "causal", "seq2seq"])
def test_no_family_takes_a_body_that_lacks_a_layer(tmp_path: Path, family: str) -> None:
    if family == "seq2seq":
        model: Any = T5ForConditionalGeneration(T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=16, num_layers=1))
        lost = "decoder.block.0.layer.1.EncDecAttention.q.weight"
    else:
        model, lost = GPT2LMHeadModel(GPT2Config(**GPT2)), "transformer.h.0.mlp.c_fc.weight"
    folder = _save(tmp_path / "model", model)
    _rename(folder, lambda state: {key: tensor for key, tensor in state.items() if key != lost})
    with pytest.raises(InputError, match=lost.replace(".", r"\.")):
        _load(folder, family)


@pytest.mark.parametrize("pooling", ["architecture", "mean"])
@pytest.mark.parametrize("kind", [BertModel, BertForMaskedLM])
def test_a_body_under_another_head_loads_wholly_and_the_head_is_new(
    tmp_path: Path, kind: Callable[..., Any], pooling: str
) -> None:
    saved = _model(kind)
    weights = _load(_save(tmp_path / "model", saved), pooling=pooling)
    body = weights.model.base_model.state_dict()
    for name, tensor in (saved if kind is BertModel else saved.bert).state_dict().items():
        assert torch.equal(body[name], tensor), name
    head = ("classifier",) if pooling == "architecture" else ("pre_classifier", "classifier")
    pooler = (
        () if kind is BertModel else (("bert" if pooling == "architecture" else "encoder") + ".pooler.dense",)
    )  # a masked LM has none
    assert sorted(weights.new_modules) == sorted(head + pooler)


def test_a_causal_model_and_a_masked_one_of_other_kinds_give_their_body_to_a_classifier(tmp_path: Path) -> None:
    gpt2 = _save(tmp_path / "gpt2", GPT2LMHeadModel(GPT2Config(**GPT2)))
    assert _load(gpt2).new_modules == ("score",)
    roberta = _save(tmp_path / "roberta", RobertaForMaskedLM(RobertaConfig(**SIZES, pad_token_id=0)))
    assert _load(roberta).new_modules == ("classifier.dense", "classifier.out_proj")
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    modern = _save(tmp_path / "modern", ModernBertForMaskedLM(ModernBertConfig(**SIZES, **special)))
    assert _load(modern).new_modules == ("classifier",)  # its masked-LM head shares a layer with its classifier's


# --- the head --------------------------------------------------------------------------------------------------------


def test_a_head_of_the_same_labels_is_kept(tmp_path: Path) -> None:
    saved = _model(BertForSequenceClassification, num_labels=3)
    weights = _load(_save(tmp_path / "model", saved))
    assert weights.new_modules == ()
    assert torch.equal(weights.model.classifier.weight, saved.classifier.weight)


@pytest.mark.parametrize(
    ("kind", "values", "fault"),
    [
        (BertForSequenceClassification, {"num_labels": 5}, r"classifier\.weight: \[5, 8\] in the file, \[3, 8\]"),
        (BertForTokenClassification, {"num_labels": 3}, "is that of BertForTokenClassification"),
        (
            BertForSequenceClassification,
            {"id2label": {0: "good", 1: "fair", 2: "bad"}},
            "numbers the labels good, fair, bad, data.labels says bad, fair, good",
        ),
    ],
)
def test_another_head_is_refused_and_a_new_one_follows_the_seed(
    tmp_path: Path, kind: Callable[..., Any], values: dict[str, Any], fault: str
) -> None:
    saved = _model(kind, **values)
    folder = _save(tmp_path / "model", saved)
    labels = ("bad", "fair", "good")
    with pytest.raises(InputError, match=fault) as caught:
        _load(folder, labels=labels)
    assert "model.new_head = true" in str(caught.value)
    first, again, other = (_load(folder, labels=labels, seed=seed, new_head=True) for seed in (0, 0, 1))
    assert "classifier" in first.new_modules
    assert torch.equal(first.model.classifier.weight, again.model.classifier.weight)
    assert not torch.equal(first.model.classifier.weight, other.model.classifier.weight)
    assert torch.equal(first.model.bert.embeddings.word_embeddings.weight, saved.bert.embeddings.word_embeddings.weight)
    assert first.model.config.id2label == {0: "bad", 1: "fair", 2: "good"}


def test_half_a_head_is_refused(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _model(BertForSequenceClassification, num_labels=3))
    with pytest.raises(InputError, match=r"lacks another \(pre_classifier"):
        _load(folder, pooling="mean")  # whose head has two layers
    assert set(_load(folder, pooling="mean", new_head=True).new_modules) == {"pre_classifier", "classifier"}


def test_a_new_head_replaces_one_that_fits(tmp_path: Path) -> None:
    saved = _model(BertForSequenceClassification, num_labels=3)
    weights = _load(_save(tmp_path / "model", saved), new_head=True)
    assert weights.new_modules == ("classifier",)
    assert not torch.equal(weights.model.classifier.weight, saved.classifier.weight)


def test_a_text_model_without_its_output_layer_is_refused_and_a_tied_one_needs_none(tmp_path: Path) -> None:
    tied = _save(tmp_path / "tied", GPT2Model(GPT2Config(**GPT2)))
    assert _load(tied, "causal").new_modules == ()
    with pytest.raises(InputError, match="input embeddings themselves"):
        _load(tied, "causal", new_head=True)
    alone = _save(tmp_path / "alone", GPT2Model(GPT2Config(**GPT2, tie_word_embeddings=False)))
    with pytest.raises(InputError, match=r"no output layer .*lm_head\.weight"):
        _load(alone, "causal")
    assert _load(alone, "causal", new_head=True).new_modules == ("lm_head",)


def test_an_encoder_is_no_causal_model(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _model(BertForMaskedLM))
    with pytest.raises(InputError, match="reads a text in both directions"):
        _load(folder, "causal")


# --- the folder ------------------------------------------------------------------------------------------------------


def test_an_adapter_or_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is an adapter of peft"):
        _load(tmp_path)
    (tmp_path / "adapter_config.json").rename(tmp_path / "notes.json")
    with pytest.raises(InputError, match=r"holds no config\.json, so it is no saved model \(it holds notes\.json\)"):
        _load(tmp_path)


def test_what_transformers_cannot_load_is_bad_input(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _model(BertModel))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"cannot be loaded as model\.family = 'sequence_classification'"):
        _load(folder)
    with pytest.raises(InputError, match=r"cannot be loaded as model\.family = 'seq2seq'"):
        _load(folder, "seq2seq")


# --- the tokenizer ---------------------------------------------------------------------------------------------------


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with quiet_transformers():
        _model(BertModel).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"holds no tokenizer \(none of tokenizer\.json, vocab\.txt\)"):
        load_tokenizer(BaseModel(folder=tmp_path, identity="mine"), padding_side="right")


def test_a_classifier_pads_with_what_its_tokenizer_has_or_is_refused(tmp_path: Path) -> None:
    end = {"pad_token": "", "eos_token": "[SEP]"}
    ends = _save(tmp_path / "ends", GPT2LMHeadModel(GPT2Config(**GPT2)), _tokenizer(**end))
    model = _load(ends).model
    assert model.config.pad_token_id == 3
    short, long = torch.tensor([[5, 6]]), torch.tensor([[5, 6, 3, 3]])
    assert torch.equal(model(input_ids=short).logits, model(input_ids=long).logits)  # reads the last real token
    none = _save(tmp_path / "none", GPT2LMHeadModel(GPT2Config(**GPT2)), _tokenizer(pad_token=""))
    with pytest.raises(InputError, match="neither a padding token nor an end token"):
        _load(none)
    other = _save(tmp_path / "other", _model(BertModel, pad_token_id=7))
    with pytest.raises(InputError, match=r"pad_token_id = 7, the tokenizer pads with 0"):
        _load(other)


def test_a_tokenizer_of_another_model_is_refused() -> None:
    tokenizer = _tokenizer()
    check_vocabulary(tokenizer, n_embeddings=8, texts=["a film unseen"], place="here")
    with pytest.raises(InputError, match=r"up to 7, the model has embeddings for 7 \(0 to 6\)"):
        check_vocabulary(tokenizer, n_embeddings=7, texts=[], place="here")
    with pytest.raises(InputError, match=r"knows no word of the texts: every token of the first 2 is \[UNK\]"):
        check_vocabulary(tokenizer, n_embeddings=8, texts=["ein Film", "gut"], place="here")
