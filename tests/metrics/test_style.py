"""Style metrics against a judge whose every answer can be worked out by hand, and against a direct forward pass."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import MAX_LENGTH_TOKENS, WORDS, save_judge, summary, write_judge_file

from bench import metrics
from bench.core.errors import InputError
from bench.metrics import judge as judge_module
from bench.metrics.judge import StyleJudge
from bench.metrics.style import SPECS

TEXTS = ["tea", "the raven was late", "", "door " * 30, "late tea was the door", "unheard words", "raven raven"]
MEANT = [0, 1, 0, 1, 0, 1, 1]


@pytest.fixture(scope="module", params=["architecture", "mean"])
def any_judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judge(tmp_path_factory.mktemp("judge") / request.param, pooling=request.param)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judge(tmp_path_factory.mktemp("judge") / "saved")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may break."""
    return Path(shutil.copytree(saved, tmp_path / "judge"))


@pytest.fixture
def told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a judge that takes a text such as `0.75` for P(author 0)."""

    def read(self: StyleJudge, texts: list[str]) -> Any:
        return np.array([[float(text), 1 - float(text)] for text in texts])

    monkeypatch.setattr(StyleJudge, "_read", read)
    return folder


def build(name: str, folder: Path | None, **options: Any) -> Any:
    resources = metrics.open_resources(name, model_path=folder)
    return metrics.build(name, options, resources=resources)


def value_of(name: str, folder: Path, texts: list[str], meant: list[int]) -> float:
    metric = build(name, folder)
    return float(metric.aggregate(metric.statistics(texts, meant).sum(axis=0)))


def direct(folder: Path, text: str, length: int = MAX_LENGTH_TOKENS) -> Any:
    """Return the probabilities of one text, from token ids written out by hand and the plain model."""
    import torch
    from transformers import AutoConfig, BertForSequenceClassification

    from bench.materials.mean_pooled import MeanPooledClassifier

    config = AutoConfig.from_pretrained(folder)
    pooling = json.loads((folder / "judge.json").read_text(encoding="utf-8"))["pooling"]
    loader = MeanPooledClassifier if pooling == "mean" else BertForSequenceClassification
    model = loader.from_pretrained(folder, config=config).eval()
    words = [WORDS.index(word) if word in WORDS else 1 for word in text.split()][: length - 2]
    ids = torch.tensor([[2, *words, 3]])
    with torch.no_grad():
        return torch.softmax(model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0], dim=0).numpy()


# --- the judge -------------------------------------------------------------------------------------------------------


def test_probabilities_equal_a_direct_forward_pass(any_judge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.stack([direct(any_judge, text) for text in TEXTS])
    assert np.ptp(expected[:, 0]) > 0.05  # the texts are told apart, so a mix-up shows
    judge = StyleJudge.load(any_judge)
    found = judge.probabilities(TEXTS)
    assert found.dtype == np.float64
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-12)
    monkeypatch.setattr(judge_module, "_BATCH_SIZE", 2)
    judge._rows.clear()
    assert judge.probabilities(TEXTS[::-1]) == pytest.approx(expected[::-1], abs=1e-6)


def test_padding_on_the_left_is_not_taken_over(folder: Path) -> None:
    file = folder / "tokenizer_config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**values, "padding_side": "left"}), encoding="utf-8")
    expected = np.stack([direct(folder, text) for text in TEXTS])
    assert StyleJudge.load(folder).probabilities(TEXTS) == pytest.approx(expected, abs=1e-6)


def test_a_text_is_cut_where_the_judge_stops_reading(saved: Path) -> None:
    kept, more = "tea " * (MAX_LENGTH_TOKENS - 2), "tea " * (MAX_LENGTH_TOKENS - 2) + "raven door"
    shorter = "tea " * (MAX_LENGTH_TOKENS - 3)
    rows = StyleJudge.load(saved).probabilities([kept, more, shorter])
    assert rows[1] == pytest.approx(rows[0], abs=1e-7)
    assert abs(rows[2, 0] - rows[0, 0]) > 1e-5


def test_a_text_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = StyleJudge._read
    monkeypatch.setattr(StyleJudge, "_read", lambda self, texts: (read.extend(texts), original(self, texts))[1])
    for name in SPECS:
        build(name, folder).statistics([*TEXTS, *TEXTS], [*MEANT, *MEANT])
    assert sorted(read) == sorted(TEXTS)


def test_no_texts_are_no_rows(saved: Path) -> None:
    assert StyleJudge.load(saved).probabilities([]).shape == (0, 2)


def test_loading_moves_no_random_stream(any_judge: Path) -> None:
    import torch

    judge_module._load.cache_clear()
    before = torch.random.get_rng_state()
    StyleJudge.load(any_judge).probabilities(["tea"])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_judge_is_loaded_once_and_again_when_it_is_rewritten(folder: Path) -> None:
    first = StyleJudge.load(folder)
    assert StyleJudge.load(folder / ".." / folder.name) is first
    write_judge_file(folder, summary(("carroll", "poe")))
    os.utime(folder / "judge.json", ns=(1, 1))
    second = StyleJudge.load(folder)
    assert second.labels == ("carroll", "poe")
    assert second is not first


def test_a_judge_tells_what_its_file_says(folder: Path) -> None:
    judge = StyleJudge.load(folder)
    assert (judge.labels, judge.identity, judge.max_length_tokens) == (("alice", "edgar"), "0123456789abcdef", 8)
    assert judge.summary == summary()


@pytest.mark.parametrize("name", ["judge.json", "config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"judge: is no judge, {name} is missing; .*<run folder>/judge"):
        StyleJudge.load(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema_version": 2}, r"judge\.json: schema_version: "),
        ({"pooling": "max"}, r"judge\.json: pooling: "),
        ({"precision": "float8"}, r"judge\.json: precision: "),
        ({"more": 1}, r"judge\.json: more: "),
        ({"summary": {}}, r"judge\.json: summary\.identity: "),
        ({"summary": summary(confusion=((1, 0, 0), (0, 1, 0))).model_dump(mode="json")}, "for each of 2"),
        ({"summary": summary(("alice",), ((1,),)).model_dump(mode="json")}, "for each of 1 labels, 2 or more"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder: Path, values: dict[str, Any], message: str) -> None:
    write_judge_file(folder, summary(), **values)
    with pytest.raises(InputError, match=message) as caught:
        StyleJudge.load(folder)
    assert "<run folder>/judge" in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_a_file_that_is_not_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / "judge.json").write_bytes(content)
    with pytest.raises(InputError, match=r"judge\.json: cannot be read as JSON"):
        StyleJudge.load(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_broken_file_is_an_error_when_a_text_is_read(folder: Path, name: str) -> None:
    (folder / name).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"judge: cannot be loaded as a judge .*<run folder>/judge"):
        StyleJudge.load(folder).probabilities(["tea"])


def test_weights_without_a_head_are_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = {name: value for name, value in load_file(folder / "model.safetensors").items() if "classifier" not in name}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"the weights lack classifier\.bias, which is not the judge of alice, edgar"):
        StyleJudge.load(folder).probabilities(["tea"])


def test_weights_of_another_number_of_labels_are_refused(tmp_path: Path) -> None:
    write_judge_file(save_judge(tmp_path, n_labels=3), summary())
    with pytest.raises(InputError, match="the weights tell 3 labels apart, which is not the judge of alice, edgar"):
        StyleJudge.load(tmp_path).probabilities(["tea"])


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_values_worked_out_by_hand(told: Path) -> None:
    # Two of three texts meant for author 0 and one of two for author 1 are judged to be theirs.
    texts, meant = ["0.75", "0.5", "0.25", "0.125", "0.875"], [0, 0, 0, 1, 1]
    assert value_of("style_judge_accuracy", told, texts, meant) == pytest.approx(3 / 5)
    assert value_of("style_judge_loss", told, texts, meant) == pytest.approx(
        -(math.log(0.75) + math.log(0.5) + math.log(0.25) + math.log(0.875) + math.log(0.125)) / 5
    )
    assert value_of("style_probability_0", told, texts, meant) == pytest.approx(0.5)
    assert value_of("style_probability_1", told, texts, meant) == pytest.approx((0.875 + 0.125) / 2)
    # e and f are 0.9 and 0.2 for author 0, 0.8 and 0.1 for author 1.
    first, second = (2 / 3 - 0.2) / 0.7, (1 / 2 - 0.1) / 0.7
    corrected = value_of("style_judge_accuracy_corrected", told, texts, meant)
    assert corrected == pytest.approx((3 * first + 2 * second) / 5)


def test_equal_probabilities_go_to_the_lower_number(told: Path) -> None:
    assert value_of("style_judge_accuracy", told, ["0.5"], [0]) == 1.0
    assert value_of("style_judge_accuracy", told, ["0.5"], [1]) == 0.0


def test_loss_equals_scikit_learn(saved: Path) -> None:
    from sklearn.metrics import accuracy_score, log_loss

    rows = StyleJudge.load(saved).probabilities(TEXTS)
    assert value_of("style_judge_loss", saved, TEXTS, MEANT) == pytest.approx(log_loss(MEANT, rows, labels=[0, 1]))
    assert value_of("style_judge_accuracy", saved, TEXTS, MEANT) == accuracy_score(MEANT, rows.argmax(axis=1))


def test_an_impossible_text_costs_a_finite_loss(told: Path) -> None:
    assert value_of("style_judge_loss", told, ["0", "1"], [0, 1]) == pytest.approx(126 * math.log(2))


@pytest.mark.parametrize(
    ("n_right", "expected"),
    [(9, 1.0), (10, 1.0), (2, 0.0), (0, 0.0), (5, 3 / 7)],
)
def test_correction_is_clipped_and_moves_with_the_share(told: Path, n_right: int, expected: float) -> None:
    texts = ["1"] * n_right + ["0"] * (10 - n_right)
    assert value_of("style_judge_accuracy_corrected", told, texts, [0] * 10) == pytest.approx(expected)


def test_a_resample_without_an_author_counts_the_other_alone(told: Path) -> None:
    corrected = build("style_judge_accuracy_corrected", told)
    totals = np.array([[5.0, 10.0, 0.0, 0.0], [0.0, 0.0, 5.0, 10.0], [5.0, 10.0, 5.0, 10.0]])
    assert corrected.aggregate(totals) == pytest.approx([3 / 7, 4 / 7, 1 / 2])
    probability = build("style_probability_0", told)
    assert probability.aggregate(np.array([[0.0, 0.0], [1.5, 2.0]])) == pytest.approx([0.5, 0.75])


@given(
    truth=st.floats(0, 1),
    shares=st.tuples(st.floats(0.55, 1), st.floats(0.55, 1)),
    counts=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_correction_undoes_the_judges_expected_mistakes(
    saved: Path, truth: float, shares: tuple[float, float], counts: tuple[int, int]
) -> None:
    metric = build("style_judge_accuracy_corrected", saved)
    own, others = np.array(shares), 1 - np.array(shares)[::-1]
    metric._shares = lambda: (own, others)
    observed = truth * own + (1 - truth) * others
    totals = np.array([observed[0] * counts[0], counts[0], observed[1] * counts[1], counts[1]])
    assert float(metric.aggregate(totals)) == pytest.approx(truth, abs=1e-9)


def test_correction_recovers_the_true_share_in_simulation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    confusion = np.array([[850, 150], [300, 700]])
    write_judge_file(folder, summary(confusion=confusion.tolist()))
    generator, n, truth = np.random.default_rng(0), 40_000, 0.6
    meant = generator.integers(2, size=n)
    style_of = np.where(generator.random(n) < truth, meant, 1 - meant)
    judged = (generator.random(n) < confusion[style_of, 1] / 1000).astype(int)
    texts = [f"text {i}" for i in range(n)]
    answers = dict(zip(texts, np.eye(2)[judged], strict=True))
    monkeypatch.setattr(StyleJudge, "_read", lambda _, batch: np.array([answers[text] for text in batch]))
    corrected = value_of("style_judge_accuracy_corrected", folder, texts, meant.tolist())
    plain = value_of("style_judge_accuracy", folder, texts, meant.tolist())
    # Standard error: sqrt(p (1 - p) / n) / (e - f), about 0.0045.
    assert corrected == pytest.approx(truth, abs=0.018)
    assert abs(plain - truth) > 0.03


@pytest.mark.parametrize("name", SPECS)
def test_sums_of_statistics_hold_the_value_of_every_resample(saved: Path, name: str) -> None:
    metric = build(name, saved)
    statistics = metric.statistics(TEXTS, MEANT)
    counts = np.array([[1, 1, 1, 1, 1, 1, 1], [2, 0, 1, 3, 0, 1, 0], [0, 0, 2, 0, 1, 0, 4]])
    expected = []
    for row in counts:
        drawn = [i for i, count in enumerate(row) for _ in range(count)]
        expected.append(value_of(name, saved, [TEXTS[i] for i in drawn], [MEANT[i] for i in drawn]))
    assert metric.aggregate(counts @ statistics) == pytest.approx(expected)
    assert metric.aggregate((counts @ statistics)[None]).shape == (1, 3)


def test_three_authors_can_be_judged_but_not_corrected(tmp_path: Path) -> None:
    save_judge(tmp_path, n_labels=3)
    rows = StyleJudge.load(tmp_path).probabilities(TEXTS)
    found = value_of("style_judge_accuracy", tmp_path, TEXTS, [2, 1, 0, 2, 2, 1, 0])
    assert found == (rows.argmax(axis=1) == [2, 1, 0, 2, 2, 1, 0]).mean()
    with pytest.raises(InputError, match=r"corrects a judge of two authors, and .* tells 3 apart"):
        build("style_judge_accuracy_corrected", tmp_path)


@pytest.mark.parametrize(
    ("confusion", "message"),
    [
        (((1, 9), (2, 8)), r"says alice of 0\.100 of that author's held-out texts and of 0\.200 of the other's"),
        (((3, 7), (3, 7)), "no better than chance"),
        (((1, 2), (3, 6)), "no better than chance"),
        (((0, 0), (2, 8)), "was tried on no held-out text of alice"),
    ],
)
def test_a_judge_to_correct_by_must_beat_chance(folder: Path, confusion: Any, message: str) -> None:
    write_judge_file(folder, summary(confusion=confusion))
    with pytest.raises(InputError, match=message):
        build("style_judge_accuracy_corrected", folder)


@pytest.mark.parametrize("author", [0, 1])
def test_no_text_of_an_author_is_said(told: Path, author: int) -> None:
    name = ("alice", "edgar")[author]
    with pytest.raises(InputError, match=rf"style_probability_{author}: no text is meant for author {author} \({name}"):
        build(f"style_probability_{author}", told).statistics(["1", "0"], [1 - author] * 2)


@pytest.mark.parametrize("name", SPECS)
def test_a_missing_judge_is_said(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} needs a judge: .*--model FOLDER.*<run folder>/judge"):
        build(name, None)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        ([], []),
        (["0.5"], [0, 1]),
        ("0.5", [0, 1, 0]),
        ([None], [0]),
        (["0.5"], ["alice"]),
        (["0.5"], [2]),
        (["0.5"], [-1]),
        (["0.5"], [True]),
    ],
)
def test_wrong_inputs_are_refused(told: Path, name: str, texts: Any, meant: Any) -> None:
    with pytest.raises(InputError, match=f"{name}: "):
        build(name, told).statistics(texts, meant)


# --- signatures and specs --------------------------------------------------------------------------------------------


def test_signature_names_judge_tokenizer_lengths_and_version(saved: Path) -> None:
    digest = hashlib.sha256((saved / "tokenizer.json").read_bytes()).hexdigest()[:16]
    start = f"style_judge_accuracy|judge:0123456789abcdef|tokenizer:{digest}|length:8|"
    end = f"|v:{version('transformers')}"
    assert build("style_judge_accuracy", saved).signature() == f"{start}k:none|writer:none{end}"
    given_both = build("style_judge_accuracy", saved, over_generation=4.0, writer_tokens=512)
    assert given_both.signature() == f"{start}k:4|writer:512{end}"


def test_signature_moves_with_the_tokenizer(folder: Path) -> None:
    before = build("style_judge_loss", folder).signature()
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    os.utime(folder / "judge.json", ns=(1, 1))
    assert build("style_judge_loss", folder).signature() != before


def test_specs() -> None:
    assert SPECS.keys() == {name for name in metrics.METRIC_NAMES if name.startswith("style_")}
    for name, spec in SPECS.items():
        assert (spec.name, spec.inputs) == (name, "styles")
        assert spec.higher_is_better == (name != "style_judge_loss")
    assert [SPECS[f"style_probability_{author}"].title for author in (0, 1)] == ["S, author 0", "S, author 1"]
