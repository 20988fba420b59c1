"""Tiny repositories in the documented architectures and layouts: random weights, made-up text, the documented pins.

Every builder writes files a hub would serve into a folder. Nothing here comes from the real repositories.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from hub.server import Repository

DISTILBERT = ("distilbert/distilbert-base-uncased", "12040accade4e8a0f71eabdb258fecc2e7e948be")
BERT = ("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594")
GPT2 = ("openai-community/gpt2", "607a30d783dfa663caf39e06633721c8d4cfcd7e")
GPT_NEO = ("EleutherAI/gpt-neo-125m", "21def0189f5705e2521767faed922f1f15e7d7db")
FLAN_T5 = ("google/flan-t5-small", "0fc9ddf78a1e988dac52e2dac162b0ede4fd74ab")
SST2 = ("stanfordnlp/sst2", "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb")
IMDB = ("stanfordnlp/imdb", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31")
CNN_DAILYMAIL = ("abisee/cnn_dailymail", "96df5e686bee6baa90b8bee7c28b81fa3fa6223d")

_GOOD = ("bright", "clever", "tender", "lively", "graceful", "honest")
_BAD = ("dull", "clumsy", "stale", "hollow", "noisy", "careless")
_THINGS = ("story", "picture", "music", "ending", "plot", "voice")
_WHO = ("baker", "pilot", "mayor", "nurse", "farmer", "clerk")
_DID = ("opened", "painted", "sold", "measured", "repaired", "left")
_WHAT = ("bridge", "garden", "market", "boat", "clock", "tower")
_WHEN = ("monday", "tuesday", "friday", "sunday", "spring", "winter")
_REST = ("the", "a", "and", "on", "was", "with", "this", "in", ".", ",", ":", "summarize", "of", "town", "near")
WORDS = tuple(sorted({*_GOOD, *_BAD, *_THINGS, *_WHO, *_DID, *_WHAT, *_WHEN, *_REST}))


# --- text ------------------------------------------------------------------------------------------------------------


def sentiment_rows(n: int, *, seed: int, first_index: int = 0) -> list[dict[str, Any]]:
    """Return `n` rows in SST-2's columns; the words give the label away."""
    rng = random.Random(seed)  # noqa: S311 - seeded on purpose
    rows = []
    for index in range(first_index, first_index + n):
        label = rng.randrange(2)
        words = _GOOD if label else _BAD
        sentence = f"the {rng.choice(_THINGS)} was {rng.choice(words)} and {rng.choice(words)} with a {index} "
        rows.append({"idx": index, "sentence": sentence, "label": label})
    return rows


