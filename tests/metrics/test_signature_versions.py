"""Signatures name every version that can change a value, and stored ones stay comparable where nothing changed."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nltk.data
import pytest

from bench import metrics
from bench.metrics import versions
from bench.metrics.corpus import Tokenizer
from bench.metrics.score import score

BASELINES = Path(__file__).parents[2] / "baselines"
LEARNED = ("bertscore", "style_")


def stored_seeds() -> list[dict[str, Any]]:
    files = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(BASELINES.glob("*/*/*.json"))]
    return [seed for values in files for seed in values.get("seeds", [])]


def test_what_stored_signatures_leave_out_is_what_their_records_were_made_with() -> None:
    seeds = stored_seeds()
    stemmed = [seed for seed in seeds if any(name.startswith("rouge") for name in seed["scores"])]
    learned = [seed for seed in seeds if any(name.startswith(LEARNED) for name in seed["scores"])]
    assert len(stemmed) > 10
    assert len(learned) > 10
    assert {seed["environment"]["packages"]["nltk"] for seed in stemmed} == {versions.NLTK}
    assert {seed["environment"]["packages"]["tokenizers"] for seed in learned} == {versions.TOKENIZERS}


@pytest.mark.parametrize(("package", "known"), [("nltk", versions.NLTK), ("tokenizers", versions.TOKENIZERS)])
def test_the_versions_of_stored_signatures_add_no_part(package: str, known: str) -> None:
    if version(package) != known:
        pytest.skip(f"{package} {version(package)} is installed")
    assert versions.stemmer_part() == {} or package != "nltk"
    assert versions.tokenizers_part() == {} or package != "tokenizers"


def test_signatures_of_stored_english_texts_are_those_of_now() -> None:
    stored = {
        name: found["signature"]
        for seed in stored_seeds()
        for name, found in seed["scores"].items()
        if "refs" not in found
    }
    for name in ("rouge1", "rouge2", "rougeL", "rougeLsum", "sacrebleu", "chrf", "meteor", "sentence_bleu_method1"):
        now = metrics.build(name, {"synonyms": "none"} if name == "meteor" else {}).signature()
        parts = [dict(part.split(":", 1) for part in text.split("|")[1:]) for text in (stored[name], now)]
        for part in ("v", "nltk"):  # of the libraries that are installed here
            parts[0].pop(part, None), parts[1].pop(part, None)
        assert parts[0] == parts[1]


def test_another_stemmer_is_another_rouge(monkeypatch: pytest.MonkeyPatch) -> None:
    before = metrics.build("rouge1").signature(), metrics.build("rouge1", {"stemmer": False}).signature()
    monkeypatch.setattr(versions, "_STEMMER_SHA256", "0" * 64)
    assert metrics.build("rouge1").signature() == f"{before[0]}|nltk:{version('nltk')}"
    assert metrics.build("rouge1", {"stemmer": False}).signature() == before[1]


def test_another_version_of_tokenizers_is_another_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "TOKENIZERS", "0.0.1")
    assert versions.tokenizers_part() == {"tokenizers": version("tokenizers")}


def test_other_words_of_wordnet_are_another_meteor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    signatures = set()
    for content in ("dog", "cat"):
        folder = tmp_path / content / "corpora" / "wordnet"
        folder.mkdir(parents=True)
        (folder / "data.noun").write_text(content, encoding="utf-8")
        monkeypatch.setattr(nltk.data, "path", [str(tmp_path / content)])
        signatures.add(metrics.build("meteor", {"synonyms": "wordnet"}).signature())
    assert len(signatures) == 2
    assert all("|wordnet:" in signature for signature in signatures)


def test_other_data_of_punkt_are_another_rouge_lsum(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    signatures = set()
    for content in ("abbrev", "collocation"):
        folder = tmp_path / content / "tokenizers" / "punkt_tab" / "english"
        folder.mkdir(parents=True)
        (folder / "x.tab").write_text(content, encoding="utf-8")
        monkeypatch.setattr(nltk.data, "path", [str(tmp_path / content)])
        signatures.add(metrics.build("rougeLsum", {"split_sentences": True}).signature())
    assert len(signatures) == 2


def test_words_of_unicode_name_what_found_them() -> None:
    signature = metrics.build("rouge1", {"tokenizer": "unicode"}).signature()
    assert f"|regex:{version('regex')}|ucd:" in signature
    assert "regex" in metrics.build("sacrebleu", {"tokenizer": "intl"}).signature()
    assert "regex" not in metrics.build("rouge1").signature()


@pytest.fixture
def cased(tmp_path: Path) -> Path:
    """Return the folder of a tokenizer of three words that lowercases."""
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "The"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    return tmp_path


def test_a_file_that_changes_the_tokenizer_beside_its_own_is_in_the_signature(cased: Path) -> None:
    def signed() -> tuple[str, list[int]]:
        resources = metrics.open_resources("distinct1", model_path=cased)
        metric = metrics.build("distinct1", resources=metrics.Resources(tokenizer=Tokenizer(cased)))
        assert resources.tokenizer is not None
        return metric.signature(), Tokenizer(cased).encode("The cat")

    lower, lower_ids = signed()
    assert "loaded" not in lower  # tokenizer.json says it all
    settings = json.loads((cased / "tokenizer_config.json").read_text(encoding="utf-8"))
    (cased / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}), encoding="utf-8")
    upper, upper_ids = signed()
    assert lower_ids != upper_ids
    assert upper == f"{lower}|loaded:{upper.rpartition(':')[2]}"
    (cased / "tokenizer.json").unlink()
    assert "|loaded:" in signed()[0]


def test_unknown_tokens_of_generated_texts_are_counted(cased: Path) -> None:
    metric = metrics.build("distinct1", resources=metrics.open_resources("distinct1", model_path=cased))
    result, _ = score(metric, ["the cat", "研究 dog cat"], [], n_resamples=5)
    assert [(note.count, note.of) for note in result.notes or ()] == [(3, 6)]
    assert score(metric, ["the cat"], [], n_resamples=5)[0].notes is None
