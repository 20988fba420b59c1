"""Words of texts in every script: never a silent 0, never 100 for other words, and English as its libraries have it."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize import wordpunct_tokenize
from rouge_score import tokenize
from texts import PREDICTIONS, REFERENCES

from bench import metrics
from bench.config.metric import USER_METRICS
from bench.core.errors import InputError
from bench.metrics.score import score
from bench.metrics.tokenizers import characters, unicode_words, unicode_words_and_punctuation
from bench.metrics.user_metric import locate
from bench.records.record import Note, Score

ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
# A text, and one in the same script that shares no word with it.
SCRIPTS = {
    "Chinese": ("研究人员周一宣布发现了一种新的恒星。", "股票市场昨天下跌百分之三。"),
    "Japanese": ("東京で新しい博物館が開館しました。", "株価ハ昨日、大幅ニ下落セリ"),
    "Korean": ("서울에서 새로운 박물관이 문을 열었다.", "주가는 어제 크게 떨어졌습니다"),
    "Arabic": ("أعلن الباحثون اكتشاف نجم جديد.", "هبطت الأسهم أمس كثيرا"),
    "Persian": ("او کتاب‌های تازه را می‌خواند.", "بازار سهام دیروز افت کرد"),
    "Hebrew": ("החוקרים הודיעו על כוכב חדש.", "המניות ירדו אתמול בחדות"),
    "Hindi": ("शोधकर्ताओं ने नए तारे की खोज की।", "शेयर बाज़ार कल गिर गया"),
    "Thai": ("นักวิจัยค้นพบดาวดวงใหม่", "เฌอแฝฟอเฌ"),
    "Russian": ("Учёные объявили об открытии новой звезды.", "Акции вчера резко упали"),
    "Greek": ("Οι ερευνητές ανακάλυψαν ένα νέο άστρο.", "Μετοχές έπεσαν χθες"),
    "Vietnamese": ("hả nổi đếp", "Hà Nội đẹp"),
    "emoji": ("🎉🚀 👩‍🚀 🇩🇪 👍🏽 ❤️", "🍕 🎻 🇫🇷 🐙 🌧️"),
    "mixed": ("GPT 模型在 Москва 得分 90 โมเดล", "abc 股票 Акции 17 ฉุ่ฮ"),
}
CASES = [pytest.param(*texts, id=name) for name, texts in SCRIPTS.items()]


def scored(name: str, prediction: str, reference: str | list[str], **options: Any) -> Score:
    return score(metrics.build(name, options), [prediction], [reference], n_resamples=5)[0]


@pytest.mark.parametrize("name", ROUGES)
@pytest.mark.parametrize(("text", "other"), CASES)
def test_the_same_text_scores_100_and_other_words_0(name: str, text: str, other: str) -> None:
    same = scored(name, text, text)
    assert same.value == 100.0
    assert "|tok:unicode|" in same.signature
    assert scored(name, other, text).value == 0.0
    assert scored(name, text, text, tokenizer="characters").value == 100.0


@pytest.mark.parametrize(("text", "other"), CASES)
def test_bleu_and_meteor_read_every_script(text: str, other: str) -> None:
    if len(text.split()) > 3 or len(text) > 20:
        assert scored("sacrebleu", text, text).value == pytest.approx(100.0)
    assert scored("meteor", text, text).value > 0.95
    assert scored("meteor", other, text).value < 0.2  # a shared full stop
    assert scored("sentence_bleu_method1", text, text).value == pytest.approx(1.0) or len(text.split()) == 3


def test_part_of_a_chinese_text_counts_as_part() -> None:
    # 5 of 10 characters each way; one unbroken word for METEOR's own tokenizer.
    assert scored("rouge1", "新的恒星是大", "新的恒星很小").value == pytest.approx(100 * 4 / 6)
    assert scored("meteor", "新的恒星是大", "新的恒星很小").value > 0.5
    assert scored("meteor", "新的恒星是大", "新的恒星很小", tokenizer="wordpunct").value == 0.0


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("text", ["Hà Nội đẹp quá", "Crème brûlée à l'école", "शोधकर्ताओं ने की", "한국어 문장"])
def test_one_text_in_two_unicode_spellings_is_one_text(form: Any, text: str) -> None:
    assert scored("rouge2", unicodedata.normalize(form, text), text).value == 100.0
    assert scored("meteor", unicodedata.normalize(form, text), text, tokenizer="unicode").value > 0.93


@pytest.mark.parametrize(
    ("name", "options"), [("chrf", {}), ("sacrebleu", {}), ("rouge1", {"tokenizer": "default"}), ("meteor", {})]
)
def test_two_unicode_spellings_are_said_where_they_differ(name: str, options: dict[str, Any]) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Hà Nội đẹp quá") for form in ("NFC", "NFD"))
    for prediction, reference in ((composed, decomposed), (decomposed, composed)):
        if name == "meteor" and reference == decomposed:
            continue  # `auto` takes the tokenizer that reads both
        notes = scored(name, prediction, reference, **options).notes or ()
        assert "1 of 1 row have letters in composed Unicode on one side" in notes[-1].text
    assert not any("composed" in note.text for note in scored(name, composed, composed, **options).notes or ())
    assert not any("composed" in note.text for note in scored(name, "a cat", decomposed, **options).notes or ())


def test_words_by_hand() -> None:
    assert unicode_words("Don't stop: 3.5 a_b!") == ["don", "t", "stop", "3", "5", "a", "b"]
    assert unicode_words("Straße, ÉCOLE") == ["strasse", "école"]
    assert unicode_words("コンピューターは便利") == ["コンピューター", "は", "便", "利"]
    assert unicode_words("👩‍🚀👍🏽 🇩🇪🇫🇷") == ["👩🚀", "👍🏽", "🇩🇪", "🇫🇷"]
    assert unicode_words("کتاب‌ها \u200f— soft\u00adhyphen") == ["کتابها", "softhyphen"]
    assert unicode_words("…?! — 。") == unicode_words("") == []
    assert unicode_words_and_punctuation("你好, world...") == ["你", "好", ",", "world", "..."]
    assert characters("E\u0301t é, 한국") == ["é", "t", "é", "한", "국"]


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(max_codepoint=127), max_size=40))
def test_on_ascii_texts_the_words_are_those_of_the_libraries(text: str) -> None:
    assert unicode_words(text) == tokenize.tokenize(text, None)
    assert unicode_words_and_punctuation(text) == wordpunct_tokenize(text.lower())


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_no_letter_is_dropped(text: str) -> None:
    letters = "".join(c for c in text if c.isalnum() and unicodedata.category(c) != "Cn")
    kept = unicodedata.normalize("NFD", "".join(unicode_words(text)))
    assert all(c in kept for c in unicodedata.normalize("NFD", letters.casefold()) if c.isalnum() and c not in "ᅟᅠㅤﾠ")


def test_english_is_scored_as_before() -> None:
    for name, tok in (*((name, "default") for name in ROUGES), ("meteor", "wordpunct"), ("sacrebleu", "13a")):
        auto, _ = score(metrics.build(name), PREDICTIONS, REFERENCES, n_resamples=5)
        assert auto == score(metrics.build(name, {"tokenizer": tok}), PREDICTIONS, REFERENCES, n_resamples=5)[0]
        assert auto.signature == metrics.build(name).signature()
        assert f"|tok:{tok}|" in auto.signature


def test_letters_that_are_dropped_are_counted() -> None:
    assert scored("rouge1", "a cafe in Rome", "a café in Rome", tokenizer="default").notes == (
        Note(
            text="tokenizer 'default' drops 1 of 11 letters of the references; tokenizer = 'unicode' reads them",
            count=1,
            of=11,
        ),
    )
    assert scored("rouge1", "a", "a cafe: 30 $ — “so”").notes is None
    assert scored("rouge1", "Hà Nội đẹp", "hả nổi đếp").notes == (
        Note(
            text="tokenizer 'unicode' was taken, since tokenizer 'default' drops 4 of 8 letters of the references",
            count=4,
            of=8,
        ),
    )


@pytest.mark.parametrize("name", ROUGES)
def test_a_reference_that_loses_every_letter_is_refused(name: str) -> None:
    metric = metrics.build(name, {"tokenizer": "default"})
    with pytest.raises(
        InputError, match=r"keeps no letter of references\[1\], and none of 1 more.*wordless_references"
    ):
        metric.statistics(["a", "b", "c"], ["a", "研究", ["c", "恒星"]])
    allowed = metrics.build(name, {"tokenizer": "default", "wordless_references": "allow"})
    assert allowed.statistics(["a", "研究"], ["a", "研究"])[1, 0] == 0.0
    with pytest.raises(InputError, match="keeps no letter"):
        metric.check_references([("a",), ("研究",)])
    metrics.build(name).check_references([("a",), ("研究",)])
    assert metrics.build(name).statistics(["a b", "研究"], ["a b", "研究"])[:, 0].tolist() == [100.0, 100.0]


def test_letters_that_stand_for_words_are_counted() -> None:
    notes = scored("rouge1", "ดาว", "ดาวดวงใหม่ 2").notes or ()
    assert [(note.count, note.of) for note in notes[1:]] == [(10, 11)]
    assert "10 of 11 letters of the references are compared one by one" in notes[1].text
    assert len(scored("rouge1", "研究", "研究").notes or ()) == 1
    assert scored("rouge1", "ดาว ดวง", "ดาว ดวง", tokenizer="whitespace").notes is None


def test_references_without_letters_score_0_and_are_counted() -> None:
    result = score(metrics.build("rouge1"), ["a", "?!", ""], ["a", "?!", ""], n_resamples=5)[0]
    assert result.value == pytest.approx(100 / 3)
    assert result.notes is not None
    assert [(note.count, note.of) for note in result.notes] == [(2, 3)]
    assert "2 of 3 rows have references without a letter or digit" in result.notes[0].text


def test_auto_reads_the_references_alone_and_all_of_them() -> None:
    metric = metrics.build("rouge1")
    for predictions in (["研究"], ["abc"]):
        assert metric.settled(predictions, ["plain words"]).options.tokenizer == "default"
        assert metric.settled(predictions, [["plain words", "слова"]]).options.tokenizer == "unicode"


def test_sentences_that_were_parted_before_are_left_alone() -> None:
    parted = "研究 人员 周一 宣布 发现 了 新 恒星"
    assert "|tok:whitespace|" in scored("sentence_bleu_method1", parted, parted).signature
    assert "|tok:13a|" in scored("sacrebleu", parted, parted).signature
    assert scored("rouge2", "研究 人员 周一", "研究 人员 周一", tokenizer="whitespace").value == 100.0


def test_stemming_leaves_other_scripts_alone() -> None:
    assert scored("rouge1", "walking écoles", "walked école", tokenizer="unicode").value == pytest.approx(50.0)


@pytest.mark.parametrize("tokenizer", ["13a", "intl", "zh", "char", "none"])
def test_bleu_equals_sacrebleu_with_each_of_its_tokenizers(tokenizer: str) -> None:
    generator = random.Random(0)  # noqa: S311
    texts = [text for pair in SCRIPTS.values() for text in pair]
    predictions = [text[: generator.randrange(4, 40)] for text in texts]
    ours, _ = score(metrics.build("sacrebleu", {"tokenizer": tokenizer}), predictions, texts, n_resamples=5)
    library = sacrebleu.BLEU(tokenize=tokenizer)
    assert ours.value == pytest.approx(library.corpus_score(predictions, [texts]).score, abs=1e-9)
    assert f"|tok:{library.get_signature().info['tok']}|" in ours.signature


@pytest.mark.parametrize(
    ("text", "tokenizer"), [("研究人员周一宣布", "zh"), ("東京で博物館が", "char"), ("นักวิจัยค้นพบดาวดวงใหม่", "char")]
)
def test_bleu_takes_a_tokenizer_that_finds_words(text: str, tokenizer: str) -> None:
    result = scored("sacrebleu", text, text)
    assert result.value == pytest.approx(100.0)
    assert f"|tok:{tokenizer}|" in result.signature
    with_13a = scored("sacrebleu", text, text, tokenizer="13a")
    assert with_13a.notes is not None
    assert f"finds no words in {len(text)}" in with_13a.notes[0].text or tokenizer == "char"


@pytest.mark.parametrize("tokenizer", ["ja-mecab", "ko-mecab"])
def test_a_missing_package_is_said(tokenizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs a package that is not installed; run `pip install 'sacrebleu\["):
        metrics.build("sacrebleu", {"tokenizer": tokenizer})


def test_a_missing_model_is_never_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("sacrebleu.SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"flores200sacrebleuspm, and nothing is fetched here"):
        metrics.build("sacrebleu", {"tokenizer": "flores200"})


def test_predictions_that_were_tokenized_before_are_said() -> None:
    predictions = ["the cat sat ."] * 100
    result, _ = score(metrics.build("sacrebleu"), predictions, predictions, n_resamples=5)
    assert result.notes is not None
    assert "100 of 100 predictions end in a tokenized period" in result.notes[0].text
    assert score(metrics.build("sacrebleu"), predictions[:99], predictions[:99], n_resamples=5)[0].notes is None


def test_rouge_lsum_without_newlines_says_that_it_is_rouge_l() -> None:
    flat = scored("rougeLsum", "a b c", "c a b")
    assert flat.value == scored("rougeL", "a b c", "c a b").value
    assert flat.notes == (Note(text="no text has a newline, so that it equals rougeL", count=1, of=1),)
    assert scored("rougeLsum", "a b\nc", "c a b").notes is None
    assert scored("rougeLsum", "a b c", ["c a b", "c\na b"]).notes is None


def test_the_tokenizer_of_a_users_rouge_is_settled_too(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "from bench.metrics.rouge import SPECS, Overlap, Rouge\nimport dataclasses\n"
        "class Own(Rouge):\n    spec = dataclasses.replace(SPECS['rougeL'], name='Own')\n"
        "    def _overlap(self, reference, prediction):\n"
        "        return Overlap(int(self._tokens(reference) == self._tokens(prediction)), 1, 1)\n",
        encoding="utf-8",
    )
    before = dict(USER_METRICS)
    try:
        result = scored(locate(f"{file}:Own"), "研究，人员", "研究人员")
    finally:
        USER_METRICS.clear()
        USER_METRICS.update(before)
    assert result.value == 100.0
    assert "|tok:unicode|" in result.signature