def review_rows(n: int, *, seed: int) -> list[dict[str, Any]]:
    """Return `n` rows in IMDB's columns: all negative ones first, and every tenth review a second time."""
    rng = random.Random(seed)  # noqa: S311 - seeded on purpose
    rows: list[dict[str, Any]] = []
    for index in range(n):
        label = int(index >= n // 2)
        words = _GOOD if label else _BAD
        sentences = [f"The {thing} was {rng.choice(words)}." for thing in rng.sample(_THINGS, 4)]
        text = f"{' '.join(sentences)}<br /><br />On {rng.choice(_WHEN)} a {rng.choice(_WHO)} left with {index}."
        rows.append(rows[-1] if index % 10 == 9 else {"text": text, "label": label})
    return rows


def news_rows(n: int, *, seed: int, first_index: int = 0) -> list[dict[str, Any]]:
    """Return `n` rows in CNN/DailyMail's columns; the highlights are the article's first sentences, shortened."""
    rng = random.Random(seed)  # noqa: S311 - seeded on purpose
    rows = []
    for index in range(first_index, first_index + n):
        facts = [(rng.choice(_WHO), rng.choice(_DID), rng.choice(_WHAT), rng.choice(_WHEN)) for _ in range(3)]
        article = " ".join(f"the {who} of the town {did} the {what} on {when} ." for who, did, what, when in facts)
        highlights = "\n".join(f"{who} {did} {what} ." for who, did, what, _ in facts[:2])
        rows.append({"article": f"{article} near {index} .", "highlights": highlights, "id": f"{index:040x}"})
    return rows


# --- datasets --------------------------------------------------------------------------------------------------------


def sst2(folder: Path, *, n_train: int = 256, n_other: int = 64) -> Repository:
    """Write SST-2's layout: one default configuration, three splits."""
    splits = {
        "train": sentiment_rows(n_train, seed=1),
        "validation": sentiment_rows(n_other, seed=2, first_index=n_train),
        "test": [{**row, "label": -1} for row in sentiment_rows(n_other, seed=3, first_index=n_train + n_other)],
    }
    _write_dataset(folder, config="default", data_folder="data", splits=splits)
    return Repository("dataset", *SST2, folder)


def imdb(folder: Path, *, n_rows: int = 240) -> Repository:
    """Write IMDB's layout: configuration plain_text, sorted by label, and a split without labels."""
    splits = {
        "train": review_rows(n_rows, seed=7),
        "test": review_rows(n_rows, seed=8),
        "unsupervised": [{**row, "label": -1} for row in review_rows(n_rows, seed=9)],
    }
    _write_dataset(folder, config="plain_text", data_folder="plain_text", splits=splits)
    return Repository("dataset", *IMDB, folder)


def cnn_dailymail(folder: Path, *, n_train: int = 256, n_other: int = 32) -> Repository:
    """Write CNN/DailyMail's layout: configuration 3.0.0, three splits; 10,500 rows take about a second."""
    splits = {
        "train": news_rows(n_train, seed=4),
        "validation": news_rows(n_other, seed=5, first_index=n_train),
        "test": news_rows(n_other, seed=6, first_index=n_train + n_other),
    }
    _write_dataset(folder, config="3.0.0", data_folder="3.0.0", splits=splits)
    return Repository("dataset", *CNN_DAILYMAIL, folder)


def _write_dataset(folder: Path, *, config: str, data_folder: str, splits: dict[str, list[dict[str, Any]]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / data_folder).mkdir(parents=True)
    lines = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    for split, rows in splits.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / data_folder / f"{split}-00000-of-00001.parquet")
        lines += [f"  - split: {split}", f"    path: {data_folder}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", "", "Made-up rows for tests.", ""]), encoding="utf-8")


# --- models ----------------------------------------------------------------------------------------------------------


def distilbert(folder: Path) -> Repository:
    """Write a two-layer DistilBERT of width 32 without a task head, as the documented repository has none."""
    from transformers import DistilBertConfig, DistilBertModel

    n_tokens = _write_wordpiece(folder)
    config = DistilBertConfig(
        vocab_size=n_tokens, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=512
    )
    return _save(DistilBertModel, config, DISTILBERT, folder)


def bert(folder: Path) -> Repository:
    """Write a two-layer BERT of width 32 with the documented length of context."""
    from transformers import BertConfig, BertModel

    n_tokens = _write_wordpiece(folder)
    config = BertConfig(
        vocab_size=n_tokens, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=512,
    )  # fmt: skip
    return _save(BertModel, config, BERT, folder)


def gpt2(folder: Path) -> Repository:
    """Write a two-layer GPT-2 of width 32 with the documented length of context."""
    from transformers import GPT2Config, GPT2LMHeadModel

    n_tokens = _write_byte_pairs(folder, 1024)
    config = GPT2Config(
        vocab_size=n_tokens, n_embd=32, n_layer=2, n_head=2, n_positions=1024,
        bos_token_id=n_tokens - 1, eos_token_id=n_tokens - 1,
    )  # fmt: skip
    return _save(GPT2LMHeadModel, config, GPT2, folder)


