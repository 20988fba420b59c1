"""Labels of words: where they stand among tokens, their loss by transformers' own, and a run of the suite of tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from bench.__main__ import main
from bench.config import SuiteConfig
from bench.core.errors import InputError
from bench.materials.splits import Example
from bench.running.runs import run_config
from bench.running.settings import RunSettings
from bench.suites.resolve import load_suite, resolve
from bench.tasks.batches import IGNORED
from bench.tasks.token_classification import TokenClassificationTask
from bench.tasks.token_classification.task import TokenClassification, first_tokens

SUITE = Path(__file__).parent / "names"
LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def _config(*overrides: str, method: str | None = None) -> SuiteConfig:
    source = f"data.source={{kind='local', path='{SUITE / 'rows.jsonl'}'}}"
    return resolve(load_suite(SUITE), profile="tiny", method=method, overrides=[source, *overrides])


def _word_pieces() -> Any:
    """Return a tokenizer that cuts words into pieces, as BERT's does."""
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "A", "##da", "Ber", "##g", "was", "in", "Oslo", ",", "##,"]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", padding_side="right")  # noqa: S106


class Model:
    """Reads up to 16 positions."""

    class config:  # noqa: N801
        max_position_embeddings = 16


def _task(tokenizer: Any, max_length_tokens: int = 16) -> TokenClassification:
    table = TokenClassificationTask(kind="token_classification", max_length_tokens=max_length_tokens, padding="longest")
    return TokenClassification(table, tokenizer, Model, LABELS)


def _encoded(task: TokenClassification, text: str, target: tuple[int, ...], split: Any = "test") -> dict[str, Any]:
    return task.encode(None, [Example(id="7", input=text, target=target)], split, advance=tiny.nothing)[0]


# --- where labels stand ----------------------------------------------------------------------------------------------


def test_the_first_piece_of_a_word_has_its_label_and_the_others_none() -> None:
    tokenizer = _word_pieces()
    item = _encoded(_task(tokenizer), "Ada Berg, was in Oslo", (1, 2, 0, 0, 3))
    tokens = tokenizer.convert_ids_to_tokens(item["input_ids"])
    assert tokens == ["[CLS]", "A", "##da", "Ber", "##g", ",", "was", "in", "Oslo", "[SEP]"]
    assert item["labels"] == [IGNORED, 1, IGNORED, 2, IGNORED, IGNORED, 0, 0, 3, IGNORED]
    words = "Ada Berg, was in Oslo".split()
    theirs = tokenizer(words, is_split_into_words=True).word_ids()
    assert [i for i, word in enumerate(theirs) if word is not None and word != theirs[i - 1]] == [
        i for i, label in enumerate(item["labels"]) if label != IGNORED
    ]


def test_a_token_may_hold_the_space_before_its_word_or_nothing_but_space() -> None:
    assert first_tokens("Ada was", [(0, 0), (0, 3), (3, 7), (0, 0)]) == {0: 1, 1: 2}  # as byte-level BPE
    assert first_tokens("Ada was", [(0, 1), (1, 3), (3, 4), (4, 7)]) == {0: 0, 1: 3}  # as SentencePiece
    assert first_tokens("Ada  was", [(0, 3)]) == {0: 0}


def test_a_text_is_cut_when_it_is_learned_and_refused_when_it_is_scored() -> None:
    task = _task(_word_pieces(), max_length_tokens=5)
    assert _encoded(task, "Ada was in Oslo", (1, 0, 0, 3), "train")["labels"] == [IGNORED, 1, IGNORED, 0, IGNORED]
    with pytest.raises(InputError, match=r"row 7: its word 2, 'in', has no token among the first 5 and cannot be sco"):
        _encoded(task, "Ada was in Oslo", (1, 0, 0, 3))


def test_error_more_tokens_than_positions() -> None:
    with pytest.raises(InputError, match=r"task\.max_length_tokens = 17 exceeds the 16 positions that the model has"):
        _task(_word_pieces(), max_length_tokens=17)


# --- loss and prediction ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["longest", "max_length"])
def test_the_loss_is_transformers_own(padding: str) -> None:
    pieces = tiny.assemble(_config(f"task.padding={padding}"))
    batch = pieces.task.collate(pieces.train_items[:5])
    assert (batch["labels"] == IGNORED).any()
    with torch.inference_mode():
        own = pieces.model(**batch).loss
        loss = pieces.task.loss(pieces.model, dict(batch))
    assert float(loss.loss) == pytest.approx(float(own), abs=1e-6)
    assert loss.n_targets == sum(len(e.input.split()) for e in pieces.splits.train[:5])


def test_predictions_are_the_greatest_logit_of_every_word_whatever_the_batch() -> None:
    pieces = tiny.assemble(_config())
    predicted = pieces.predict(batch_size=5)
    for i, item in enumerate(pieces.test_items):
        ids, labels = torch.tensor([item["input_ids"]]), torch.tensor([item["labels"]])
        with torch.inference_mode():
            output = pieces.model(input_ids=ids, labels=labels)
        names = [LABELS[number] for number in output.logits.argmax(dim=-1)[labels != IGNORED].tolist()]
        assert list(predicted.predictions[i]) == names  # type: ignore[arg-type]
        assert predicted.losses_nats[i] / predicted.n_targets[i] == pytest.approx(float(output.loss), abs=1e-5)
        assert predicted.n_targets[i] == len(pieces.splits.test[i].input.split())
        assert predicted.references[i] == tuple(LABELS[number] for number in pieces.splits.test[i].numbers)
    alone = pieces.predict(batch_size=1)
    assert alone.predictions == predicted.predictions
    np.testing.assert_allclose(alone.losses_nats, predicted.losses_nats, rtol=1e-5)


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["full", "head", "lora", "prompt_tuning"])
def test_a_run_scores_words_and_entities(method: str, tmp_path: Path) -> None:
    settings = RunSettings(device="cpu", offline=True, runs_root=tmp_path / "runs")
    result = run_config(_config("training.epochs=1", method=method), 0, settings)
    rows = [json.loads(line) for line in (result.folder / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert all(len(row["prediction"]) == len(row["reference"]) == row["n_targets"] for row in rows)
    right = [p == r for row in rows for p, r in zip(row["prediction"], row["reference"], strict=True)]
    assert result.record.scores["tag_accuracy"].value == pytest.approx(np.mean(right))
    assert 0 <= result.record.scores["entity_f1"].value <= 1
    assert result.record.reload_identical


def test_the_suite_runs_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    command = ["run", str(SUITE), "--profile", "tiny", "--device", "cpu", "--offline"]
    folders = ["--runs", str(tmp_path / "runs"), "--reports", str(tmp_path / "reports")]
    monkeypatch.setattr(sys, "argv", ["bench", *command, *folders])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    (report,) = (tmp_path / "reports").glob("*.md")
    text = report.read_text("utf-8")
    assert "B-PER / I-PER" in text
    assert "entity" in text.lower()