def gpt_neo(folder: Path) -> Repository:
    """Write a GPT-Neo of width 32: a layer of global and one of local attention, the documented length of context."""
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    n_tokens = _write_byte_pairs(folder, 2048)
    config = GPTNeoConfig(
        vocab_size=n_tokens, hidden_size=32, num_layers=2, num_heads=2, attention_types=[[["global", "local"], 1]],
        max_position_embeddings=2048, bos_token_id=n_tokens - 1, eos_token_id=n_tokens - 1,
    )  # fmt: skip
    return _save(GPTNeoForCausalLM, config, GPT_NEO, folder)


def flan_t5(folder: Path) -> Repository:
    """Write a two-layer T5 of width 32 with gated GELU and an untied lm_head, both tensors in the checkpoint.

    transformers 5 builds T5 tied and would save one tensor, so the second is added here, as the real checkpoint has it.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import T5Config, T5ForConditionalGeneration

    n_tokens = _write_unigram(folder)
    config = T5Config(
        vocab_size=n_tokens, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_decoder_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    repository = _save(T5ForConditionalGeneration, config, FLAN_T5, folder)
    weights = T5ForConditionalGeneration.from_pretrained(folder).state_dict()
    weights = {name: tensor.clone() for name, tensor in weights.items() if "embed_tokens" not in name}
    weights["lm_head.weight"] = torch.randn(n_tokens, 32, generator=torch.Generator().manual_seed(1))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**written, "tie_word_embeddings": False}), encoding="utf-8")
    return repository


def _save(model_class: Any, config: Any, pin: tuple[str, str], folder: Path) -> Repository:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model_class(config).save_pretrained(folder)
    return Repository("model", *pin, folder)


def _prose_words() -> list[str]:
    """Return the words of the authors whose books are served (`hub.books`)."""
    from hub.books import paragraphs

    text = " ".join([*paragraphs("prose_day", 200), *paragraphs("prose_night", 200)])
    return sorted(set(re.findall("[a-z]+", text.lower())))


def _write_wordpiece(folder: Path) -> int:
    """Write a lower-casing WordPiece tokenizer and return how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in (*range(ord("a"), ord("z") + 1), *range(ord("0"), ord("9") + 1))]
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *_prose_words(),
        *letters,
        *(f"##{letter}" for letter in letters),
    ]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - not a password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    special |= {"cls_token": "[CLS]", "mask_token": "[MASK]"}
    _write_tokenizer(folder, tokenizer, "BertTokenizer", 512, special)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return len(vocabulary)


def _write_byte_pairs(folder: Path, max_length: int) -> int:
    """Write a byte-level BPE tokenizer as GPT-2's: every byte, merges, and the one special token as the last id."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from hub.books import paragraphs

    end = "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False)
    texts = [*paragraphs("prose_day", 100), *paragraphs("prose_night", 100)]
    # Runs of spaces and of line ends become tokens, as they are in GPT-2's.
    tokenizer.train_from_iterator([*texts, *["a    b", "a\n\n\nb"] * 99], trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.add_special_tokens([end])
    tokenizer.model.save(str(folder))  # vocab.json and merges.txt, as the documented repositories have them
    special = {"unk_token": end, "bos_token": end, "eos_token": end}
    _write_tokenizer(folder, tokenizer, "GPT2Tokenizer", max_length, special, add_prefix_space=False)
    (folder / "vocab.json").write_text(json.dumps(tokenizer.get_vocab()), encoding="utf-8")
    return int(tokenizer.get_vocab_size())


def _write_unigram(folder: Path) -> int:
    """Write a Unigram tokenizer with T5's special tokens and return how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = [chr(code) for code in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces += [(f"▁{word}", -4.0) for word in WORDS] + [(letter, -8.0) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"}
    _write_tokenizer(folder, tokenizer, "T5Tokenizer", 512, special, extra_ids=0)
    return len(pieces)


def _write_tokenizer(
    folder: Path, tokenizer: Any, class_name: str, max_length: int, special: dict[str, str], **options: Any
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.add_special_tokens(sorted(special.values(), key=tokenizer.token_to_id))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": class_name, "model_max_length": max_length, **special, **options}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
